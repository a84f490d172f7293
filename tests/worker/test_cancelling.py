"""Executions that are stopped from outside, by a deadline or by a timeout, whatever they do."""

from typing import Any

import pytest

from redflow.driver import Connector
from redflow.model import codec
from redflow.model.outcome import Sleeping
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from tests.worker import outside
from tests.worker.faults import Faults
from tests.worker.kit import Bench, Gate, chain, until

STILL = {"lease": 60.0, "beat": 15.0, "sweep": 0.2}
"""A beat that comes after the test."""

LATER = RetryPolicy(3, initial_interval=600, maximum_interval=600, jitter="none")


async def busy(bench: Bench, gate: Gate, **node: Any) -> str:
    """Start an execution whose only step holds at a gate."""

    async def work(value):
        await gate.passed()
        return "finished"

    await bench.one(work, **node)
    return await bench.execute("one")


@pytest.mark.parametrize("how", [outside.cancel, outside.fail])
async def test_who_runs_a_step_hears_at_once_that_it_stops(bench: Bench, how):
    gate = Gate()
    async with bench.working(**STILL) as worker:
        await worker.control.listening.wait()
        execution = await busy(bench, gate)
        await until(lambda: gate.begun == 1)
        assert await how(bench, execution) == "ok"
        run = await bench.ended(execution, seconds=5.0)
        assert gate.cancelled == 1
        assert await bench.problems() == []
    assert run.status == ("X" if how is outside.cancel else "F")
    assert (run.steps["a"].kind, run.steps["a"].attempt) == ("X", 1)


async def test_without_the_hint_it_hears_it_with_its_lease(bench: Bench, connector: Connector):
    faults, gate = Faults(connector), Gate()
    faults.on("listen", "refuse", times=1000)
    async with bench.working(faults, lease=60.0, beat=0.05, sweep=0.2) as worker:
        execution = await busy(bench, gate)
        await until(lambda: gate.begun == 1)
        await outside.cancel(bench, execution)
        run = await bench.ended(execution)
        assert not worker.control.listening.is_set()
    assert (run.status, gate.cancelled) == ("X", 1)


async def test_a_lost_subscription_is_made_again(bench: Bench, connector: Connector):
    faults, gate = Faults(connector), Gate()
    faults.on("listen", "refuse", times=2)
    faults.on("listen", ZeroDivisionError("a bug"))
    async with bench.working(faults, **STILL) as worker:
        execution = await busy(bench, gate)
        await until(lambda: gate.begun == 1)
        await worker.control.listening.wait()
        await outside.cancel(bench, execution)
        assert (await bench.ended(execution, seconds=5.0)).status == "X"


@pytest.mark.parametrize("message", ["stop e1", "stop nobody", "stop", "paused", "\xff", ""])
async def test_a_hint_is_only_a_hint(bench: Bench, connector: Connector, message: str):
    """A false one costs a question at most; what stops is said by the lease."""
    faults, gate = Faults(connector), Gate()
    async with bench.working(faults, **STILL) as worker:
        await worker.control.listening.wait()
        execution = await busy(bench, gate)
        await until(lambda: gate.begun == 1)
        channel = f"{bench.space.keys.partition_of(execution).prefix}control"
        for text in (message, f"stop {execution}"):
            await bench.driver.raw("PUBLISH", channel, text)
        await until(lambda: faults.calls["extend_leases"] >= 1)
        assert gate.cancelled == 0
        gate.opened.set()
        run = await bench.ended(execution)
        assert not any(task.done() for task in worker._tasks)
    assert (run.status, run.value("a")) == ("C", "finished")


async def test_a_hint_during_an_outage_is_left_to_the_heartbeat(bench: Bench, connector: Connector):
    faults, gate = Faults(connector), Gate()
    faults.on("extend_leases", "refuse")
    async with bench.working(faults, lease=60.0, beat=0.3, sweep=0.2) as worker:
        await worker.control.listening.wait()
        execution = await busy(bench, gate)
        await until(lambda: gate.begun == 1)
        await outside.cancel(bench, execution)
        run = await bench.ended(execution)
    assert faults.failed["extend_leases"] == 1
    assert run.status == "X"


async def test_a_result_that_comes_while_it_is_cancelled_is_recorded(bench: Bench):
    """Only a thread can finish all the same; it has not been for nothing."""
    gate = Gate()

    def thorough(ctx, value):
        gate.begun += 1
        while not ctx.cancelled:
            pass
        return "finished all the same"

    await bench.one(thorough)
    execution = await bench.execute("one")
    async with bench.working(**{**STILL, "beat": 0.05}):
        await until(lambda: gate.begun == 1)
        await outside.cancel(bench, execution)
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert (run.status, run.value("a")) == ("X", "finished all the same")


@pytest.mark.parametrize("waits_for", ["timer", "signal", "retry", "queue"])
async def test_a_step_that_waits_is_cancelled_at_once(bench: Bench, waits_for):
    async def work(ctx, value):
        if waits_for == "retry":
            raise OSError("again")
        return Sleeping(delay=600)

    bench.function("work", work)
    if waits_for == "signal":
        workflow = Workflow.builder("one").add_node("a", "signal", timeout=600).build()
    else:
        queue = "nobody" if waits_for == "queue" else "default"
        workflow = chain("one", ["work"], retry=LATER, queue=queue)
    await bench.publish(workflow)
    execution = await bench.execute("one")
    kind = {"signal": "w", "queue": "q"}.get(waits_for, "t")
    async with bench.working(**STILL):

        async def waits() -> bool:
            step = (await bench.read(execution)).steps["a"]
            return step.kind == kind and step.worker is None

        await until(waits)
        assert await outside.cancel(bench, execution) == "ok"
        run = await bench.read(execution)
        assert run.status == "X", "nobody has to be asked"
        assert await bench.problems() == []
    assert run.steps["a"].kind == "X"
    assert run.steps["a"].attempt == {"queue": 0, "retry": 2}.get(waits_for, 1)


async def test_orders_of_a_cancel_whose_caller_died_are_carried_out_by_a_sweep(bench: Bench):
    await bench.publish(Workflow.builder("one").add_node("a", "signal").build())
    execution = await bench.execute("one")
    async with bench.working(**STILL):

        async def waits() -> bool:
            return (await bench.read(execution)).letters() == "a:w"

        await until(waits)
        assert await outside.cancel(bench, execution, orders=False) == "ok"
        assert (await bench.ended(execution)).status == "X"


@pytest.mark.parametrize("how", ["running", "resting", "ready"])
async def test_a_step_deadline_fails_the_step_wherever_it_is(bench: Bench, how):
    gate = Gate()

    async def work(ctx, value):
        if how == "resting":
            return Sleeping(delay=600)
        return await gate.passed()

    bench.function("work", work)
    builder = Workflow.builder("one").add_node("a", "function", function="work")
    if how == "ready":
        builder = builder.with_queue("nobody")
    await bench.publish(builder.with_deadline(0.15).build())
    async with bench.working(lease=60.0, beat=0.05, sweep=0.05) as worker:
        run = await bench.run("one")
        assert (run.status, run.value("a")["reason"]) == ("F", "timeout")
        if how == "running":
            await until(lambda: gate.cancelled == 1)
            await until(lambda: not worker.attempts.claims)
            assert worker.pump.fenced == 0, "it says nothing of a step that is not its own any more"
        assert await bench.problems() == []


async def test_an_execution_timeout_fails_it_and_stops_what_runs(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work)
    async with bench.working(lease=60.0, beat=0.05, sweep=0.05):
        await outside.start(bench, "one", "e1", timeout=150)
        run = await bench.ended("e1")
        assert await bench.problems() == []
    assert (run.status, run.steps["a"].kind, gate.cancelled) == ("F", "X", 1)
    assert run.raw.error is not None
    assert codec.decode(run.raw.error)["reason"] == "timeout"
    assert run.raw.failed_step is None


@pytest.mark.parametrize("cause", ["cancel", "timeout"])
async def test_finalizers_run_when_it_is_cancelled_or_times_out(bench: Bench, cause):
    gate = Gate()

    async def work(value):
        await gate.passed()

    async def last(value):
        return value["status"]

    bench.function("work", work)
    bench.function("last", last)
    builder = Workflow.builder("one").add_node("first", "log", message="first")
    builder = builder.add_node("a", "function", function="work")
    builder = builder.add_node("last", "function", function="last")
    await bench.publish(builder.connect("first", "a").connect_on("first", "last", "always").build())
    async with bench.working(lease=60.0, beat=0.05, sweep=0.05):
        await outside.start(bench, "one", "e1", timeout=100 if cause == "timeout" else 0)
        await until(lambda: gate.begun == 1)
        if cause == "cancel":
            await outside.cancel(bench, "e1")
        run = await bench.ended("e1")
        assert await bench.problems() == []
    assert run.status == ("X" if cause == "cancel" else "F")
    assert run.value("last") == "COMPLETED"
    assert bench.metric("redflow_workflows_failed_total", workflow="one", reason="step") == (
        cause == "timeout"
    )


async def test_a_step_dropped_at_its_claim_never_began(bench: Bench):
    """What was claimed while the execution stopped is cancelled as if nobody had touched it."""
    ran: list[int] = []

    async def work(value):
        ran.append(1)

    await bench.one(work)
    execution = await bench.execute("one")
    partition = bench.space.keys.partition_of(execution)
    # Stopping is marked, its page has not come: the order is left to a sweep that never comes.
    await outside.cancel(bench, execution, orders=False)
    async with bench.working(sweep=600.0, lease=60.0, beat=15.0) as worker:
        # Nor does a blocking read win it: that one asks nobody.
        await worker._end(worker.reader_task, worker._tasks[3])
        await worker.pump.informed.wait()
        worker.pump.look(partition.number)
        run = await bench.ended(execution)
    assert (run.status, ran) == ("X", [])
    assert (run.steps["a"].kind, run.steps["a"].attempt) == ("X", 0)
