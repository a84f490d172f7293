"""A child is started once, whatever goes wrong between its worker and Redis."""

import pytest

from redflow.driver import Connector
from redflow.errors import StoreError
from redflow.model.workflow import Workflow
from redflow.store import workflows
from tests.worker import outside
from tests.worker.families import families
from tests.worker.faults import Faults
from tests.worker.kit import Bench, chain, until

NEVER_SWEEPS = {"sweep": 600.0, "lease": 60.0, "beat": 5.0}


async def test_a_version_published_meanwhile_is_the_one_that_runs(bench: Bench):
    """The worker remembers the plan it knew, and is told that it has moved."""
    ran: list[str] = []

    async def work(value):
        ran.append("one")

    async def other(value):
        ran.append("two")

    await families(bench, work)
    bench.function("other", other)
    async with bench.working(**NEVER_SWEEPS):
        await bench.run("parent")
        assert ran == ["one"]
        await publish_again(bench, chain("child", ["other"]))
        run = await bench.run("parent")
        assert ran == ["one", "two"]
        assert run.status == "C"


async def test_a_pinned_version_stays_the_one_that_runs(bench: Bench):
    ran: list[str] = []

    async def work(value):
        ran.append("one")

    async def other(value):
        ran.append("two")

    await families(bench, work, version=1)
    bench.function("other", other)
    await publish_again(bench, chain("child", ["other"]))
    async with bench.working(**NEVER_SWEEPS):
        for _ in range(2):
            run = await bench.run("parent")
            child = await bench.read(f"{run.raw.id}.sub", "old")
            assert (run.status, child.raw.version) == ("C", 1)
    assert ran == ["one", "one"]


async def test_a_workflow_that_is_withdrawn_meanwhile_is_unknown(bench: Bench):
    """The worker remembers its plan; the partition has the last word."""
    await families(bench, lambda value: "ran")
    async with bench.working(**NEVER_SWEEPS):
        assert (await bench.run("parent")).status == "C"
        for partition in bench.space.keys:
            await bench.driver.raw("DEL", partition.workflow("child"))
        run = await bench.run("parent")
    assert "'child' is not registered" in run.value("sub")["message"]


async def publish_again(bench: Bench, workflow: Workflow) -> None:
    """Register a second version of a workflow."""
    bench.plans["old"] = bench.plans.pop(workflow.id)
    await bench.publish(workflow)
    plan = bench.plans[workflow.id]
    found = await bench.driver.run(workflows.read_workflow(bench.space, workflow.id))
    assert found["latest"] == b"2", "bench.publish registers what differs as a new version"
    assert plan.hash != bench.plans["old"].hash


@pytest.mark.parametrize("kind", ["refuse", "lose"])
async def test_a_start_is_repeated_until_it_is_answered(bench: Bench, connector: Connector, kind):
    """Whether it was done or not, there is one child, and nobody is called fenced."""
    ran: list[str] = []

    async def work(ctx, value):
        return ran.append(ctx.execution_id)

    faults = Faults(connector)
    faults.on("start_child", kind, times=3)
    await families(bench, work)
    async with bench.working(faults, **NEVER_SWEEPS) as worker:
        run = await bench.run("parent")
        assert await bench.problems() == []
        assert worker.pump.fenced == 0
        await until(lambda: worker.children.clear)
        assert not worker.attempts.claims
    assert run.status == "C"
    assert ran == [f"{run.raw.id}.sub"]


async def test_a_start_that_is_no_question_is_given_up_and_the_step_runs_again(
    bench: Bench, connector: Connector
):
    faults = Faults(connector)
    faults.on("start_child", StoreError("ERR a mistake"))
    await families(bench, lambda value: "ran")
    async with bench.working(faults, lease=60.0, sweep=0.1) as worker:
        execution = await bench.execute("parent")
        await until(lambda: faults.all_done and not worker.attempts.claims)
        await bench.silence()
        run = await bench.ended(execution, "parent")
    assert run.status == "C"
    assert run.steps["sub"].deliveries == 1


async def test_an_answer_that_cannot_be_read_is_asked_for_again(bench: Bench, connector: Connector):
    faults = Faults(connector)
    faults.on("start_child", ZeroDivisionError("a bug"))
    await families(bench, lambda value: "ran")
    async with bench.working(faults, **NEVER_SWEEPS):
        run = await bench.run("parent")
    assert run.status == "C"


async def test_lost_groups_are_made_again_before_the_next_try(bench: Bench, connector: Connector):
    faults = Faults(connector)
    faults.on("start_child", StoreError("NOGROUP No such key or consumer group"))
    await families(bench, lambda value: "ran")
    async with bench.working(faults, **NEVER_SWEEPS):
        before = faults.calls["put_partition"]
        assert (await bench.run("parent")).status == "C"
        assert faults.calls["put_partition"] > before


async def test_no_child_is_started_while_the_worker_looks_for_what_it_has_not_heard_of(
    bench: Bench, connector: Connector
):
    faults = Faults(connector)
    await families(bench, lambda value: "ran")
    async with bench.working(faults, **NEVER_SWEEPS) as worker:
        await worker.pump.pause()
        execution = await bench.execute("parent")
        await until(lambda: not worker.children.clear)
        assert faults.calls["start_child"] == 0
        worker.pump.resume()
        assert (await bench.ended(execution, "parent")).status == "C"


@pytest.mark.parametrize("word", ["stale", "gone"])
async def test_a_start_whose_lease_was_lost_is_counted_and_dropped(
    bench: Bench, connector: Connector, word
):
    """Somebody else has the step by now, or the whole execution is gone."""
    faults = Faults(connector)
    faults.on("start_child", "hold")
    await families(bench, lambda value: "ran")
    async with bench.working(faults, **NEVER_SWEEPS) as worker:
        execution = await bench.execute("parent")
        await faults.held.wait()
        partition = bench.space.keys.partition_of(execution)
        if word == "gone":
            await bench.driver.raw("DEL", partition.execution(execution))
            await bench.driver.raw("ZREM", partition.permanent["live"], execution)
        else:
            key = partition.execution(execution)
            await bench.driver.raw("HSET", key, "s1", "q99-1,default")
        faults.go.set()
        await until(lambda: worker.pump.fenced == 1)
        assert not worker.attempts.claims


async def test_a_start_while_the_execution_stops_is_not_made(bench: Bench, connector: Connector):
    faults = Faults(connector)
    faults.on("start_child", "hold")
    await families(bench, lambda value: "ran")
    async with bench.working(faults, **NEVER_SWEEPS):
        execution = await bench.execute("parent")
        await faults.held.wait()
        await outside.cancel(bench, execution)
        faults.go.set()
        run = await bench.ended(execution, "parent")
        assert await bench.problems() == []
    assert run.status == "X"
    assert run.steps["sub"].attempt == 1, "it had begun"
    partition = bench.space.keys.partition_of(execution)
    assert await bench.driver.raw("EXISTS", partition.execution(f"{execution}.sub")) == 0


async def test_stopping_waits_for_starts_under_way(bench: Bench, connector: Connector):
    faults = Faults(connector)
    faults.on("start_child", "refuse", times=2)
    await families(bench, lambda value: "ran")
    worker = bench.worker(faults, drain=2.0)
    async with worker:
        execution = await bench.execute("parent")
        await until(lambda: faults.failed["start_child"] >= 1)
    assert (await bench.read(execution, "parent")).letters() == "sub:k"
    async with bench.working(**NEVER_SWEEPS):
        assert (await bench.ended(execution, "parent")).status == "C"
