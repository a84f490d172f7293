"""Steps that rest without a worker, and timers that fire on time whoever is alive."""

from datetime import UTC, datetime, timedelta

import pytest

from redflow.driver import Connector
from redflow.model.outcome import Sleeping
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from tests.worker import outside
from tests.worker.faults import Faults
from tests.worker.kit import Bench, chain, until

NEVER_SWEEPS = {"sweep": 600.0, "lease": 60.0, "beat": 5.0}


def resting(**config: object) -> Workflow:
    """A node that rests, then one that says what it was given."""
    builder = Workflow.builder("w").add_node("rest", "wait", **config)
    builder = builder.add_node("after", "function", function="after").connect("rest", "after")
    return builder.build()


def after(bench: Bench) -> None:
    async def after(ctx, value):
        return [value, ctx.attempt]

    bench.function("after", after)


@pytest.mark.parametrize("duration", [0, 0.03, "30ms"])
async def test_a_wait_passes_its_input_on_when_its_time_has_come(bench: Bench, duration):
    after(bench)
    await bench.publish(resting(duration=duration))
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("w", {"a": 1})
        assert await bench.problems() == []
    assert run.status == "C"
    assert run.value("after") == [{"a": 1}, 1]
    assert run.raw.ended is not None
    assert run.raw.ended - run.raw.created >= (30 if duration else 0)


@pytest.mark.parametrize("ahead", [-3600, 0.05], ids=["past", "soon"])
async def test_a_wait_ends_at_a_time(bench: Bench, ahead):
    after(bench)
    until_then = datetime.now(UTC) + timedelta(seconds=ahead)
    await bench.publish(resting(until=until_then.isoformat()))
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("w")
    assert run.status == "C"
    assert run.raw.ended is not None
    assert run.raw.ended >= int(until_then.timestamp() * 1000)


async def test_a_resting_step_holds_no_slot_and_is_not_counted_as_ended(bench: Bench):
    after(bench)
    await bench.publish(resting(duration=0.2))
    async with bench.working(concurrency=1, **NEVER_SWEEPS) as worker:
        ids = await bench.execute_all("w", [f"e{number}" for number in range(5)])

        async def all_rest() -> bool:
            return {(await bench.read(one)).steps["rest"].kind for one in ids} == {"t"}

        await until(all_rest)
        assert worker.attempts.under_way == 0
        assert bench.metric("redflow_step_duration_seconds_count", node_type="wait") == 0
        await bench.all_ended()
        name = "redflow_steps_processed_total"
        assert bench.metric(name, node_type="wait", status="COMPLETED") == 5
        assert bench.metric("redflow_step_duration_seconds_count", node_type="wait") == 5


async def test_a_function_may_rest_as_well_and_is_called_again(bench: Bench):
    async def work(ctx, value):
        if ctx.resume is None:
            return Sleeping(delay=0.01)
        return [ctx.resume, value, ctx.attempt]

    await bench.one(work)
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("one", "given")
    assert run.value("a") == [["timer"], "given", 1]


async def test_an_attempt_after_a_retry_has_waited_for_nothing(bench: Bench):
    seen: list[object] = []

    async def work(ctx, value):
        seen.append(ctx.resume)
        if ctx.resume is None:
            return Sleeping(delay=0)
        if ctx.attempt == 1:
            raise OSError("once")
        return "done"

    await bench.one(work, retry=RetryPolicy(2, initial_interval=0.001, jitter="none"))
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("one")
    assert run.value("a") == "done"
    assert seen == [None, ("timer",), None, ("timer",)]


async def test_the_time_of_an_attempt_does_not_run_while_it_rests(bench: Bench):
    async def work(ctx, value):
        return Sleeping(delay=0.1) if ctx.resume is None else "done"

    await bench.one(work, timeout=0.05)
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("one")
    assert run.value("a") == "done"


# --- timers


async def test_a_worker_fires_its_own_timers_while_another_one_sweeps(bench: Bench):
    """Nobody but the worker that parked them looks at the timers of this partition."""
    after(bench)
    await bench.publish(resting(duration=0.05))
    for partition in bench.space.keys:
        key = partition.permanent["sweeper"]
        await bench.driver.raw("HSET", key, "holder", "other", "until", 2**45)
    async with bench.working():
        await bench.execute_all("w", [f"e{number}" for number in range(40)])
        await bench.all_ended()
        late = []
        for number in range(40):
            run = await bench.read(f"e{number}")
            late.append(run.steps["after"].ready_at - run.steps["rest"].ready_at)
    assert max(late) < 1000
    assert await bench.problems() == []


async def test_a_timer_whose_worker_is_gone_is_fired_by_another(bench: Bench):
    after(bench)
    await bench.publish(resting(duration=0.3))
    async with bench.working():
        execution = await bench.execute("w")

        async def rests() -> bool:
            return (await bench.read(execution)).letters() == "rest:t"

        await until(rests)
    async with bench.working(sweep=0.1):
        run = await bench.ended(execution)
    assert run.status == "C"


@pytest.mark.row(43)
async def test_many_timers_that_are_due_at_once_each_fire_once(bench: Bench):
    """More than a page in each partition, after nobody was there to fire them."""
    ran: list[str] = []

    async def work(ctx, value):
        if ctx.resume is None:
            return Sleeping(delay=0.05)
        return ran.append(ctx.execution_id)

    await bench.one(work)
    ids = [f"e{number}" for number in range(400)]
    async with bench.working() as first:
        await first._end(*first._tasks[3:5])  # sweeper and timers: what is parked stays so
        await bench.execute_all("one", ids)
        await until(lambda: _parked(bench, len(ids)))
    async with bench.working(sweep=0.1), bench.working(sweep=0.1):
        await bench.all_ended()
    assert sorted(ran) == sorted(ids)
    assert await bench.problems() == []


async def test_timers_wait_out_an_outage(bench: Bench, connector: Connector):
    faults = Faults(connector)
    after(bench)
    await bench.publish(resting(duration=0.05))
    async with bench.working(faults, **NEVER_SWEEPS) as worker:
        execution = await bench.execute("w")
        await until(lambda: worker.timers._heap)
        faults.down = True
        await until(lambda: faults.failed["read_plan_hash"] >= 2)
        faults.down = False
        run = await bench.ended(execution)
    assert run.status == "C"


async def test_timers_survive_what_they_cannot_read(bench: Bench, connector: Connector):
    faults = Faults(connector)
    faults.on("read_plan_hash", ZeroDivisionError("a bug"))
    after(bench)
    await bench.publish(resting(duration=0.01))
    async with bench.working(faults, sweep=0.2) as worker:
        run = await bench.run("w")
        assert not any(task.done() for task in worker._tasks)
    assert run.status == "C", "the sweep has fired it"


async def test_timers_beyond_the_number_remembered_are_left_to_the_sweep(bench: Bench, monkeypatch):
    monkeypatch.setattr("redflow.worker.timers.MOST", 3)
    after(bench)
    await bench.publish(resting(duration=0.05))
    async with bench.working(sweep=600.0) as worker:
        await bench.execute_all("w", [bench.id_in(0) for _ in range(20)])
        await bench.all_ended()
        assert len(worker.timers._heap) <= 3


async def test_a_scheduled_execution_and_an_execution_timeout_fire(bench: Bench):
    after(bench)
    await bench.publish(resting(duration=600))
    async with bench.working(sweep=0.05):
        await outside.start(bench, "w", "later", due="+60", timeout=80)
        run = await bench.ended("later")
    assert run.status == "F"
    assert run.steps["rest"].kind == "X"
    assert run.raw.begin is not None
    assert run.raw.ended is not None
    assert run.raw.begin - run.raw.created >= 60
    assert run.raw.ended - run.raw.begin >= 80


async def test_what_was_given_back_is_offered_again_when_its_delay_is_over(bench: Bench):
    """Released and retried steps stand on timers like those that rest."""
    ran: list[int] = []

    async def work(ctx, value):
        ran.append(ctx.attempt)
        if ctx.attempt == 1:
            raise OSError("once")

    await bench.publish(chain("one", ["work"], retry=RetryPolicy(2, 0.02, jitter="none")))
    async with bench.working() as worker:
        execution = await bench.execute("one")
        await until(lambda: worker.timers._heap)
        bench.function("work", work)
    async with bench.working(sweep=0.1):
        run = await bench.ended(execution)
    assert (run.status, ran) == ("C", [1, 2])


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("connector", ["server"], indirect=True)
async def test_ten_thousand_timers_that_are_due_at_once_each_fire_once(bench: Bench):
    ran: list[str] = []
    await bench.publish(Workflow.builder("w").add_node("a", "wait", duration=1).build())
    async with bench.working() as first:
        await first._end(*first._tasks[3:5])
        for part in range(20):
            names = [f"e{number}" for number in range(part * 500, part * 500 + 500)]
            ran += await bench.execute_all("w", names)
        await until(lambda: _parked(bench, len(ran)), seconds=40.0)
    async with bench.working(), bench.working():
        await bench.all_ended(seconds=40.0)
    assert bench.metric("redflow_workflows_completed_total", workflow="w") == 10_000
    name = "redflow_steps_processed_total"
    assert bench.metric(name, node_type="wait", status="COMPLETED") == 10_000


async def _parked(bench: Bench, count: int) -> bool:
    counts = [
        await bench.driver.raw("ZCARD", partition.permanent["timers"]) - 1
        for partition in bench.space.keys
    ]
    return sum(counts) == count


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("connector", ["server"], indirect=True)
async def test_timers_fire_within_a_tenth_of_a_second(bench: Bench):
    """Two hundred timers at different times; another worker holds every sweep lease."""
    first = datetime.now(UTC) + timedelta(seconds=0.6)
    late: list[float] = []

    async def work(ctx, value):
        due = first + timedelta(seconds=int(ctx.execution_id[1:]) / 400)
        if ctx.resume is None:
            return Sleeping(until=due)
        return late.append((datetime.now(UTC) - due).total_seconds())

    await bench.one(work)
    async with bench.working(sweep=5.0), bench.working(sweep=5.0):
        await bench.execute_all("one", [f"e{number}" for number in range(200)])
        await bench.all_ended()
    late.sort()
    assert len(late) == 200
    assert late[197] <= 0.1, late[-5:]
