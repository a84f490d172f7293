"""Large values take the way around Redis, on every legitimate move."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from redflow.client import Client
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.driver import AsyncDriver, Connector
from redflow.engine import Engine
from redflow.errors import (
    Conflict,
    ExecutionFailed,
    Misconfigured,
    NotFound,
    PayloadMissing,
    PayloadTooLarge,
    Unavailable,
)
from redflow.model.codec import Stored
from redflow.model.workflow import Workflow
from redflow.payloads.files import FileStore
from redflow.payloads.payloads import Payloads
from tests.engine.kit import CANARY, LARGE, call, chain, opened
from tests.engine.test_encryption import QUICK, everything
from tests.payloads.kit import Memory

# --- every move of a value


async def test_a_chain_passes_a_large_value_and_redis_holds_references(
    engine: Engine, store: Memory, driver: AsyncDriver, crypto: Crypto | None
):
    await engine.register_workflow(chain("echo", "echo"))
    async with engine.worker(**QUICK):
        handle = await engine.execute("chain", LARGE)
        assert await handle.result(timeout=10) == LARGE
    execution = await handle.execution()
    assert (execution.input, execution.output) == (LARGE, LARGE)
    assert [step.output for step in await handle.steps()] == [LARGE, LARGE]
    assert CANARY.encode() not in await everything(driver, engine.namespace)
    assert store.owners() == [handle.id] * 3
    assert all(CANARY.encode() in data for data in store.data.values()) is (crypto is None)


async def test_files_hold_nothing_to_read_where_there_are_keys(
    connector: Connector, namespace: str, tmp_path: Path
):
    crypto = Crypto([Key("k1", b"1" * 32)])
    async with opened(connector, namespace, FileStore(tmp_path), crypto) as engine:
        await engine.register_workflow(chain("echo"))
        async with engine.worker(**QUICK):
            handle = await engine.execute("chain", LARGE)
            assert await handle.result(timeout=10) == LARGE
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert CANARY.encode() not in b"".join(files)


async def test_joins_of_large_and_small_values(engine: Engine):
    builder = call(call(Workflow.builder("w"), "a"), "b", "size")
    call(builder, "c").connect("a", "c").connect("b", "c")
    await engine.register_workflow(builder.build())
    async with engine.worker(**QUICK):
        handle = await engine.execute("w", LARGE)
        assert await handle.result(timeout=10) == {"a": LARGE, "b": len(repr(LARGE))}


async def test_what_meets_in_one_step_has_the_limit_of_the_store(
    connector: Connector, namespace: str
):
    payloads = Payloads(Memory(), limit=2_000_000)
    async with opened(connector, namespace, payloads) as engine:
        builder = call(call(call(Workflow.builder("w"), "a"), "b"), "c")
        await engine.register_workflow(builder.connect("a", "c").connect("b", "c").build())
        async with engine.worker(**QUICK):
            handle = await engine.execute("w", LARGE)
            with pytest.raises(ExecutionFailed, match="more than 2,000,000 bytes"):
                await handle.result(timeout=10)


async def test_signals_are_stored_as_well(engine: Engine, store: Memory):
    builder = Workflow.builder("w").add_node("early", "signal").add_node("late", "signal")
    await engine.register_workflow(builder.connect("early", "late").build())
    handle = await engine.execute("w")
    await handle.signal("early", LARGE)
    async with engine.worker(**QUICK):
        while (await handle.steps())[1].waiting_for != "late":
            await asyncio.sleep(0.01)
        await handle.signal("late", LARGE)
        assert await handle.result(timeout=10) == LARGE
    assert store.owners() == [handle.id] * 4


async def test_children_and_parents_read_each_other(engine: Engine, store: Memory):
    inner = call(call(call(Workflow.builder("inner"), "w"), "x"), "y", "size")
    await engine.register_workflow(inner.connect("w", "x").connect("w", "y").build())
    builder = Workflow.builder("outer").add_node("sub", "subworkflow", workflow="inner")
    await engine.register_workflow(builder.build())
    async with engine.worker(**QUICK):
        handle = await engine.execute("outer", LARGE)
        assert await handle.result(timeout=10) == {"x": LARGE, "y": len(repr(LARGE))}
    child = f"{handle.id}.sub"
    assert store.owners() == [handle.id, handle.id, child, child, child]


async def test_expressions_read_large_values(engine: Engine):
    builder = Workflow.builder("w")
    builder.add_node("ask", "condition", expression="len(input.text) > 1000")
    builder.add_node("make", "transform", mapping={"n": "${len(execution.input.text)}"})
    await engine.register_workflow(builder.connect_if("ask", "make", "true").build())
    async with engine.worker(**QUICK):
        handle = await engine.execute("w", LARGE)
        assert await handle.result(timeout=10) == {"n": len(LARGE["text"])}


async def test_an_output_given_by_an_operator(engine: Engine):
    await engine.register_workflow(chain("echo", "echo"))
    handle = await engine.execute("chain", 1)
    await engine.skip_step(handle.id, "n0", LARGE)
    async with engine.worker(**QUICK):
        assert await handle.result(timeout=10) == LARGE


async def test_a_start_that_is_repeated_finds_the_first(engine: Engine):
    await engine.register_workflow(chain("echo"))
    await engine.execute("chain", LARGE, id="order-1")
    assert (await engine.execute("chain", LARGE, id="order-1")).id == "order-1"
    with pytest.raises(Conflict):
        await engine.execute("chain", {"text": CANARY * 110_000}, id="order-1")


async def test_many_starts_and_the_synchronous_client(engine: Engine, crypto: Crypto | None):
    await engine.register_workflow(chain("size"))

    def synchronously() -> list[Any]:
        options = {"crypto": crypto, "payloads": engine._namespace.values.payloads}
        with Client(engine.connector, namespace=engine.namespace, **options) as client:
            handles = client.execute_many("chain", [LARGE, 1, LARGE])
            results = [handle.result(timeout=10) for handle in handles]
            return [*results, handles[0].execution().input, client.payloads.sweep()]

    handles = await engine.execute_many("chain", [LARGE, 1, LARGE])
    async with engine.worker(**QUICK):
        found = await asyncio.to_thread(synchronously)
        large = len(repr(LARGE))
        assert found == [large, 1, large, LARGE, 0]
        assert [await one.result(timeout=10) for one in handles] == [large, 1, large]


async def test_small_values_never_meet_the_store(engine: Engine, store: Memory):
    await engine.register_workflow(chain("echo"))
    async with engine.worker(**QUICK):
        handle = await engine.execute("chain", "x" * 60_000)
        await handle.result(timeout=10)
    assert store.puts == 0


async def test_values_over_the_cap_are_refused(connector: Connector, namespace: str):
    async with opened(connector, namespace, Payloads(Memory(), limit=1_100_000)) as engine:
        await engine.register_workflow(chain("echo"))
        with pytest.raises(PayloadTooLarge, match="over the limit of 1,100,000"):
            await engine.execute("chain", LARGE)


async def test_the_environment_names_the_store(
    connector: Connector, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REDFLOW_PAYLOADS", tmp_path.as_uri())
    async with opened(connector, namespace, None) as engine:
        await engine.register_workflow(chain("echo"))
        async with engine.worker(**QUICK):
            handle = await engine.execute("chain", LARGE)
            assert await handle.result(timeout=10) == LARGE
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 2


# --- what goes wrong


async def test_a_start_that_cannot_be_stored_does_not_happen(engine: Engine, store: Memory):
    await engine.register_workflow(chain("echo"))
    store.refuse = -1
    with pytest.raises(Unavailable, match="could not be stored: ConnectionRefusedError"):
        await engine.execute("chain", LARGE, id="order-1")
    with pytest.raises(NotFound):
        await engine.get_execution("order-1")


async def test_a_start_that_waits_for_the_store_holds_up_no_other(engine: Engine, store: Memory):
    await engine.register_workflow(chain("echo"))
    await engine.execute("chain", "first")  # from now on a start takes one round trip
    store.open.clear()
    store.refuse = 1
    large = asyncio.create_task(engine.execute("chain", LARGE))
    small = [await engine.execute("chain", number) for number in range(3)]
    assert [(await one.execution()).input for one in small] == [0, 1, 2]
    store.open.set()
    with pytest.raises(Unavailable):
        await large


async def test_a_payload_that_is_gone_fails_the_step_and_is_named(engine: Engine, store: Memory):
    await engine.register_workflow(chain("echo"))
    handle = await engine.execute("chain", LARGE)
    (key,) = store.data
    store.data.clear()
    async with engine.worker(**QUICK):
        with pytest.raises(ExecutionFailed, match=f"payload '{key}' is not in memory"):
            await handle.result(timeout=10)
    assert type((await handle.execution()).input) is Stored


async def test_a_result_that_is_gone_is_an_error_and_still_can_be_looked_at(
    engine: Engine, store: Memory
):
    await engine.register_workflow(chain("echo"))
    async with engine.worker(**QUICK):
        handle = await engine.execute("chain", LARGE)
        await handle.result(timeout=10)
    store.data.clear()
    with pytest.raises(PayloadMissing):
        await handle.result(timeout=10)
    execution = await handle.execution()
    assert type(execution.output) is Stored
    assert [type(step.output) for step in await handle.steps()] == [Stored]


async def test_a_store_that_is_away_gives_the_step_back_until_it_is_there(
    engine: Engine, store: Memory
):
    await engine.register_workflow(chain("size"))
    handle = await engine.execute("chain", LARGE)
    store.unreadable = True
    async with engine.worker(**QUICK):
        while (await handle.steps())[0].releases == 0:
            await asyncio.sleep(0.01)
        store.unreadable = False
        assert await handle.result(timeout=10) == len(repr(LARGE))
    assert (await handle.steps())[0].attempt == 1


async def test_a_process_without_the_store_sees_all_but_the_values(
    engine: Engine, crypto: Crypto | None
):
    await engine.register_workflow(chain("echo"))
    handle = await engine.execute("chain", LARGE)
    async with opened(engine.connector, engine.namespace, None, crypto) as bare:
        async with bare.worker(**QUICK):
            while (await handle.steps())[0].releases == 0:
                await asyncio.sleep(0.01)
        async with engine.worker(**QUICK):
            await handle.result(timeout=10)
        shown = await bare.get_execution(handle.id)
        with pytest.raises(Misconfigured, match="no payload store here"):
            await bare.payloads.sweep()
    assert (type(shown.input), type(shown.output)) == (Stored, Stored)
