"""Queues, slots and turns: who runs what, how much at once, and that everybody's turn comes."""

import asyncio
from collections import Counter

import pytest

from redflow.driver import AsyncDriver, Connector
from redflow.model.retry import RetryPolicy
from redflow.worker.reader import Reader
from tests.worker.kit import Bench, Gate, chain, until, within


@pytest.fixture
def wide(connector: Connector, driver: AsyncDriver, namespace: str) -> Bench:
    """Return a namespace with as many partitions as the default."""
    return Bench(connector, driver, namespace, partitions=16)


async def test_a_worker_serves_its_own_queues_only(bench: Bench):
    ran: list[tuple[str, str]] = []

    async def work(ctx, value):
        ran.append((ctx.worker_id, ctx.workflow))

    for queue in ("left", "right"):
        await bench.one(work, queue, queue=queue)
    await bench.execute_all("left", ["l1", "l2", "l3"])
    await bench.execute_all("right", ["r1", "r2", "r3"])
    async with bench.working(worker_id="wl", queues=("left",)):
        for execution in ("l1", "l2", "l3"):
            await bench.ended(execution, "left")
        assert (await bench.read("r1", "right")).steps["a"].kind == "q"
        async with bench.working(worker_id="wr", queues=("right",)):
            await bench.all_ended()
    assert Counter(ran) == {("wl", "left"): 3, ("wr", "right"): 3}


async def test_steps_of_one_execution_may_run_in_different_queues(bench: Bench):
    ran: list[str] = []

    async def work(ctx, value):
        ran.append(ctx.worker_id)

    bench.function("here", work, queue="here")
    bench.function("there", work, queue="there")
    await bench.publish(chain("w", ["here", "there", "here"]))
    async with (
        bench.working(worker_id="h", queues=("here",)),
        bench.working(worker_id="t", queues=("there",)),
    ):
        await bench.run("w")
    assert ran == ["h", "t", "h"]


@pytest.mark.parametrize("concurrency", [1, 3])
async def test_two_queues_share_the_room(bench: Bench, concurrency):
    order: list[str] = []

    async def work(ctx, value):
        order.append(ctx.workflow)
        await asyncio.sleep(0)

    for queue in ("left", "right"):
        await bench.one(work, queue, queue=queue)
        await bench.execute_all(queue, [f"{queue}{n}" for n in range(40)])
    async with bench.working(queues=("left", "right"), concurrency=concurrency):
        await bench.all_ended()
    half = Counter(order[:40])
    assert min(half["left"], half["right"]) >= 10, half


async def test_never_more_steps_run_than_there_are_slots(wide: Bench):
    running, most = [0], [0]

    async def work(value):
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.001)
        running[0] -= 1

    await wide.one(work)
    await wide.execute_all("one", [f"x{n}" for n in range(60)])
    async with wide.working(concurrency=1):
        await wide.all_ended()
    assert most == [1]
    assert await wide.problems() == []


async def test_what_the_blocking_read_wins_beyond_the_slots_is_given_back(wide: Bench):
    """One entry of each stream is the least it can ask for: 16 partitions make 16 steps."""
    gate = Gate()

    async def work(ctx, value):
        if ctx.worker_id == "small":
            await gate.passed()
        return ctx.worker_id

    await wide.one(work)
    ids = [wide.id_in(partition) for partition in range(16)]
    async with wide.working(worker_id="small", concurrency=1) as small:
        await wide.execute_all("one", ids)
        await until(lambda: gate.begun == 1)
        small.attempts.release_waiting(longest=0.0)
        async with wide.working(worker_id="other"):
            await until(lambda: small.attempts.under_way == 1 and len(small.attempts.claims) == 1)

            async def others_done() -> bool:
                return await wide.unfinished() == 1

            await until(others_done)
        assert gate.begun == 1
        gate.opened.set()
        await wide.all_ended()
    assert await wide.problems() == []


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_work_elsewhere_starts_while_a_hot_partition_never_runs_dry(
    connector: Connector, driver: AsyncDriver, namespace: str, concurrency
):
    bench = Bench(connector, driver, namespace, partitions=4)
    ran: list[int] = []
    cold = asyncio.Event()
    hot = [bench.id_in(0, "hot") for _ in range(40)]

    async def work(ctx, value):
        partition = bench.space.keys.partition_of(ctx.execution_id).number
        ran.append(partition)
        await asyncio.sleep(0.001)
        if partition == 3:
            cold.set()
        elif not cold.is_set():
            await bench.execute("one", id=bench.id_in(0, "hot"))

    await bench.one(work)
    await bench.execute_all("one", hot)
    async with bench.working(concurrency=concurrency):
        await until(lambda: len(ran) > 20)
        await bench.execute("one", id=bench.id_in(3, "cold"))
        await within(cold.wait())
        await bench.all_ended()
    assert ran.count(3) == 1


async def test_two_workers_share_the_load(bench: Bench):
    gate, ran = Gate(), Counter[str]()

    async def work(ctx, value):
        ran[ctx.worker_id] += 1
        await gate.passed()

    await bench.one(work)
    await bench.execute_all("one", [f"x{n}" for n in range(12)])
    async with (
        bench.working(worker_id="w1", concurrency=6),
        bench.working(worker_id="w2", concurrency=6),
    ):
        await until(lambda: gate.begun == 12)
        assert ran == {"w1": 6, "w2": 6}
        gate.opened.set()
        await bench.all_ended()


async def test_a_thousand_steps_in_one_partition_all_end(bench: Bench):
    async def work(value):
        return value

    bench.function("work", work)
    await bench.publish(chain("w", ["work"] * 4))
    await bench.execute_all("w", [bench.id_in(1) for _ in range(100)], "x" * 100)
    async with bench.working(concurrency=16, batch=8):
        await bench.all_ended()
    assert await bench.problems() == []


async def test_a_coroutine_past_its_deadline_is_cancelled(bench: Bench):
    gate, contexts = Gate(), []

    async def slow(ctx, value):
        contexts.append(ctx)
        await gate.passed()

    await bench.one(slow, timeout=0.05)
    async with bench.working() as worker:
        run = await bench.run("one")
        assert run.value("a")["reason"] == "timeout"
        assert run.value("a")["type"] == "TimeoutError"
        assert gate.cancelled == 1
        assert contexts[0].cancelled
        assert contexts[0].deadline is not None
        assert worker.attempts.under_way == 0


@pytest.mark.parametrize("answer", ["value", "error"])
async def test_what_a_coroutine_does_after_its_timeout_changes_nothing(bench: Bench, answer):
    async def stubborn(value):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            if answer == "error":
                raise ValueError("too late") from None
        return "too late"

    await bench.one(stubborn, timeout=0.02)
    async with bench.working():
        run = await bench.run("one")
    assert run.value("a")["reason"] == "timeout"


async def test_a_timeout_is_retried_like_any_failure(bench: Bench):
    async def slow_once(ctx, value):
        if ctx.attempt == 1:
            await asyncio.Event().wait()
        return ctx.attempt

    await bench.one(slow_once, timeout=0.02, retry=RetryPolicy(2, initial_interval=0.001))
    async with bench.working():
        run = await bench.run("one")
    assert run.value("a") == 2


async def test_the_timer_of_an_attempt_goes_with_it(bench: Bench):
    """Ten minutes of default timeout would keep every step in memory for ten minutes."""
    handles = []

    async def work(value):
        await asyncio.sleep(0)

    await bench.one(work)
    async with bench.working() as worker:
        keep = worker.attempts._suspended

        def watched(held, timeout, cancel):
            keep(held, timeout, cancel)
            handles.append(held.timer)

        worker.attempts._suspended = watched  # type: ignore[method-assign]
        await bench.run("one")
    assert [handle.cancelled() for handle in handles] == [True]


async def test_a_read_takes_no_more_than_there_is_room_for_then(bench: Bench, monkeypatch):
    """Room that was there before a rest may be gone after it."""
    asked: list[int] = []
    monkeypatch.setattr(Reader, "_read", lambda self, line, room, block: _note(asked, room))
    async with bench.working() as worker:
        reader = worker.reader
        worker.attempts.under_way = worker.settings.concurrency
        asked.clear()
        await reader._probe(reader._lines[0])
        assert asked == []
        worker.attempts.under_way = 0


async def _note(asked: list[int], room: int) -> None:
    asked.append(room)
    await asyncio.sleep(0.01)
