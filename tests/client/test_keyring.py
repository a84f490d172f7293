"""Values are counted by key and sealed anew, while everything goes on."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from redflow.client import AsyncClient
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.crypto.search import key_ids_in, resealed, sealed_in
from redflow.crypto.values import Field, Values
from redflow.driver import Connector
from redflow.engine import Engine
from redflow.errors import ExecutionFailed, KeyMissing, Misconfigured
from redflow.model import codec
from redflow.model.operations import KeyUse
from redflow.model.outcome import Fail
from redflow.model.workflow import Workflow

OLD, NEW = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
QUICK = {"interval": 0.2, "lease": 6.0, "beat": 0.5, "sweep": 0.25, "children": 1}
LARGE = "x" * 5000


@pytest.fixture
async def engine(connector: Connector, namespace: str) -> AsyncIterator[Engine]:
    async with Engine(connector, namespace=namespace, crypto=Crypto([OLD])) as made:
        register(made)
        await made.create_namespace(2)
        yield made


def register(engine: Engine) -> None:
    @engine.function
    async def echo(value):
        return value

    @engine.function
    async def fail(value):
        raise Fail("no")


def of(engine: Engine, *keys: Key) -> Engine:
    made = Engine(engine.connector, namespace=engine.namespace, crypto=Crypto(keys))
    register(made)
    return made


async def fill(engine: Engine) -> list[str]:
    """Leave values of every kind: inputs, outputs, errors, signals, large ones, a secret."""
    builder = Workflow.builder("w").add_node("a", "function", function="echo")
    builder.add_node("wait", "signal").add_node("late", "signal").add_node(
        "end", "function", function="fail"
    )
    builder.connect("a", "wait").connect("wait", "late").connect("late", "end")
    await engine.register_workflow(builder.build())
    async with engine.worker(**QUICK):
        ended = await engine.execute("w", {"large": LARGE})
        for name in ("wait", "late"):
            await ended.signal(name, {"large": LARGE})
        with pytest.raises(ExecutionFailed):
            await ended.result(timeout=10)
        waiting = await engine.execute("w", {"small": 1})
        await waiting.signal("wait", {"n": 1})
        while (await waiting.steps())[2].waiting_for is None:
            await asyncio.sleep(0.01)
        await waiting.signal("wait", "kept until a second one waits")
    await engine.put_secret("stripe", "sk-1", hosts=["api.example.com"])
    return [ended.id, waiting.id]


async def test_what_an_old_key_has_sealed_is_sealed_anew_and_read_by_the_new_one(engine: Engine):
    ended, waiting = await fill(engine)
    async with of(engine, NEW, OLD) as both:
        before = {one.id: one for one in await both.keyring.status()}
        replaced, left = await both.keyring.rotate()
        again, _ = await both.keyring.rotate()
    assert before["k1"].values >= 12
    assert replaced == before["k1"].values
    assert left == [
        KeyUse("k2", replaced, 0, here=True, current=True),
        KeyUse("k1", 0, 0, here=True, current=False),
    ]
    assert again == 0
    async with of(engine, NEW) as alone:
        execution = await alone.get_execution(ended)
        assert execution.input == {"large": LARGE}
        assert execution.error is not None
        assert execution.error.message == "no"
        handle = alone.handle(waiting)
        async with alone.worker(**QUICK):
            await handle.signal("late", 2)
            with pytest.raises(ExecutionFailed, match="no"):
                await handle.result(timeout=10)
        assert [step.output for step in await handle.steps()][:3] == [{"small": 1}, {"n": 1}, 2]


async def test_a_value_that_changes_meanwhile_is_left_to_whoever_changed_it(engine: Engine):
    """The script compares: a record that a step has settled anew is not overwritten."""
    await fill(engine)
    space = await engine._namespace.space()
    from redflow.store.resealing import reseal_values

    run = engine._namespace.driver.run
    key = space.keys.secrets
    await engine._namespace.driver.raw("HSET", key, "v:x", b"now")
    assert await run(reseal_values(space, key, [("v:x", b"then", b"anew")])) == 0
    assert await engine._namespace.driver.raw("HGET", key, "v:x") == b"now"


async def test_values_of_ready_steps_are_counted_apart(engine: Engine):
    builder = Workflow.builder("w").add_node("a", "function", function="echo")
    await engine.register_workflow(builder.build())
    handle = await engine.execute("w", "here")
    async with of(engine, NEW, OLD) as both:
        replaced, left = await both.keyring.rotate()
        assert (replaced, left[1]) == (1, KeyUse("k1", 0, 1, here=True, current=False))
        async with both.worker(**QUICK):
            assert await both.handle(handle.id).result(timeout=10) == "here"
        assert (await both.keyring.status())[1] == KeyUse("k1", 0, 0, here=True, current=False)


async def test_status_needs_no_key_and_rotate_does(engine: Engine, monkeypatch):
    for name in ("REDFLOW_CRYPTO_KEYS", "REDFLOW_CRYPTO_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    await fill(engine)
    async with AsyncClient(engine.connector, namespace=engine.namespace) as bare:
        (found,) = await bare.keyring.status()
        assert (found.id, found.here, found.current) == ("k1", False, False)
        with pytest.raises(Misconfigured, match="no key to seal values with"):
            await bare.keyring.rotate()


async def test_what_another_key_has_sealed_stays_and_is_counted(engine: Engine):
    await fill(engine)
    async with of(engine, NEW) as new:
        replaced, left = await new.keyring.rotate()
    assert replaced == 0
    assert [(one.id, one.values > 0, one.here) for one in left] == [
        ("k2", False, True),
        ("k1", True, False),
    ]


# --- finding sealed values in bytes


def test_sealed_values_are_found_between_others():
    values = Values("ns", Crypto([OLD]))
    parts = [values.seal(codec.encode("x" * n), "e", Field.INPUT) for n in (0, 300, 70_000)]
    data = b"C1,0,\xc7\x06\n=" + b"\xc8\x00\x05\x06\x01abc".join(parts) + b"\xc7\xff\x06\x01"
    found = sealed_in(data)
    assert [data[one.start : one.end] for one in found] == parts
    assert key_ids_in(data) == ["k1"] * 3


def test_resealing_changes_the_sealed_values_alone():
    old, new = Values("ns", Crypto([OLD])), Values("ns", Crypto([NEW]))
    sealed = old.seal(codec.encode("x" * 250), "e", Field.INPUT)
    data = b"head=" + sealed + b"tail"
    after = resealed(data, Crypto([NEW, OLD]))
    assert after[:5] + after[-4:] == b"head=tail"
    assert new.read(after[5:-4], "e", Field.INPUT) == "x" * 250
    with pytest.raises(KeyMissing):
        old.read(after[5:-4], "e", Field.INPUT)
    assert resealed(after, Crypto([NEW, OLD])) == after
