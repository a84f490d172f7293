"""Subworkflows: a child runs once for each attempt, no worker waits for it, and how it ends."""

import pytest

from redflow.model import codec
from redflow.model.outcome import Branch, Fail, StartingChild
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.store import sweeps
from tests.worker import outside
from tests.worker.families import child_of, families, parent_of, waits
from tests.worker.kit import Bench, Gate, until

NEVER_SWEEPS = {"sweep": 600.0, "lease": 60.0, "beat": 5.0}
TWICE = RetryPolicy(2, initial_interval=0.001, jitter="none")


# --- the end of a child


@pytest.mark.parametrize("size", [1, 5000], ids=["small", "large"])
async def test_a_child_runs_with_the_input_and_gives_its_output(bench: Bench, size):
    async def work(ctx, value):
        return {"got": value, "by": ctx.execution_id}

    await families(bench, work)
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent", "x" * size)
        child = await child_of(bench, run.raw.id)
        assert await bench.problems() == []
    assert run.status == "C"
    assert run.value("after") == {"got": "x" * size, "by": f"{run.raw.id}.sub"}
    assert (child.raw.parent, child.raw.workflow, child.raw.version) == (run.raw.id, "child", 1)
    assert run.steps["sub"].attempt == 1
    started = bench.metric(
        "redflow_workflows_started_total", workflow="child", trigger="subworkflow"
    )
    assert started == 1
    assert bench.metric("redflow_workflows_completed_total", workflow="child") == 1


async def test_the_input_of_the_config_is_what_the_child_gets(bench: Bench):
    async def work(value):
        return value

    await families(bench, work, input={"fixed": [1]})
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent", "not this")
    assert run.value("after") == {"fixed": [1]}


async def test_several_sinks_of_a_child_come_as_a_map(bench: Bench):
    async def work(ctx, value):
        return [ctx.node_id, value]

    bench.function("work", work)
    builder = Workflow.builder("child")
    for name in "abc":
        builder = builder.add_node(name, "function", function="work")
    await bench.publish(builder.connect("a", "b").connect("a", "c").build())
    await bench.publish(parent_of())
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent", 1)
    assert run.value("after") == {"b": ["b", ["a", 1]], "c": ["c", ["a", 1]]}


async def test_a_sink_that_did_not_run_is_left_out(bench: Bench):
    async def work(value):
        return Branch("left", value)

    bench.function("work", work, labels=["left", "right"])
    builder = Workflow.builder("child").add_node("a", "function", function="work")
    for name in ("left", "right"):
        builder = builder.add_node(name, "log", message=name).connect_if("a", name, name)
    await bench.publish(builder.build())
    await bench.publish(parent_of())
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent", 1)
    assert run.value("after") == {"left": 1}


async def test_a_child_that_fails_fails_the_step_with_its_error(bench: Bench):
    async def work(value):
        raise LookupError("no such order")

    await families(bench, work)
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent")
        assert await bench.problems() == []
    assert run.status == "F"
    assert run.value("sub") == {
        "type": "LookupError",
        "message": "no such order",
        "reason": "child_failed",
        "attempts": 1,
    }


async def test_each_attempt_is_a_child_of_its_own(bench: Bench):
    ran: list[str] = []

    async def work(ctx, value):
        ran.append(ctx.execution_id)
        if len(ran) == 1:
            raise Fail("not the first time")
        return "second"

    await families(bench, work, retry=TWICE)
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent")
        assert await bench.problems() == []
    assert (run.status, run.value("after")) == ("C", "second")
    assert ran == [f"{run.raw.id}.sub", f"{run.raw.id}.sub~2"]
    assert run.steps["sub"].attempt == 2


async def test_a_child_that_was_cancelled_is_not_tried_again(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await families(bench, work, retry=TWICE)
    async with bench.working(**NEVER_SWEEPS):
        execution = await bench.execute("parent")
        await until(lambda: gate.begun == 1)
        await waits(bench, execution)
        assert await outside.cancel(bench, f"{execution}.sub") == "ok"
        run = await bench.ended(execution, "parent")
        assert await bench.problems() == []
    assert run.status == "F"
    assert (run.value("sub")["reason"], run.value("sub")["attempts"]) == ("child_cancelled", 1)
    assert bench.metric("redflow_workflows_failed_total", workflow="child", reason="step") == 0


async def test_cancelling_the_parent_cancels_the_child(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await families(bench, work)
    async with bench.working(**NEVER_SWEEPS):
        execution = await bench.execute("parent")
        await until(lambda: gate.begun == 1)
        await waits(bench, execution)
        assert await outside.cancel(bench, execution) == "ok"
        run = await bench.ended(execution, "parent")
        child = await bench.ended(f"{execution}.sub", "child")
        assert await bench.problems() == []
    assert gate.cancelled == 1
    assert (run.status, child.status) == ("X", "X")
    assert run.steps["sub"].kind == "X"


async def test_a_deadline_of_the_step_cancels_the_child(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work, "child")
    builder = Workflow.builder("parent").add_node("sub", "subworkflow", workflow="child")
    await bench.publish(builder.with_deadline(0.1).build())
    async with bench.working(sweep=0.05):
        execution = await bench.execute("parent")
        run = await bench.ended(execution, "parent")
        child = await bench.ended(f"{execution}.sub", "child")
        assert await bench.problems() == []
    assert (run.status, run.value("sub")["reason"]) == ("F", "timeout")
    assert child.status == "X"


async def test_children_of_children_to_the_eighth_and_no_deeper(bench: Bench):
    """The ninth is refused for good, and its failure travels up."""
    for name, other in (("parent", "child"), ("child", "parent")):
        builder = Workflow.builder(name).add_node("sub", "subworkflow", workflow=other)
        await bench.publish(builder.build())
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent")
        assert await bench.problems() == []
    assert run.status == "F"
    assert run.value("sub")["reason"] == "child_failed"
    assert "nested too deep" in run.value("sub")["message"]
    deepest = await bench.read(run.raw.id + ".sub" * 8, "parent")
    assert deepest.value("sub")["reason"] == "not_retryable"


# --- what there is no child for


async def test_an_unknown_workflow_fails_the_attempt_and_may_be_tried_again(bench: Bench):
    await bench.publish(parent_of("nowhere", retry=TWICE))
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent")
    assert run.status == "F"
    assert "'nowhere' is not registered" in run.value("sub")["message"]
    assert run.value("sub")["attempts"] == 2


async def test_a_version_that_does_not_exist_fails_the_attempt(bench: Bench):
    await families(bench, lambda value: value, version=7)
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("parent")
    assert "'child' has no version 7" in run.value("sub")["message"]


async def test_an_inactive_workflow_fails_the_attempt_until_it_is_active(bench: Bench):
    await families(bench, lambda value: "ran", retry=RetryPolicy(9, 0.02, 1.0, jitter="none"))
    for partition in bench.space.keys:
        await bench.driver.raw("HSET", partition.workflow("child"), "status", "INACTIVE")
    async with bench.working(**NEVER_SWEEPS):
        execution = await bench.execute("parent")

        async def refused() -> bool:
            error = (await bench.read(execution, "parent")).steps["sub"].retry_error
            return error is not None and "INACTIVE" in codec.decode(error)["message"]

        await until(refused)
        for partition in bench.space.keys:
            await bench.driver.raw("HSET", partition.workflow("child"), "status", "ACTIVE")
        run = await bench.ended(execution, "parent")
    assert (run.status, run.value("after")) == ("C", "ran")


async def test_an_id_that_is_taken_fails_the_step_for_good(bench: Bench):
    """Only something that makes ids by itself can take one."""
    await families(bench, lambda value: value, retry=TWICE)
    execution = await bench.execute("child", id="taken.sub")
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.ended(await bench.execute("parent", id="taken"), "parent")
        await bench.ended(execution, "child")
    assert run.status == "F"
    assert "'taken.sub' exists and is no child of this step" in run.value("sub")["message"]
    assert run.value("sub")["attempts"] == 1


async def test_an_input_over_the_limit_fails_the_step(bench: Bench):
    async def work(value):
        return StartingChild("child", "x" * 2_000_000)

    await bench.one(work)
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("one")
    assert run.status == "F"
    assert run.value("a")["reason"] == "invalid_input"
    assert "over the limit" in run.value("a")["message"]


async def test_a_child_that_is_gone_counts_as_failed(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await families(bench, work)
    async with bench.working(**NEVER_SWEEPS):
        execution = await bench.execute("parent")
        await until(lambda: gate.begun == 1)
        await waits(bench, execution)
        partition = bench.space.keys.partition_of(execution)
        await bench.driver.raw("DEL", partition.execution(f"{execution}.sub"))
        await bench.driver.raw("ZREM", partition.permanent["live"], f"{execution}.sub")
        member = f"p:{execution}:1"
        await bench.driver.raw("ZADD", partition.permanent["timers"], 0, member)
        await outside.carry_out(bench, partition, [member])
        run = await bench.ended(execution, "parent")
    assert run.status == "F"
    assert "is gone" in run.value("sub")["message"]


async def test_many_children_at_once_all_start_and_end(bench: Bench):
    async def work(value):
        return value

    await bench.one(work, "child")
    builder = Workflow.builder("parent")
    for number in range(30):
        builder = builder.add_node(f"n{number}", "subworkflow", workflow="child", input=number)
    await bench.publish(builder.allow_disconnected().build())
    async with bench.working(concurrency=8):
        run = await bench.run("parent")
        assert await bench.problems() == []
    assert run.status == "C"
    assert [run.value(f"n{number}") for number in range(30)] == list(range(30))
    partition = bench.space.keys.partition_of(run.raw.id)
    ended = await bench.driver.run(sweeps.read_members(partition, "completed", 0, -1))
    assert len(ended) == 31
