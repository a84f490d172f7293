"""Sweeps: whatever is due is carried out, whoever is dead, and whatever lies in between."""

import asyncio
from functools import partial

import pytest

from redflow.driver import Connector
from redflow.errors import StoreError
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.store.space import Limits
from redflow.worker.settings import WorkerSettings
from redflow.worker.sweeper import sweep_gap
from tests.worker.faults import Faults
from tests.worker.kit import Bench, chain, until
from tests.worker.outside import start

STILL = {"lease": 60.0, "beat": 5.0, "sweep": 0.1}


async def claim_in_the_name_of_the_dead(bench: Bench, partition: int = 0) -> int:
    """Take all that is ready, for a worker that will never report it."""
    found = await bench.driver.read_group(
        [bench.space.keys.partition(partition).ready("default")],
        group="workers",
        consumer="dead",
        count=10_000,
        block_ms=0,
    )
    return sum(len(entries) for _, entries in found)


async def test_steps_of_a_dead_worker_run_on_another(bench: Bench):
    """More than one page of them, and in a partition the survivor has not touched yet."""
    ran: list[str] = []

    async def work(ctx, value):
        ran.append(ctx.execution_id)

    await bench.one(work)
    ids = await bench.execute_all("one", [bench.id_in(0) for _ in range(230)])
    assert await claim_in_the_name_of_the_dead(bench) == 230
    async with bench.working(**STILL) as worker:
        await bench.silence()
        await bench.all_ended()
        assert worker.sweeper.reclaimed == 230
    assert sorted(ran) == sorted(ids)
    run = await bench.read(ids[0])
    assert (run.steps["a"].attempt, run.steps["a"].deliveries) == (1, 1)
    assert await bench.problems() == []


async def test_leases_in_queues_that_nobody_serves_are_taken_back_too(bench: Bench):
    await bench.one(lambda value: None, queue="deserted")
    await bench.execute("one", id=bench.id_in(0))
    ready = bench.space.keys.partition(0).ready("deserted")
    await bench.driver.read_group([ready], group="workers", consumer="dead", count=9, block_ms=0)
    async with bench.working(**STILL) as worker:
        await until(lambda: "deserted" in worker.sweeper.queues)
        await bench.silence("deserted")
        await until(lambda: worker.sweeper.reclaimed == 1)


async def test_one_lease_at_fault_does_not_keep_the_others(bench: Bench):
    """A page that is refused is halved down to the one that nobody can take over."""
    await bench.one(lambda value: None)
    lost = await bench.one(lambda value: None, "lost")
    ids = await bench.execute_all("one", [bench.id_in(0) for _ in range(20)])
    bad = await bench.execute("lost", id=bench.id_in(0))
    ids += await bench.execute_all("one", [bench.id_in(0) for _ in range(20)])
    await claim_in_the_name_of_the_dead(bench)
    await bench.driver.raw("DEL", bench.space.keys.partition(0).plan(lost.hash))
    async with bench.working(**STILL) as worker:
        await bench.silence()
        for execution in ids:
            assert (await bench.ended(execution, "one")).status == "C"
        assert worker.sweeper.reclaimed == 40
        assert not any(task.done() for task in worker._tasks)
    assert list((await bench.pending()).values()) == ["dead"]
    assert (await bench.read(bad, "lost")).status is None


async def test_due_timers_fire_page_by_page_without_waiting_for_the_next_sweep(bench: Bench):
    """Two hundred steps wait for their second attempt; the sweep comes every ten minutes."""

    async def flaky(ctx, value):
        if ctx.attempt == 1:
            raise OSError("once")

    await bench.one(flaky, retry=RetryPolicy(2, initial_interval=0.05, jitter="none"))
    await bench.execute_all("one", [bench.id_in(1) for _ in range(210)])
    async with bench.working(sweep=600.0):
        await bench.all_ended()
    assert await bench.problems() == []


async def test_a_timer_is_swept_when_it_is_due_and_not_before(bench: Bench, connector: Connector):
    faults = Faults(connector)

    async def flaky(ctx, value):
        if ctx.attempt == 1:
            raise OSError("once")

    await bench.one(flaky, retry=RetryPolicy(2, initial_interval=0.1, jitter="none"))
    async with bench.working(faults, sweep=600.0):
        await until(lambda: faults.calls["list_due"] >= 1)
        before = faults.calls["list_due"]
        run = await bench.run("one")
        groups = bench.driver.together(list(bench.space.keys))
        assert faults.calls["list_due"] - before <= 3 * len(groups)
    assert run.steps["a"].attempt == 2
    assert run.steps["a"].ready_at - run.raw.created >= 100


async def test_wide_plans_go_on_by_orders(connector, driver, namespace: str):
    """With a budget of three edges a call, everything else is an order."""
    bench = Bench(connector, driver, namespace, limits=Limits(edge_budget=3, page=2))

    async def work(value):
        return 1

    bench.function("work", work)
    builder = Workflow.builder("w").add_node("root", "function").with_config("function", "work")
    builder = builder.add_node("join", "function").with_config("function", "work")
    for number in range(20):
        name = f"n{number}"
        builder = builder.add_node(name, "function").with_config("function", "work")
        builder = builder.connect("root", name).connect(name, "join")
    await bench.publish(builder.build())
    async with bench.working():
        run = await bench.run("w")
        assert await bench.problems() == []
    assert run.status == "C"


async def test_orders_whose_worker_died_are_found_by_the_next_sweep(
    connector, driver, namespace: str
):
    bench = Bench(connector, driver, namespace, limits=Limits(edge_budget=1))

    async def work(value):
        return 1

    bench.function("work", work)
    builder = Workflow.builder("w").add_node("root", "function").with_config("function", "work")
    for number in range(6):
        name = f"n{number}"
        builder = builder.add_node(name, "function").with_config("function", "work")
        builder = builder.connect("root", name)
    await bench.publish(builder.build())
    async with bench.working(worker_id="forgets") as forgets:
        forgets.pump.carry_out = lambda partition, orders: None
        run = await bench.run("w")
    assert run.status == "C"


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), StoreError("a mistake")])
async def test_the_sweeper_survives_what_it_cannot_read(bench: Bench, connector, error):
    faults = Faults(connector)
    faults.on("list_due", error, times=3)
    await bench.one(lambda value: None)
    await bench.execute("one", id=bench.id_in(0))
    await claim_in_the_name_of_the_dead(bench)
    async with bench.working(faults, **STILL) as worker:
        await until(lambda: faults.all_done)
        await bench.silence()
        await bench.all_ended()
        assert not any(task.done() for task in worker._tasks)


@pytest.mark.row(36)
async def test_what_is_no_timer_is_dropped_and_the_others_fire(bench: Bench):
    await bench.one(lambda value: None)
    await start(bench, "one", bench.id_in(0), due="+50")
    timers = bench.space.keys.partition(0).permanent["timers"]
    for member in ("garbage", "w:", "z:e1:1", ":"):
        await bench.driver.raw("ZADD", timers, 1, member)
    async with bench.working():
        await bench.all_ended()
    assert await bench.driver.raw("ZRANGE", timers, 0, -1) == [b"~"]


@pytest.mark.row(36)
@pytest.mark.parametrize("state", ["garbage", "", "r -1 1 plan"])
async def test_one_damaged_execution_keeps_no_timer_of_the_others(bench: Bench, state: str):
    await bench.one(lambda value: value)
    damaged, *others = [await start(bench, "one", bench.id_in(0), due="+20") for _ in range(4)]
    partition = bench.space.keys.partition(0)
    await bench.driver.raw("HSET", partition.execution(damaged), "state", state)
    async with bench.working():
        for one in others:
            assert (await bench.ended(one)).status == "C"


@pytest.mark.parametrize(
    ("lease", "beat", "sweep", "gap"),
    [(30.0, 10.0, 5.0, 10.0), (30.0, 5.0, 1.0, 3.0), (1.2, 0.3, 0.4, 0.6), (60.0, 5.0, 0.1, 0.3)],
)
def test_an_outage_that_is_not_noticed_leaves_every_lease_time_for_a_beat(lease, beat, sweep, gap):
    settings = WorkerSettings(lease=lease, beat=beat, sweep=sweep)
    assert sweep_gap(settings) == pytest.approx(gap)
    assert sweep < sweep_gap(settings) < lease - beat - beat / 5, "the next beat after a missed one"


async def test_a_sweep_that_fails_rests_before_the_next(bench: Bench, connector):
    faults, rested = Faults(connector), []
    faults.on("list_due", ZeroDivisionError("a bug"), times=1000)
    async with bench.working(faults, sweep=0.5) as worker:
        await until(lambda: faults.calls["list_due"] >= 1)
        rested.append(worker.sweeper._rest())
        assert rested[0] > 0.05, "not again at once"


async def test_a_partition_that_another_worker_sweeps_is_passed_over(bench: Bench, connector):
    faults, holders = Faults(connector), [p.permanent["sweeper"] for p in bench.space.keys]
    await bench.one(lambda value: None)
    await bench.execute("one", id=bench.id_in(0))
    await claim_in_the_name_of_the_dead(bench)
    async with bench.working(faults, **STILL) as worker:
        for key in holders:  # each has been swept once
            await until(partial(bench.driver.raw, "HGET", key, "tick"))
            await bench.driver.raw("HSET", key, "holder", "other", "until", 2**45)
        await bench.silence()
        seen = faults.calls["list_due"]
        await until(lambda: faults.calls["list_due"] >= seen + 3 * len(holders))
        assert worker.sweeper.reclaimed == 0
        for key in holders:
            await bench.driver.raw("HSET", key, "until", 0)
        await bench.all_ended()


async def test_a_step_of_a_plan_with_several_queues_is_retried_in_its_own(bench: Bench):
    ran: list[str] = []

    async def flaky(ctx, value):
        ran.append(ctx.worker_id)
        if ctx.attempt == 1:
            raise OSError("once")

    bench.function("flaky", flaky)
    workflow = chain("w", ["flaky", "flaky"], retry=RetryPolicy(2, initial_interval=0.001))
    await bench.publish(
        Workflow.from_document(
            {
                **workflow.to_document(),
                "nodes": {
                    **workflow.to_document()["nodes"],
                    "b": {**workflow.to_document()["nodes"]["b"], "queue": "second"},
                },
            }
        )
    )
    async with (
        bench.working(worker_id="one"),
        bench.working(worker_id="two", queues=("second",)),
    ):
        run = await bench.run("w")
    assert run.status == "C"
    assert ran == ["one", "one", "two", "two"]


async def test_a_sweeper_that_is_woken_as_it_is_cancelled_ends(bench: Bench):
    """asyncio.wait_for swallowed the cancel on Python 3.11, and the worker never stopped."""
    await bench.one(lambda value: value)
    async with bench.working(**STILL) as worker:
        sweeper = worker._tasks[3]
        for _ in range(3):
            await asyncio.sleep(0)  # let it come to rest between two sweeps
        worker.sweeper.due_at(1)
        sweeper.cancel()
        await asyncio.wait({sweeper}, timeout=0.5)
        assert sweeper.cancelled()
