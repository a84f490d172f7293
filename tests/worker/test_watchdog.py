"""A blocking read that never comes back is made anew; then the worker ends and says why."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import pytest

from redflow.driver import Connector
from redflow.worker import watchdog
from redflow.worker.health import Health
from redflow.worker.watchdog import LOOKS, RENEWALS, Watchdog, WedgedReader
from tests.worker.faults import Faults
from tests.worker.kit import Bench, Gate, until, within

BLOCK = 0.1
LIMIT = 3 * BLOCK + 0.3


@pytest.fixture
def faults(connector: Connector, monkeypatch: pytest.MonkeyPatch) -> Faults:
    monkeypatch.setattr(watchdog, "ANSWER", 0.3)
    return Faults(connector)


def is_first(bench: Bench) -> Callable[[list[str]], bool]:
    """Whether a read waits for the first partition: in a cluster another one does for the next."""
    ready = bench.space.keys.partition(0).ready("default")
    return lambda streams: ready in streams


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if "has not come back" in r.getMessage()]


@pytest.mark.row(19)
async def test_a_read_that_never_returns_is_made_anew(bench: Bench, faults: Faults, caplog):
    ran: list[str] = []

    async def work(ctx, value):
        ran.append(ctx.execution_id)

    await bench.one(work)
    faults.on("read_group", "hold", only=is_first(bench))
    async with bench.working(faults, interval=BLOCK) as worker:
        await within(faults.held.wait())
        assert worker.health().renewals == 0
        execution = await bench.execute("one", id=bench.id_in(0))
        begun = time.monotonic()
        assert (await bench.ended(execution)).status == "C"
        assert time.monotonic() - begun <= 3 * LIMIT
        assert worker.health().renewals == 1
        assert not worker.pump.outage.active
    assert ran == [execution]
    assert len(told(caplog)) == 1


@pytest.mark.row(19)
async def test_after_three_renewals_the_worker_drains_and_ends_with_the_error(
    bench: Bench, faults: Faults, caplog
):
    gate = Gate()

    async def work(value):
        await gate.passed()
        return "finished"

    await bench.one(work)
    worker = bench.worker(faults, interval=BLOCK)
    running = asyncio.create_task(worker.run())
    await until(lambda: worker._tasks and worker.health().ready)
    execution = await bench.execute("one")
    await until(lambda: gate.begun == 1)
    faults.on("read_group", "hold", times=RENEWALS + 1, only=is_first(bench))
    await until(lambda: not worker.pump.accepting)
    assert not worker.health().ready
    gate.opened.set()
    with pytest.raises(WedgedReader, match="has not come back"):
        await within(running)
    assert faults.all_done
    assert len(told(caplog)) == RENEWALS + 1, "and one line that it gives up"
    assert (await bench.read(execution)).value("a") == "finished"
    assert await bench.pending() == {}


async def test_an_outage_is_no_wedge(bench: Bench, faults: Faults):
    await bench.one(lambda value: value)
    async with bench.working(faults, interval=BLOCK) as worker:
        worker.reader.outage._longest = BLOCK
        await until(lambda: worker.health().ready)
        faults.down = True
        await until(lambda: worker.health().outage > 3 * LIMIT)
        assert worker.health().missed_beats > 0
        faults.down = False
        assert (await bench.run("one")).status == "C"
        await until(lambda: worker.health().outage == 0.0)
        assert worker.health().renewals == 0


async def test_what_makes_the_reader_fail_ends_the_worker(bench: Bench, monkeypatch):
    worker = bench.worker()
    running = asyncio.create_task(worker.run())
    await until(lambda: worker._tasks)

    async def broken(line) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(worker.reader, "_turn", broken)
    with pytest.raises(ZeroDivisionError, match="planted"):
        await within(running)


async def test_health_is_asked_at_any_time(bench: Bench):
    worker = bench.worker()
    assert worker.health() == Health()
    async with worker:
        await until(lambda: worker.health().ready)
        found = worker.health()
        assert found.reader_age is not None
        assert found.reader_age <= worker.watchdog.limit
        assert found.loop_age is not None
        assert (found.missed_beats, found.outage, found.fenced, found.reclaimed) == (0, 0.0, 0, 0)
    assert not worker.health().ready


# --- alone


class Sweeps:
    active = False


class Stub:
    """A reader, and the driver whose connections it has: it turns only when it is told to."""

    def __init__(self, *, deaf: int = 0) -> None:
        self.turned: float | None = 0.0
        self.sweeps, self.adopts = Sweeps(), False
        self.deaf = deaf
        self.begun = self.reading = self.most = self.renewed = 0

    async def run(self) -> None:
        self.begun += 1
        self.reading += 1
        self.most = max(self.most, self.reading)
        try:
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if not self.deaf:
                        raise
                    self.deaf -= 1
        finally:
            self.reading -= 1

    def was_renewed(self, times: int) -> bool:
        return self.renewed == times

    def lost_reply(self) -> None:
        self.adopts = True

    async def renew_reading(self) -> None:
        self.renewed += 1


def watch(stub: Stub, limit: float = 0.1) -> tuple[Watchdog, "asyncio.Task[None]"]:
    dog = Watchdog(stub, stub, stub.sweeps, interval=1.0)  # type: ignore[arg-type]
    dog.limit = limit
    return dog, asyncio.create_task(dog.run())


async def test_a_turn_in_between_counts_from_the_beginning():
    stub = Stub()
    dog, running = watch(stub)
    for number in range(1, RENEWALS + 3):
        await until(partial(stub.was_renewed, number))
        stub.turned = float(number)
        await until(lambda: stub.reading == 1)
    assert not running.done()
    assert dog.renewals >= RENEWALS + 2
    running.cancel()
    await asyncio.wait({running})
    assert stub.reading == 0


async def test_there_is_never_a_second_reader():
    """One that does not hear a cancel is asked again; another beside it would win too much."""
    stub = Stub(deaf=1)
    _, running = watch(stub)
    await until(lambda: stub.begun == 2)
    assert (stub.most, stub.adopts) == (1, True)
    with pytest.raises(WedgedReader):
        await within(running)
    assert (stub.reading, stub.renewed) == (0, RENEWALS)


async def test_a_loop_that_stood_still_is_not_the_readers_fault():
    stub = Stub()
    _, running = watch(stub, limit=1.0)
    await asyncio.sleep(0)
    time.sleep(1.5)
    for _ in range(2):
        await asyncio.sleep(1.0 / LOOKS)
    assert stub.renewed == 0
    running.cancel()
    await asyncio.wait({running})


async def test_while_redis_does_not_answer_nobody_is_to_blame():
    """However long it lasts; afterwards the time counts from its end."""
    stub = Stub()
    stub.sweeps.active = True
    _, running = watch(stub, limit=0.02)
    await asyncio.sleep(0.2)
    assert (stub.renewed, running.done()) == (0, False)
    stub.sweeps.active = False
    with pytest.raises(WedgedReader):
        await within(running)


async def test_who_does_not_know_its_queues_is_waited_for():
    stub = Stub()
    stub.turned = None
    _, running = watch(stub, limit=0.02)
    await asyncio.sleep(0.1)
    assert stub.renewed == 0
    running.cancel()
    await asyncio.wait({running})
