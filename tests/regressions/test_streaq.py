"""Four faults of streaQ 7.2.0: lost, stuck and premature children, children in a wrong queue."""

import asyncio
from typing import Any

import pytest

from redflow import Engine, ExecutionFailed, Fail, Workflow
from redflow.store.steps import advance


def chain(*, child_queue: str = "default") -> Workflow:
    return (
        Workflow.builder("chain")
        .add_node("parent", "function")
        .with_config("function", "parent")
        .add_node("child", "function")
        .with_config("function", "child")
        .with_queue(child_queue)
        .connect("parent", "child")
        .build()
    )


def said_when_run(engine: Engine, name: str) -> asyncio.Event:
    """Register a function that says when it has run; leaving the worker then records it."""
    ran = asyncio.Event()

    async def function(value: Any) -> Any:
        ran.set()
        return value

    engine.registry.register_function(name, function)
    return ran


async def test_a_crash_right_after_completing_a_step_does_not_lose_its_children(engine: Engine):
    engine.registry.register_function("parent", lambda value: value)
    engine.registry.register_function("child", lambda value: value)
    workflow = await engine.register_workflow(chain())
    handle = await engine.execute("chain", 1)
    plan = await engine.get_plan(workflow.content_hash)
    space = await engine._namespace.space()
    partition = space.keys.partition_of(handle.id)
    driver = engine._namespace.driver
    claimed = await driver.run(
        advance(
            space,
            partition,
            consumer="doomed",
            queues=["default"],
            executions=[],
            plans=[],
            outcomes=[],
            claims=[1, 1],
        )
    )
    token = claimed.claims[0].token
    # The last thing this worker ever does is to record its outcome; it claims nothing more.
    await driver.run(
        advance(
            space,
            partition,
            consumer="doomed",
            queues=["default"],
            executions=[handle.id],
            plans=[plan.hash],
            outcomes=[token, 1, 1, 1, "c", "1,0,0,default,0,0", b"=\x01", ""],
            claims=[],
        )
    )
    async with engine.worker():
        assert await handle.result(timeout=10) == 1


async def test_a_join_does_not_wait_for_a_result_that_is_gone(engine: Engine):
    """It kept a child SCHEDULED for ever when the result of a finished parent had expired."""
    ran = said_when_run(engine, "f")
    builder = Workflow.builder("join").add_node("left", "function", function="f")
    builder = builder.add_node("right", "function", function="f").with_queue("later")
    builder = builder.add_node("both", "function", function="f")
    await engine.register_workflow(builder.connect("left", "both").connect("right", "both").build())
    handle = await engine.execute("join", 1)
    async with engine.worker():
        await asyncio.wait_for(ran.wait(), 10)
    space = await engine._namespace.space()
    key = space.keys.partition_of(handle.id).execution(handle.id)
    plan = await engine.get_plan((await engine.get_workflow("join")).content_hash)
    await engine._namespace.driver.raw("HDEL", key, f"s{plan.numbers['left']}")
    async with engine.worker(queues=("later", "default")):
        assert await handle.result(timeout=10) == {"right": 1}


async def test_a_child_of_a_step_that_has_failed_does_not_run(engine: Engine):
    ran = []

    def fail(value: int) -> None:
        raise Fail("no")

    engine.registry.register_function("parent", fail)
    engine.registry.register_function("child", ran.append)
    await engine.register_workflow(chain())
    handle = await engine.execute("chain", 1)
    async with engine.worker():
        with pytest.raises(ExecutionFailed, match="no"):
            await handle.result(timeout=10)
    assert ran == []
    child = {step.node_id: step for step in await handle.steps()}["child"]
    assert child.status == "CANCELLED"


async def test_a_child_runs_in_its_own_queue_not_in_its_parents(engine: Engine):
    ran = said_when_run(engine, "parent")
    engine.registry.register_function("child", lambda value: value)
    await engine.register_workflow(chain(child_queue="slow"))
    handle = await engine.execute("chain", 1)
    async with engine.worker(queues=("default",)):
        await asyncio.wait_for(ran.wait(), 10)
    steps = {step.node_id: step for step in await handle.steps()}
    assert (steps["child"].status, steps["child"].queue) == ("PENDING", "slow")
    async with engine.worker(queues=("slow",)):
        assert await handle.result(timeout=10) == 1
