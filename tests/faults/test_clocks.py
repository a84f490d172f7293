"""Clocks that are wrong, or jump: Redis' time decides, and no live worker loses its steps."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from redflow.model.event import EventKind
from redflow.model.workflow import Workflow
from redflow.store import sweeps
from tests.faultkit.clock import FakeClock
from tests.faultkit.ground import Ledger, bench_on, events_of
from tests.faultkit.servers import Server
from tests.worker.kit import Bench, until

pytestmark = pytest.mark.fault

HOUR = 3600.0
LEASE = {"lease": 1.2, "beat": 0.3, "sweep": 0.25}
STEPS = 20
REST = 0.5
"""Seconds that a step waits for a timer."""
LONG = 30.0
VERSIONS = ["6.2", "valkey"]


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    with FakeClock() as one:
        yield one


@asynccontextmanager
async def ground(version: str, clock: FakeClock, namespace: str) -> AsyncIterator[Bench]:
    with Server(version, clock=clock) as server:
        async with bench_on(server.url, namespace) as bench:
            yield bench


def resting(name: str = "rest", duration: float = REST) -> Workflow:
    """A workflow that waits for a timer, and for nothing else."""
    return Workflow.builder(name).add_node("a", "wait", duration=duration).build()


async def takeovers(bench: Bench) -> int:
    return sum(kind == EventKind.STEP_RECLAIMED for kind, *_ in await events_of(bench))


async def rests(bench: Bench, number: int = 5) -> list[float]:
    """Real seconds that steps rested."""
    begun = time.monotonic()

    async def one() -> float:
        execution = await bench.execute("rest")
        assert (await bench.ended(execution, "rest")).status == "C"
        return time.monotonic() - begun

    return list(await asyncio.gather(*(one() for _ in range(number))))


@pytest.mark.row(51)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("offset", [HOUR, -HOUR])
async def test_a_server_whose_clock_is_an_hour_off_changes_nothing(
    version, offset, clock, namespace, measured
):
    """Server and workers disagree by an hour all the time: steps that run for two leases."""
    clock.set(offset)
    ledger = Ledger(2 * LEASE["lease"])
    async with ground(version, clock, namespace) as bench:
        await bench.one(ledger.work)
        await bench.publish(resting())
        ids = await bench.execute_all("one", [f"x{n}" for n in range(STEPS)])
        async with bench.working(**LEASE), bench.working(**LEASE):
            rested = await rests(bench)
            runs = [await bench.ended(execution, "one") for execution in ids]
            assert await bench.problems() == []
        taken = await takeovers(bench)
    assert [run.status for run in runs] == ["C"] * STEPS
    assert taken == 0
    assert len(ledger.begun) == STEPS
    early = sum(seconds < REST for seconds in rested)
    assert early == 0
    assert max(rested) < REST + 2
    measured(server_off_s=offset, takeovers=taken, timers_early=early, steps=STEPS)


@pytest.mark.row(51)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
async def test_no_live_worker_loses_its_steps_when_the_clock_jumps(
    version, jump, clock, namespace, measured
):
    """A jump under steps at work, which are held for two leases after it.

    A timer that was set before is due by the clock of Redis, so a jump ahead fires it, and a jump
    back delays it by as much: nobody can tell such a clock from one that was wrong before.
    """
    ledger = Ledger(0.0)
    ledger.open.clear()
    async with ground(version, clock, namespace) as bench:
        await bench.one(ledger.work)
        await bench.publish(resting())
        await bench.publish(resting("long", LONG))
        ids = await bench.execute_all("one", [f"x{n}" for n in range(STEPS)])
        async with bench.working(**LEASE), bench.working(**LEASE):
            await until(lambda: len(ledger.begun) == STEPS)
            before = await bench.execute("long")
            await until(lambda: parked(bench, before))
            await swept(bench)
            clock.set(jump)
            await asyncio.sleep(2 * LEASE["lease"])
            rested = await rests(bench)
            assert ((await bench.read(before, "long")).status == "C") is (jump > 0)
            if jump < 0:
                clock.set(LONG + 1)
            rest = (await bench.ended(before, "long")).raw
            ledger.open.set()
            runs = [await bench.ended(execution, "one") for execution in ids]
            assert await bench.problems() == []
        taken = await takeovers(bench)
    assert [run.status for run in runs] == ["C"] * STEPS
    assert taken == 0
    assert len(ledger.begun) == STEPS, "and none ran twice"
    assert rest.ended is not None
    early = sum(seconds < REST for seconds in rested) + (rest.ended - rest.created < LONG * 1000)
    assert early == 0
    assert max(rested) < REST + 2
    measured(jump_s=jump, takeovers=taken, timers_early=early, steps_at_work=STEPS)


@pytest.mark.row(51)
@pytest.mark.timeout(60)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_lost_step_is_taken_over_in_time_though_the_clock_went_back(
    version, clock, namespace, measured
):
    """A sweeper died an hour ahead: there lie its sweep lease, an outage guard and the claims."""
    clock.set(HOUR)
    ledger = Ledger(0.0)
    async with ground(version, clock, namespace) as bench:
        await bench.one(ledger.work)
        ids = [await die_holding_a_step(bench, number) for number in range(2)]
        await die_as_sweeper(bench)
        clock.set(0)
        ids += [await die_holding_a_step(bench, number) for number in range(2)]
        begun = time.monotonic()
        async with bench.working(**LEASE):
            for execution in ids:
                await bench.ended(execution, "one", 10)
            took = time.monotonic() - begun
            assert await bench.problems() == []
        assert await takeovers(bench) == len(ids)
    assert took <= LEASE["lease"] + 5
    measured(jump_s=-HOUR, lost_steps=len(ids), taken_over_after_s=round(took, 2))


async def die_holding_a_step(bench: Bench, number: int) -> str:
    """Start an execution in a partition and claim its step, as a worker that dies then."""
    partition, name = bench.space.keys.partition(number), bench.id_in(number)
    await bench.execute_all("one", [name])
    words = ("GROUP", "workers", "dead", "STREAMS", partition.ready("default"), ">")
    assert await bench.driver.raw("XREADGROUP", *words)
    return name


async def die_as_sweeper(bench: Bench) -> None:
    """Leave every partition as the first sweep of a worker does that dies then."""
    seconds, _ = await bench.driver.raw("TIME")
    now = int(seconds) * 1000
    for partition in bench.space.keys:
        fields = {"holder": "dead", "until": now + 150, "tick": now, "hold": now + 1200}
        words = [word for pair in fields.items() for word in pair]
        await bench.driver.raw("HSET", partition.permanent["sweeper"], *words)


async def parked(bench: Bench, execution: str) -> bool:
    """Whether the timer of a resting step is set."""
    partition = bench.space.keys.partition_of(execution)
    members = await bench.driver.run(sweeps.read_members(partition, "timers", 0, -1))
    return f"w:{execution}:1" in members


async def swept(bench: Bench) -> None:
    """Wait for a sweep of every partition."""
    for partition in bench.space.keys:
        await until(partial(bench.driver.raw, "HGET", partition.permanent["sweeper"], "tick"))
