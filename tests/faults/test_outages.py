"""Rows 14, 15, 19, 30, 43: Redis is paused, down, emptied or out of reach; work goes on after it.

Scaled: leases of a second in place of thirty, blocking reads of 0.2 s in place of four, outages in
proportion. Counts (20 outages, 50 resets, 10,000 timers) are those of the table.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import msgspec
import pytest

from redflow.driver import RedisConnector
from redflow.model.event import EventKind
from redflow.model.workflow import Workflow
from redflow.worker.worker import Worker
from tests.faultkit.proxy import Proxy
from tests.faultkit.servers import Server
from tests.worker.kit import Bench, Gate, until

pytestmark = [pytest.mark.server, pytest.mark.fault]

OUTAGES = 20
RESETS = 50
TIMERS = 10_000
WINDOWS = 10
LEASES = {"lease": 1.0, "beat": 0.25, "sweep": 0.25, "interval": 0.2}
LEASE, BLOCK = LEASES["lease"], LEASES["interval"]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("7.0", "--appendonly", "yes") as one:
        yield one


@pytest.fixture
async def bench(server: Server, namespace: str) -> AsyncIterator[Bench]:
    connector = RedisConnector(server.url)
    driver = connector.async_driver()
    yield Bench(connector, driver, namespace)
    await driver.close()


async def reclaimed(bench: Bench) -> int:
    """How many steps were taken from a worker, by the events."""
    found = 0
    for partition in bench.space.keys:
        for _, fields in await bench.driver.raw("XRANGE", partition.permanent["events"], "-", "+"):
            records = msgspec.msgpack.decode(fields[3])
            found += sum(record[0] == EventKind.STEP_RECLAIMED for record in records)
    return found


async def beats(bench: Bench, worker: Worker) -> float:
    """When a worker beat last, by Redis' clock; 0 when it is not known."""
    key = bench.space.keys.worker(worker.id)
    return float(await bench.driver.raw("HGET", key, "beat") or 0)


async def wait_for_beats(bench: Bench, workers: list[Worker]) -> None:
    """Wait until every worker has beaten again."""
    before = [await beats(bench, worker) for worker in workers]

    async def all_beat() -> bool:
        now = [await beats(bench, worker) for worker in workers]
        return all(new > old for new, old in zip(now, before, strict=True))

    await until(all_beat)


# --- row 14


@pytest.mark.row(14)
@pytest.mark.timeout(180)
async def test_an_outage_of_two_leases_takes_no_step_from_a_live_worker(
    bench: Bench, server: Server, measured: Any
):
    """Ten times paused with all connections open, ten times killed and started again."""
    gate = Gate()

    async def work(value: Any) -> str:
        await gate.passed()
        return "kept"

    await bench.one(work)
    async with (
        bench.working(worker_id="first", concurrency=20, **LEASES) as first,
        bench.working(worker_id="second", concurrency=20, **LEASES) as second,
    ):
        workers = [first, second]
        ids = await bench.execute_all("one", [f"x{number}" for number in range(40)])
        await until(lambda: gate.begun == 40)
        for number in range(OUTAGES):
            if number % 2:
                await asyncio.to_thread(server.kill)
                await asyncio.sleep(2 * LEASE)
                await asyncio.to_thread(server.start)
            else:
                server.pause()
                await asyncio.sleep(2 * LEASE)
                server.resume()
            await wait_for_beats(bench, workers)
        await asyncio.sleep(2 * LEASE)  # what an outage has left behind would be taken by now
        taken = await reclaimed(bench)
        gate.opened.set()
        runs = [await bench.ended(execution) for execution in ids]
        counted = sum(worker.sweeper.reclaimed for worker in workers)
        fenced = sum(worker.pump.fenced for worker in workers)
    measured(outages=OUTAGES, live_steps=40, takeovers=taken, fenced=fenced)
    assert (taken, counted, fenced, gate.begun) == (0, 0, 0, 40)
    assert {run.value("a") for run in runs} == {"kept"}


# --- row 15


async def has_groups(bench: Bench) -> bool:
    """Whether every partition has the group of the queue again."""
    for partition in bench.space.keys:
        key = partition.ready("default")
        there = await bench.driver.raw("EXISTS", key)
        if not there or not await bench.driver.raw("XINFO", "GROUPS", key):
            return False
    return True


DAMAGES: dict[str, Callable[[str], tuple[str, ...]]] = {
    "FLUSHALL": lambda key: ("FLUSHALL",),
    "XGROUP DESTROY": lambda key: ("XGROUP", "DESTROY", key, "workers"),
    "DEL": lambda key: ("DEL", key),
}
WATCHED = 5.0
"""Seconds of the log that are read after a damage."""


@pytest.mark.row(15)
@pytest.mark.parametrize("what", DAMAGES)
async def test_groups_that_are_lost_while_reading_are_made_again(
    bench: Bench, server: Server, what: str, caplog: Any, measured: Any
):
    ran: Counter[str] = Counter()

    async def work(ctx: Any, value: Any) -> None:
        ran[ctx.execution_id] += 1

    await bench.one(work)
    async with bench.working(interval=2.0, lease=6.0) as worker:
        await bench.run("one")
        turns = worker.reader.turns
        await until(lambda: worker.reader.turns > turns and not worker.pump.busy)
        caplog.clear()
        begun = time.monotonic()
        for partition in bench.space.keys:
            await bench.driver.raw(*DAMAGES[what](partition.ready("default")))
        if what == "FLUSHALL":  # definitions are gone as well, and registered again by a client
            await bench.one(work)
        assert (await bench.run("one")).status == "C"
        again = time.monotonic() - begun
        await asyncio.sleep(max(0.0, WATCHED - again))
    lines = [r for r in caplog.records if r.levelno >= logging.WARNING]
    measured(**{what.replace(" ", "_").lower(): f"{again:.2f} s, {len(lines)} lines in 5 s"})
    assert again <= 2.0
    assert len(lines) <= WATCHED, [record.getMessage() for record in lines]
    assert set(ran.values()) == {1}


@pytest.mark.row(15)
async def test_groups_that_are_lost_again_and_again_fill_no_log(
    bench: Bench, caplog: Any, measured: Any
):
    await bench.one(lambda value: value)
    seconds, damages = 2 * WATCHED, 0
    async with bench.working(**LEASES):
        await bench.run("one")
        caplog.clear()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for partition in bench.space.keys:
                await bench.driver.raw("DEL", partition.ready("default"))
            damages += 1
            await asyncio.sleep(0.02)
        await until(partial(has_groups, bench))
        assert (await bench.run("one")).status == "C"
    lines = [r for r in caplog.records if r.levelno >= logging.WARNING]
    measured(damages=damages, lines_per_second=round(len(lines) / seconds, 2))
    assert len(lines) <= seconds, [record.getMessage() for record in lines]


# --- row 19


@pytest.mark.row(19)
@pytest.mark.timeout(180)
async def test_after_any_reset_the_worker_consumes_again(
    bench: Bench, server: Server, measured: Any
):
    """Every fifth time Redis also stays away for longer than the blocking read waits."""
    rng, waits = Random(19), []
    await bench.one(lambda value: value)
    with Proxy(server.port) as proxy:
        async with bench.working(RedisConnector(proxy.url), **LEASES) as worker:
            await bench.run("one")
            for number in range(RESETS):
                await asyncio.sleep(rng.uniform(0, 2 * BLOCK))
                await asyncio.to_thread(proxy.cut)
                if number % 5 == 0:
                    await asyncio.to_thread(proxy.refuse, True)
                    await asyncio.to_thread(proxy.cut)
                    await asyncio.sleep(rng.uniform(1.5, 4) * BLOCK)
                    await asyncio.to_thread(proxy.refuse, False)
                begun = time.monotonic()
                assert (await bench.run("one")).status == "C"
                waits.append(time.monotonic() - begun)
            renewals = worker.health().renewals
    slowest = max(waits)
    measured(resets=len(waits), slowest_s=round(slowest, 2), watchdog_renewals=renewals)
    assert len(waits) == RESETS
    assert slowest <= 10.0


# --- row 30


@pytest.mark.row(30)
async def test_the_heartbeat_survives_an_outage_in_each_lease(
    bench: Bench, server: Server, measured: Any
):
    """A third of every lease: three times the share of the table."""
    gate, lease = Gate(), 1.5
    settings = {"lease": lease, "beat": 0.5, "sweep": 0.25, "interval": BLOCK}

    async def work(value: Any) -> str:
        await gate.passed()
        return "kept"

    await bench.one(work)
    with Proxy(server.port) as proxy:
        async with (
            bench.working(RedisConnector(proxy.url), worker_id="cut", **settings) as worker,
            # It sweeps all the time, so no guard of an outage hides a lease that runs out.
            bench.working(queues=("elsewhere",), worker_id="sweeper", **settings) as sweeper,
        ):
            execution = await bench.execute("one")
            await until(lambda: gate.begun == 1)
            alive = 0
            for _ in range(WINDOWS):
                await asyncio.to_thread(proxy.refuse, True)
                await asyncio.to_thread(proxy.cut)
                await asyncio.sleep(lease / 3)
                await asyncio.to_thread(proxy.refuse, False)
                await wait_for_beats(bench, [worker])
                alive += worker.heartbeat._thread.is_alive()
                await asyncio.sleep(lease / 3)
            taken = worker.sweeper.reclaimed + sweeper.sweeper.reclaimed
            gate.opened.set()
            run = await bench.ended(execution)
    measured(windows=WINDOWS, heartbeat_alive=f"{alive * 100 // WINDOWS} %", takeovers=taken)
    assert (alive, taken, gate.begun) == (WINDOWS, 0, 1)
    assert (run.value("a"), run.steps["a"].deliveries) == ("kept", 0)


# --- row 43


@pytest.mark.row(43)
@pytest.mark.timeout(180)
async def test_timers_that_were_due_while_redis_was_down_fire_once(
    bench: Bench, server: Server, measured: Any
):
    ran: Counter[str] = Counter()
    delay = 15.0

    async def work(ctx: Any, value: Any) -> None:
        ran[ctx.execution_id] += 1

    bench.function("work", work)
    builder = Workflow.builder("w").add_node("rest", "wait", duration=delay)
    builder = builder.add_node("after", "function", function="work").connect("rest", "after")
    await bench.publish(builder.build())
    ids = [f"x{number}" for number in range(TIMERS)]

    async def parked() -> bool:
        counts = [
            await bench.driver.raw("ZCARD", partition.permanent["timers"]) - 1
            for partition in bench.space.keys
        ]
        return sum(counts) == TIMERS

    async with contextlib.AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(bench.working()) for _ in range(2)]
        await bench.execute_all("w", ids)
        last = time.monotonic()
        await until(parked, seconds=delay)
        assert not ran, "the first timer was due before the last was set"
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(max(0.0, last + delay + 1.0 - time.monotonic()))
        await asyncio.to_thread(server.start)
        begun = time.monotonic()
        await bench.all_ended(seconds=60.0)
        lag = time.monotonic() - begun
        fenced = sum(worker.pump.fenced for worker in workers)
    once = sum(count == 1 for count in ran.values())
    measured(timers=TIMERS, fired_once=once, lag_s=round(lag, 1), fenced=fenced)
    assert (len(ran), once) == (TIMERS, TIMERS)
    assert lag <= 2.0 + TIMERS / 1000
