"""A worker that is told to stop loses nothing and charges nobody."""

import asyncio
import threading

import pytest

from redflow.driver import Connector
from redflow.errors import Unavailable
from redflow.worker.worker import Worker
from tests.worker.faults import NOT_SENT, Faults
from tests.worker.kit import Bench, Gate, chain, until, within


def started(worker: Worker) -> asyncio.Task[None]:
    """Run a worker as a program does."""
    return asyncio.create_task(worker.run())


async def test_steps_under_way_finish_and_no_other_begins(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()
        return "finished"

    bench.function("work", work)
    await bench.publish(chain("w", ["work", "work"]))
    execution = await bench.execute("w")
    worker = bench.worker()
    running = started(worker)
    await until(lambda: gate.begun == 1)
    worker.request_stop()
    await until(lambda: not worker.pump.accepting)
    gate.opened.set()
    await within(running)
    run = await bench.read(execution)
    assert run.value("a") == "finished"
    assert run.steps["b"].kind == "q"
    assert gate.begun == 1, "the next step is for another worker"
    assert await bench.pending() == {}
    async with bench.working():
        assert (await bench.ended(execution)).status == "C"
    assert await bench.problems() == []


@pytest.mark.parametrize("drain", [0.0, 0.05])
async def test_after_the_drain_time_steps_are_given_back_uncharged(bench: Bench, drain):
    gate, attempts = Gate(), []
    release = threading.Event()

    async def coroutine(ctx, value):
        attempts.append((ctx.worker_id, ctx.attempt))
        if ctx.worker_id == "first":
            await gate.passed()

    def plain(ctx, value):
        attempts.append((ctx.worker_id, ctx.attempt))
        if ctx.worker_id == "first":
            release.wait(30)

    await bench.one(coroutine, "coroutine")
    await bench.one(plain, "plain")
    ids = [await bench.execute("coroutine"), await bench.execute("plain")]
    worker = bench.worker(worker_id="first", drain=drain)
    running = started(worker)
    await until(lambda: len(attempts) == 2)
    worker.request_stop()
    await within(running)
    assert gate.cancelled == 1
    assert await bench.pending() == {}
    async with bench.working(worker_id="second"):
        for execution in ids:
            run = await bench.ended(execution)
            step = run.steps["a"]
            assert (run.status, step.attempt, step.deliveries, step.releases) == ("C", 1, 0, 1)
    release.set()
    assert sorted(attempts) == [("first", 1)] * 2 + [("second", 1)] * 2
    assert await bench.problems() == []


async def test_a_second_request_gives_everything_back_at_once(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work)
    execution = await bench.execute("one")
    worker = bench.worker(drain=3600.0)
    running = started(worker)
    await until(lambda: gate.begun == 1)
    worker.request_stop()
    await until(lambda: worker._patience is not None)
    worker.request_stop(drain=0)
    await within(running)
    step = (await bench.read(execution)).steps["a"]
    assert (step.kind, step.worker) == ("q", None)


@pytest.mark.parametrize("how", ["error", "answers"])
async def test_what_a_step_makes_of_being_cancelled_is_its_own_affair(bench: Bench, how):
    """An error that comes of our cancelling is not charged; an answer counts."""
    gate = Gate()

    async def work(ctx, value):
        if ctx.worker_id == "second":
            return "second"
        try:
            await gate.passed()
        except asyncio.CancelledError:
            if how == "error":
                raise RuntimeError("interrupted") from None
        return "first"

    await bench.one(work)
    execution = await bench.execute("one")
    worker = bench.worker(worker_id="first", drain=0.0)
    running = started(worker)
    await until(lambda: gate.begun == 1)
    worker.request_stop()
    await within(running)
    async with bench.working(worker_id="second"):
        run = await bench.ended(execution)
    assert run.status == "C"
    assert run.value("a") == ("second" if how == "error" else "first")


async def test_a_step_that_refuses_to_end_is_given_back_all_the_same(bench: Bench, monkeypatch):
    monkeypatch.setattr("redflow.worker.worker.FLUSH", 0.05)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def deaf(ctx, value):
        began.set()
        while not go_on.is_set():
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                continue

    await bench.one(deaf)
    execution = await bench.execute("one")
    worker = bench.worker(drain=0.0)
    running = started(worker)
    await within(began.wait())
    worker.request_stop()
    await within(running)
    step = (await bench.read(execution)).steps["a"]
    assert (step.kind, step.worker) == ("q", None)
    go_on.set()
    await asyncio.sleep(0)
    assert await bench.pending() == {}


async def test_a_claim_that_was_not_heard_of_is_given_back_too(bench: Bench, connector: Connector):
    """The stop cuts off the blocking read; what it had won would wait for its lease."""
    faults = Faults(connector)
    ready = bench.space.keys.partition(0).ready("default")
    faults.on("read_group", "hold", only=lambda streams: ready in streams)
    await bench.one(lambda value: "done")
    worker = bench.worker(faults)
    running = started(worker)
    await within(faults.held.wait())
    execution = await bench.execute("one", id=bench.id_in(0))
    won = await bench.driver.read_group(
        [ready], group="workers", consumer=worker.id, count=1, block_ms=0
    )
    assert len(won[0][1]) == 1
    worker.request_stop(drain=0)
    await within(running)
    step = (await bench.read(execution)).steps["a"]
    assert (step.kind, step.worker) == ("q", None)
    async with bench.working():
        run = await bench.ended(execution)
    assert (run.steps["a"].attempt, run.steps["a"].releases) == (1, 1)


async def test_stopping_during_an_outage_is_bounded(
    bench: Bench, connector: Connector, monkeypatch
):
    monkeypatch.setattr("redflow.worker.worker.FLUSH", 0.1)
    faults, gate = Faults(connector), Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work)
    execution = await bench.execute("one")
    worker = bench.worker(faults, drain=0.05)
    running = started(worker)
    await until(lambda: gate.begun == 1)
    faults.down = True
    worker.request_stop()
    await within(running)
    faults.down = False
    assert len(await bench.pending()) == 1, "its lease will run out"
    await bench.silence()
    async with bench.working():
        gate.opened.set()
        assert (await bench.ended(execution)).status == "C"


async def test_a_worker_that_cannot_start_says_so_and_leaves_nothing(
    bench: Bench, connector: Connector
):
    faults = Faults(connector)
    faults.down = True
    before = asyncio.all_tasks()
    with pytest.raises(Unavailable, match=NOT_SENT):
        await bench.worker(faults).run()
    assert asyncio.all_tasks() == before


async def test_cancelling_run_drains_as_well(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work)
    execution = await bench.execute("one")
    running = started(bench.worker(drain=0.0))
    await until(lambda: gate.begun == 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within(running)
    assert (await bench.read(execution)).steps["a"].worker is None


async def test_a_part_that_fails_ends_the_worker_with_its_error(bench: Bench, monkeypatch):
    worker = bench.worker()
    running = started(worker)
    await until(lambda: worker._tasks)

    def broken() -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(worker.pump, "_next", broken)
    worker.pump.wake()
    with pytest.raises(ZeroDivisionError, match="planted"):
        await within(running)


async def test_a_worker_may_be_stopped_twice(bench: Bench):
    async with bench.working() as worker:
        await worker.stop()
        await worker.stop()


@pytest.mark.row(39)
async def test_a_stop_during_a_call_still_reports_what_finishes(
    bench: Bench, connector: Connector, monkeypatch
):
    """The stop waits for that call before it looks for claims; when it gives up, calls go on."""
    monkeypatch.setattr("redflow.worker.worker.FLUSH", 0.05)
    faults, gate = Faults(connector), Gate()

    async def work(value):
        await gate.passed()
        return "finished"

    await bench.one(work)
    execution = await bench.execute("one")
    faults.on("advance", "hold", only=lambda op: gate.begun == 1)
    worker = bench.worker(faults, drain=5.0)
    running = started(worker)
    await within(faults.held.wait())
    worker.request_stop()
    await until(lambda: worker._patience is not None)
    faults.go.set()
    gate.opened.set()
    await within(running)
    assert (await bench.read(execution)).value("a") == "finished"
