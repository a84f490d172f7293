"""With keys nothing of a user's data stands in Redis, and every legitimate move of it reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.driver import AsyncDriver, Connector
from redflow.engine import Engine
from redflow.errors import Conflict, ExecutionFailed
from redflow.model.codec import Sealed
from redflow.model.outcome import Fail
from redflow.model.workflow import Workflow

CANARY = "canary-8d1f"
OLD, NEW = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
QUICK = {"interval": 0.2, "lease": 6.0, "beat": 0.5, "sweep": 0.25, "children": 1}


def functions(engine: Engine) -> None:
    @engine.function
    async def echo(value: Any) -> Any:
        return value

    @engine.function
    async def fail(value: Any) -> None:
        raise Fail(f"refused {CANARY}")

    @engine.function
    async def undo(value: Any) -> Any:
        return value


@pytest.fixture
async def engine(connector: Connector, namespace: str) -> AsyncIterator[Engine]:
    async with Engine(connector, namespace=namespace, crypto=Crypto([OLD])) as made:
        functions(made)
        await made.create_namespace(2)
        yield made


@asynccontextmanager
async def other(engine: Engine, crypto: Crypto | None) -> AsyncIterator[Engine]:
    """Another process: the same namespace, other keys."""
    async with Engine(engine.connector, namespace=engine.namespace, crypto=crypto) as made:
        functions(made)
        yield made


def call(builder: Any, node: str, function: str = "echo", **config: Any) -> Any:
    return builder.add_node(node, "function", function=function, **config)


def chain() -> Workflow:
    return call(call(Workflow.builder("chain"), "a"), "b").connect("a", "b").build()


async def everything(driver: AsyncDriver, namespace: str) -> bytes:
    """All keys of a namespace and all they hold."""
    found = []
    for key in await driver.raw("KEYS", f"*{namespace}*"):
        kind = (await driver.raw("TYPE", key)).decode()
        words = {
            "string": ("GET", key),
            "hash": ("HGETALL", key),
            "list": ("LRANGE", key, 0, -1),
            "set": ("SMEMBERS", key),
            "zset": ("ZRANGE", key, 0, -1),
            "stream": ("XRANGE", key, "-", "+"),
        }[kind]
        found.append(repr(await driver.raw(*words)))
    return "\n".join(found).encode()


async def test_a_chain_reads_what_it_seals_and_leaves_nothing_to_read(
    engine: Engine, driver: AsyncDriver
):
    await engine.register_workflow(chain())
    data = {"name": CANARY, "large": CANARY * 1000}
    async with engine.worker(**QUICK):
        handle = await engine.execute("chain", data)
        assert await handle.result(timeout=10) == data
    stored = await everything(driver, engine.namespace)
    assert handle.id.encode() in stored
    assert CANARY.encode() not in stored
    execution = await handle.execution()
    assert (execution.input, execution.output) == (data, data)
    assert [step.output for step in await handle.steps()] == [data, data]


async def test_errors_reach_handlers_and_compensations(engine: Engine, driver: AsyncDriver):
    builder = call(call(Workflow.builder("w"), "a").with_saga("revert"), "b", "fail")
    builder = call(builder, "handle").connect("a", "b").connect_on("b", "handle", "failure")
    builder = call(builder, "last", "fail").connect("handle", "last")
    builder = call(builder, "revert", "undo")
    await engine.register_workflow(builder.build())
    async with engine.worker(**QUICK):
        handle = await engine.execute("w", CANARY)
        with pytest.raises(ExecutionFailed, match=f"refused {CANARY}"):
            await handle.result(timeout=10)
    steps = {step.node_id: step for step in await handle.steps()}
    assert steps["handle"].output["error"]["message"] == f"refused {CANARY}"
    assert steps["handle"].output["input"] == CANARY
    assert steps["a~undo"].output["output"] == CANARY
    assert CANARY.encode() not in await everything(driver, engine.namespace)


async def test_signals_are_read_by_the_step_they_are_for(engine: Engine, driver: AsyncDriver):
    builder = Workflow.builder("w").add_node("early", "signal").add_node("late", "signal")
    await engine.register_workflow(builder.connect("early", "late").build())
    handle = await engine.execute("w")
    await handle.signal("early", {"by": CANARY})
    async with engine.worker(**QUICK):
        while (await handle.steps())[1].waiting_for != "late":
            await asyncio.sleep(0.01)
        await handle.signal("late", {"by": CANARY, "large": CANARY * 1000})
        assert (await handle.result(timeout=10))["by"] == CANARY
    assert (await handle.steps())[0].output == {"by": CANARY}
    assert CANARY.encode() not in await everything(driver, engine.namespace)


@pytest.mark.parametrize("inner", ["echo", "fail"])
async def test_children_and_parents_read_each_other(
    engine: Engine, driver: AsyncDriver, inner: str
):
    await engine.register_workflow(call(Workflow.builder("inner"), "x", inner).build())
    builder = Workflow.builder("outer").add_node("sub", "subworkflow", workflow="inner")
    await engine.register_workflow(call(builder, "after").connect("sub", "after").build())
    async with engine.worker(**QUICK):
        handle = await engine.execute("outer", CANARY)
        if inner == "echo":
            assert await handle.result(timeout=10) == CANARY
        else:
            with pytest.raises(ExecutionFailed, match=f"refused {CANARY}"):
                await handle.result(timeout=10)
    assert CANARY.encode() not in await everything(driver, engine.namespace)


async def test_a_rerun_reads_what_it_keeps(engine: Engine):
    builder = call(call(call(Workflow.builder("w"), "a"), "b"), "c", "fail")
    await engine.register_workflow(builder.connect("a", "b").connect("b", "c").build())
    async with engine.worker(**QUICK):
        again = await engine.execute("w", CANARY)
        with pytest.raises(ExecutionFailed):
            await again.result(timeout=10)
        for _ in range(2):
            again = await engine.rerun_execution(again.id, from_node="b")
            with pytest.raises(ExecutionFailed, match="refused"):
                await again.result(timeout=10)
        changed = await engine.rerun_execution(again.id, input="other")
        with pytest.raises(ExecutionFailed):
            await changed.result(timeout=10)
    assert [step.output for step in await again.steps()][:2] == [CANARY, CANARY]
    assert (await again.execution()).input == CANARY
    assert (await changed.execution()).input == "other"


async def test_expressions_templates_and_variables_are_made_by_workers(
    engine: Engine, driver: AsyncDriver
):
    builder = Workflow.builder("w").add_node("set", "setvariable", variables={"v": "${input.name}"})
    builder.add_node("ask", "condition", expression=f"vars.v == '{CANARY[:6]}' or True")
    builder.add_node("make", "transform", mapping={"both": "${steps.set.output.name + vars.v}"})
    builder.connect("set", "ask").connect_if("ask", "make", "true")
    await engine.register_workflow(builder.build())
    async with engine.worker(**QUICK):
        handle = await engine.execute("w", {"name": CANARY})
        assert await handle.result(timeout=10) == {"both": CANARY * 2}
    assert CANARY.encode() not in await everything(driver, engine.namespace)


async def test_an_output_given_by_an_operator_is_sealed(engine: Engine, driver: AsyncDriver):
    await engine.register_workflow(chain())
    handle = await engine.execute("chain", 1)
    await engine.skip_step(handle.id, "a", {"given": CANARY})
    async with engine.worker(**QUICK):
        assert await handle.result(timeout=10) == {"given": CANARY}
    assert CANARY.encode() not in await everything(driver, engine.namespace)


# --- processes with other keys


async def test_a_process_without_keys_sees_all_but_the_values(engine: Engine):
    await engine.register_workflow(chain())
    async with engine.worker(**QUICK), AsyncClient(
        engine.connector, namespace=engine.namespace
    ) as bare:  # fmt: skip
        started = await bare.execute("chain")
        assert await started.result(timeout=10) is not None
        done = await engine.execute("chain", CANARY)
        await done.result(timeout=10)
        execution = await bare.get_execution(done.id)
    assert execution.status == "COMPLETED"
    assert isinstance(execution.input, Sealed)
    assert isinstance(execution.output, Sealed)
    assert CANARY not in repr(execution)


async def test_a_worker_without_the_key_leaves_the_step_to_one_that_has_it(engine: Engine):
    await engine.register_workflow(chain())
    handle = await engine.execute("chain", CANARY)
    async with other(engine, None) as bare:
        async with bare.worker(**QUICK):
            while (await handle.steps())[0].releases == 0:
                await asyncio.sleep(0.01)
        async with engine.worker(**QUICK):
            assert await handle.result(timeout=10) == CANARY
    assert (await handle.steps())[0].attempt == 1


async def test_what_was_not_sealed_is_refused_unless_migrating(engine: Engine):
    await engine.register_workflow(chain())
    async with other(engine, None) as bare, engine.worker(**QUICK):
        handle = await bare.execute("chain", "planted")
        with pytest.raises(ExecutionFailed, match="is not sealed"):
            await engine.handle(handle.id).result(timeout=10)
    async with other(engine, None) as bare, other(engine, Crypto([OLD], migrating=True)) as moving:
        handle = await bare.execute("chain", "from before")
        async with moving.worker(**QUICK):
            assert await moving.handle(handle.id).result(timeout=10) == "from before"


async def test_a_value_put_into_another_execution_is_refused(engine: Engine, driver: AsyncDriver):
    """Who can write to Redis can still not make a step work on the data of another tenant."""
    await engine.register_workflow(chain())
    victim = await engine.execute("chain", CANARY)
    thief = await engine.execute("chain", "mine")
    space = await engine._namespace.space()
    keys = [space.keys.partition_of(one.id).execution(one.id) for one in (victim, thief)]
    stolen = await driver.raw("HGET", keys[0], "input")
    await driver.raw("HSET", keys[1], "input", stolen)
    with pytest.raises(Exception, match="was sealed as the input of"):
        await thief.execution()


async def test_a_new_key_reads_on_and_finds_what_the_old_one_started(engine: Engine):
    await engine.register_workflow(chain())
    await engine.execute("chain", {"n": 1}, id="order-1")
    async with other(engine, Crypto([NEW, OLD])) as rotated:
        assert (await rotated.execute("chain", {"n": 1}, id="order-1")).id == "order-1"
        with pytest.raises(Conflict):
            await rotated.execute("chain", {"n": 2}, id="order-1")
        async with rotated.worker(**QUICK):
            assert await rotated.handle("order-1").result(timeout=10) == {"n": 1}


@pytest.fixture(autouse=True)
def _no_keys_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDFLOW_CRYPTO_KEYS", "REDFLOW_CRYPTO_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)


async def test_keys_of_the_environment_are_used(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    await engine.register_workflow(chain())
    await engine.execute("chain", "sealed", id="one")
    monkeypatch.setenv("REDFLOW_CRYPTO_KEYS", OLD.text())
    async with AsyncClient(engine.connector, namespace=engine.namespace) as client:
        assert (await client.get_execution("one")).input == "sealed"
