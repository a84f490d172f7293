"""Plain functions in threads: bound, counted when stuck, and never in the way of the end."""

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from redflow.worker.threads import Threads
from redflow.worker.worker import StuckThreads
from tests.worker.kit import Bench, until, within

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="base")


@pytest.fixture
def hold() -> Iterator[threading.Event]:
    """Return what holds threads until the test ends."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_plain_function_runs_in_a_thread_with_its_context(bench: Bench):
    def plain(ctx, value):
        return [threading.current_thread().name.rpartition("-")[0], ctx.node_id, value]

    await bench.one(plain)
    async with bench.working():
        run = await bench.run("one", 5)
    assert run.value("a") == ["redflow-step", "a", 5]
    assert await bench.problems() == []


async def test_variables_of_one_thread_do_not_reach_the_next(bench: Bench):
    def plain(value):
        before = VARIABLE.get()
        VARIABLE.set("leaked")
        return before

    await bench.one(plain)
    async with bench.working(threads=1):
        assert [(await bench.run("one")).value("a") for _ in range(3)] == ["base"] * 3


async def test_at_most_so_many_run_at_once_and_the_others_wait(bench: Bench, hold: threading.Event):
    running: list[str] = []

    def plain(ctx, value):
        running.append(ctx.execution_id)
        hold.wait(30)

    await bench.one(plain)
    await bench.execute_all("one", [f"x{n}" for n in range(5)])
    async with bench.working(threads=2) as worker:
        await until(lambda: len(running) == 2)
        # One whose plan is still being read is under way too, until it finds no thread free.
        await until(lambda: worker.attempts.under_way == 2)
        assert worker.attempts.threads.free == 0
        assert len(running) == 2
        hold.set()
        await bench.all_ended()
    assert sorted(running) == [f"x{n}" for n in range(5)], "each once"


async def test_a_saturated_worker_gives_back_what_waits_too_long(
    bench: Bench, hold: threading.Event
):
    ran: dict[str, str] = {}

    def plain(ctx, value):
        ran[ctx.execution_id] = ctx.worker_id
        if ctx.worker_id == "busy":
            hold.wait(30)

    await bench.one(plain)
    await bench.execute_all("one", [f"x{n}" for n in range(6)])
    async with bench.working(worker_id="busy", threads=1) as busy:
        await until(lambda: busy.attempts._for_pool and ran)
        busy.attempts.release_waiting(longest=0.0)
        assert busy.attempts.room() == 0, "and claims no more of them for a while"
        async with bench.working(worker_id="free"):

            def all_ran() -> bool:
                busy.attempts.release_waiting(longest=0.0)  # what a read in flight has won since
                return len(ran) == 6

            await until(all_ran)
            hold.set()
            await bench.all_ended()
    assert sorted(ran.values()) == ["busy"] + ["free"] * 5
    for execution in ran:
        assert (await bench.read(execution)).steps["a"].attempt == 1


async def test_a_thread_past_its_deadline_is_counted_and_its_slot_not_used_again(
    bench: Bench, hold: threading.Event
):
    contexts: list[Any] = []

    def stuck(ctx, value):
        contexts.append(ctx)
        hold.wait(30)
        return "late"

    await bench.one(stuck, timeout=0.05)
    async with bench.working(threads=8) as worker:
        run = await bench.run("one")
        assert run.value("a")["reason"] == "timeout"
        threads = worker.attempts.threads
        assert (threads.free, list(threads.stuck.values())) == (7, ["one"])
        assert contexts[0].cancelled
        assert not threads.too_many_stuck()
        assert worker.attempts.under_way == 0
        hold.set()
        await until(lambda: threads.free == 8)
        assert not threads.stuck
    assert (await bench.read(run.raw.id)).value("a")["reason"] == "timeout", "what was late is void"


async def test_with_a_quarter_of_the_threads_stuck_the_worker_ends_and_names_them(
    bench: Bench, hold: threading.Event
):
    def stuck(value):
        hold.wait(30)

    await bench.one(stuck, "first", timeout=0.02)
    await bench.one(stuck, "second", timeout=0.02)
    await bench.execute("first")
    await bench.execute("second")
    worker = bench.worker(threads=8, beat=0.1)
    with pytest.raises(StuckThreads, match=r"2 of 8 threads .* in first, second"):
        await within(worker.run())
    assert await bench.pending() == {}, "it has given back what it held"


async def test_a_worker_used_as_a_context_says_so_at_its_end(bench: Bench, hold: threading.Event):
    def stuck(value):
        hold.wait(30)

    await bench.one(stuck, timeout=0.02)
    with pytest.raises(StuckThreads):
        async with bench.working(threads=1) as worker:
            await bench.run("one")
            await until(lambda: not worker.pump.accepting)


async def test_a_thread_that_is_told_to_stop_is_not_counted_as_stuck(bench: Bench):
    """It cannot be ended, but it hears of it, and what it answers still counts."""
    began = threading.Event()

    def listens(ctx, value):
        began.set()
        while not ctx.cancelled:
            threading.Event().wait(0.001)
        return "stopped in time"

    await bench.one(listens)
    execution = await bench.execute("one")
    async with bench.working() as worker:
        await until(began.is_set)
        (held,) = worker.attempts.claims.snapshot()
        held.interrupt("stop")
        assert not worker.attempts.threads.stuck
        run = await bench.ended(execution)
    assert run.value("a") == "stopped in time"


async def test_a_thread_told_to_stop_that_does_not_still_times_out(
    bench: Bench, hold: threading.Event
):
    began = threading.Event()

    def deaf(ctx, value):
        began.set()
        hold.wait(30)

    await bench.one(deaf, timeout=0.2)
    execution = await bench.execute("one")
    async with bench.working() as worker:
        await until(began.is_set)
        (held,) = worker.attempts.claims.snapshot()
        held.interrupt("stop")
        run = await bench.ended(execution)
        assert run.value("a")["reason"] == "timeout"
        assert len(worker.attempts.threads.stuck) == 1


async def test_threads_end_with_the_pool(hold: threading.Event):
    threads, ended = Threads(3), asyncio.Event()
    before = threading.active_count()
    for _ in range(2):
        threads.start(lambda ctx: 1, None, "f", lambda value, error: ended.set())  # type: ignore[arg-type]
    await within(ended.wait())
    threads.close()
    await until(lambda: threading.active_count() < before + 2)
    await until(lambda: threads.free == 3)


def test_a_function_that_never_returns_does_not_keep_the_process_alive():
    program = """
import asyncio, threading
from redflow.worker.threads import Threads

async def main():
    began = asyncio.Event()
    loop = asyncio.get_running_loop()
    def stuck(ctx):
        loop.call_soon_threadsafe(began.set)
        threading.Event().wait()
    threads = Threads(1)
    threads.start(stuck, None, "stuck", print)
    await began.wait()
    threads.close()
    print("main is over")

asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert (done.stdout, done.stderr) == ("main is over\n", "")
