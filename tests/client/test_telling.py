"""`check` holds the state of executions against their events, as far as those are still there."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from redflow.driver import AsyncDriver, Connector
from redflow.engine import Engine
from redflow.errors import ExecutionCancelled, ExecutionFailed
from redflow.model.outcome import Fail, Retry
from redflow.model.workflow import Workflow
from redflow.nodes.context import Context
from redflow.store.keys import PartitionKeys

QUICK = {"interval": 0.2, "lease": 6.0, "beat": 0.5, "sweep": 0.25, "children": 1}


@pytest.fixture
async def engine(connector: Connector, namespace: str) -> AsyncIterator[Engine]:
    async with Engine(connector, namespace=namespace) as made:

        @made.function
        async def echo(value: Any) -> Any:
            return value

        @made.function(retry=3)
        async def second_time(ctx: Context, value: Any) -> Any:
            if ctx.attempt == 1:
                raise Retry(0.01)
            return value

        @made.function
        async def fail(value: Any) -> None:
            raise Fail("no")

        await made.create_namespace(1)
        yield made


def function(builder: Any, node: str, name: str = "echo") -> Any:
    return builder.add_node(node, "function", function=name)


async def fill(engine: Engine) -> list[str]:
    """Leave executions of all kinds of lives; answers their ids, the completed one first."""
    whole = function(function(Workflow.builder("whole"), "a", "second_time"), "c")
    whole = whole.add_node("wait", "signal").add_node("ask", "condition", expression="input == 1")
    whole = function(function(whole, "yes"), "no").connect("a", "wait").connect("wait", "ask")
    whole = whole.connect_if("ask", "yes", "true").connect_if("ask", "no", "false")
    await engine.register_workflow(whole.connect("yes", "c").build())
    undone = function(Workflow.builder("undone"), "a").with_saga("undo")
    undone = function(function(undone, "b", "fail"), "undo").connect("a", "b")
    await engine.register_workflow(undone.build())
    parent = Workflow.builder("parent").add_node("sub", "subworkflow", workflow="undone")
    await engine.register_workflow(parent.build())
    async with engine.worker(**QUICK):
        done = await engine.execute("whole", id="done")
        await done.signal("wait", 1)
        await done.result(timeout=10)
        for name in ("undone", "parent"):
            handle = await engine.execute(name, id=name)
            with pytest.raises(ExecutionFailed):
                await handle.result(timeout=10)
        stopped = await engine.execute("whole", id="stopped")
        while (await stopped.steps())[1].status != "WAITING":
            await asyncio.sleep(0.01)
        await stopped.cancel("enough")
        with pytest.raises(ExecutionCancelled):
            await stopped.result(timeout=10)
        again = await engine.rerun_execution("undone", from_node="b")
        with pytest.raises(ExecutionFailed):
            await again.result(timeout=10)
        resting = await engine.execute("whole", id="resting")
        while (await resting.steps())[1].status != "WAITING":
            await asyncio.sleep(0.01)
    await engine.execute("whole", id="ready")
    return ["done", "undone", "parent", "stopped", "resting", "ready", again.id]


async def findings(engine: Engine) -> list[str]:
    return [str(one) for one in (await engine.check()).findings if not one.note]


async def partition_of(engine: Engine) -> PartitionKeys:
    return (await engine._namespace.space()).keys.partition(0)


async def test_nothing_is_said_of_what_events_tell(engine: Engine):
    await fill(engine)
    assert await findings(engine) == []


@pytest.mark.parametrize(
    ("field", "pattern", "change", "said"),
    [
        ("s1", rb"^C2,", b"C1,", r"step 1 is recorded with the counts 1,0,0"),
        ("s1", rb"^C2,0,0,", b"C2,0,7,", r"step 1 is recorded with the counts 2,0,7"),
        ("s1", rb"^C", b"F", r"step 1 is recorded as F, and events tell C"),
        ("ended", rb" C$", b" F", r"ended as F, and its events tell of C"),
    ],
)
async def test_a_state_that_events_do_not_tell_is_found(
    engine: Engine, driver: AsyncDriver, field: str, pattern: bytes, change: bytes, said: str
):
    await fill(engine)
    key = (await partition_of(engine)).execution("done")
    before = await driver.raw("HGET", key, field)
    after = re.sub(pattern, change, before)
    assert after != before
    await driver.raw("HSET", key, field, after)
    assert any(re.search(f"^done: .*{said}", one) for one in await findings(engine))


async def test_a_step_of_which_no_event_tells_is_found(engine: Engine, driver: AsyncDriver):
    await fill(engine)
    partition = await partition_of(engine)
    record = await driver.raw("HGET", partition.execution("done"), "s1")
    await driver.raw("HSET", partition.execution("stopped"), "s5", record)
    assert any(one.startswith("stopped: step 5 is ") for one in await findings(engine))


async def test_an_event_that_is_gone_is_found_unless_all_before_it_are(
    engine: Engine, driver: AsyncDriver
):
    await fill(engine)
    events = (await partition_of(engine)).permanent["events"]
    entries = [entry for entry, _ in await driver.raw("XRANGE", events, "-", "+")]
    await driver.raw("XDEL", events, entries[3])
    assert any("its events go from " in one for one in await findings(engine))
    await driver.raw("XDEL", events, *entries[:-1])
    assert await findings(engine) == []


async def test_a_purged_execution_whose_id_is_taken_again_is_told_by_its_new_events(engine: Engine):
    await fill(engine)
    await engine.purge()
    async with engine.worker(**QUICK):
        done = await engine.execute("whole", id="done")
        await done.signal("wait", 1)
        await done.result(timeout=10)
    assert await findings(engine) == []
