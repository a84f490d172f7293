"""An execution that fails while its other steps run: they are told to stop, finalizers run."""

import asyncio
import threading

import pytest

from redflow.model.workflow import Workflow
from tests.worker.kit import Bench, Gate, until

STILL = {"lease": 60.0, "beat": 0.05, "sweep": 0.2}


def siblings(*, finalizer: bool = False, slow_queue: str = "default") -> Workflow:
    """`root` leads to `fails` and to `slow`; `last` runs whatever becomes of `fails`."""
    builder = (
        Workflow.builder("w")
        .add_node("root", "function")
        .with_config("function", "root")
        .add_node("fails", "function")
        .with_config("function", "fails")
        .add_node("slow", "function")
        .with_config("function", "slow")
        .with_queue(slow_queue)
        .add_node("after", "log")
        .with_config("message", "never")
        .connect("root", "fails")
        .connect("root", "slow")
        .connect("slow", "after")
    )
    if finalizer:
        builder = (
            builder.add_node("last", "function")
            .with_config("function", "last")
            .connect_on("fails", "last", "always")
        )
    return builder.build()


def functions(bench: Bench, gate: Gate, fail: asyncio.Event) -> None:
    async def root(value):
        return value

    async def fails(value):
        await fail.wait()
        raise ValueError("the first cause")

    async def slow(value):
        await gate.passed()
        return "slow"

    for function in (root, fails, slow):
        bench.function(function.__name__, function)


async def test_siblings_on_the_same_worker_are_told_to_stop(bench: Bench):
    gate, fail = Gate(), asyncio.Event()
    functions(bench, gate, fail)
    await bench.publish(siblings())
    execution = await bench.execute("w")
    async with bench.working(**STILL) as worker:
        await until(lambda: gate.begun == 1)
        fail.set()
        run = await bench.ended(execution)
        assert gate.cancelled == 1
        await until(lambda: not worker.attempts.claims)  # the answer to what was recorded
        assert await bench.problems() == []
    assert run.status == "F"
    assert (run.steps["slow"].kind, run.steps["fails"].kind) == ("X", "F")
    assert "after" not in run.steps or run.steps["after"].kind in "SX"
    assert run.steps["slow"].attempt == 1, "what had begun says so"
    assert run.raw.failed_step == bench.plans["w"].numbers["fails"]


async def test_siblings_on_another_worker_hear_it_with_their_lease(bench: Bench):
    gate, fail = Gate(), asyncio.Event()
    functions(bench, gate, fail)
    await bench.publish(siblings(slow_queue="elsewhere"))
    execution = await bench.execute("w")
    async with bench.working(**STILL), bench.working(queues=("elsewhere",), **STILL):
        await until(lambda: gate.begun == 1)
        fail.set()
        run = await bench.ended(execution)
        assert gate.cancelled == 1
        assert await bench.problems() == []
    assert (run.status, run.steps["slow"].kind) == ("F", "X")


async def test_a_thread_that_finishes_after_the_failure_is_recorded(bench: Bench):
    gate, fail, heard = Gate(), asyncio.Event(), threading.Event()
    functions(bench, gate, fail)

    def thorough(ctx, value):
        gate.begun += 1
        while not ctx.cancelled:
            threading.Event().wait(0.001)
        heard.set()
        return "finished all the same"

    del bench.registry.functions["slow"]
    bench.function("slow", thorough)
    await bench.publish(siblings())
    execution = await bench.execute("w")
    async with bench.working(**STILL) as worker:
        await until(lambda: gate.begun == 1)
        fail.set()
        run = await bench.ended(execution)
        assert heard.is_set()
        assert not worker.attempts.threads.stuck
    assert (run.status, run.steps["slow"].kind) == ("F", "C")
    assert run.value("slow") == "finished all the same"


async def test_steps_that_are_ready_when_it_fails_do_not_run(bench: Bench):
    ran: list[str] = []

    async def fails(ctx, value):
        raise ValueError("no")

    async def never(ctx, value):
        ran.append(ctx.node_id)

    bench.function("fails", fails)
    bench.function("never", never, queue="nobody")
    builder = Workflow.builder("w", "").add_node("a", "function").with_config("function", "fails")
    for number in range(20):
        builder = builder.add_node(f"n{number}", "function").with_config("function", "never")
    builder = builder.add_node("end", "log").with_config("message", "x").connect("a", "end")
    for number in range(20):
        builder = builder.connect(f"n{number}", "end")
    await bench.publish(builder.build())
    async with bench.working():
        run = await bench.run("w")
        assert await bench.problems() == []
    assert run.status == "F"
    assert {run.steps[f"n{number}"].kind for number in range(20)} == {"X"}
    assert ran == []


@pytest.mark.parametrize("drops", [False, True])
async def test_a_finalizer_runs_to_its_end_while_the_execution_fails(bench: Bench, drops):
    """Neither the flag of its claim nor the word of its lease stops it."""
    gate, fail, last = Gate(), asyncio.Event(), Gate()
    functions(bench, gate, fail)

    async def finalize(value):
        await last.passed()
        return value["status"]

    bench.function("last", finalize)
    plan = await bench.publish(siblings(finalizer=True))
    execution = await bench.execute("w")
    async with bench.working(**STILL) as worker:
        await until(lambda: gate.begun == 1)
        if drops:
            worker.pump._plans._prepared.pop((plan.hash, plan.numbers["last"]), None)
        fail.set()
        await until(lambda: last.begun == 1)
        (held,) = [
            held
            for held in worker.attempts.claims.snapshot()
            if held.envelope.step == plan.numbers["last"]
        ]
        held.claimed -= 1
        await asyncio.to_thread(worker.heartbeat.beat)
        await asyncio.sleep(0)
        assert last.cancelled == 0
        last.opened.set()
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert run.status == "F"
    assert run.value("last") == "FAILED"
    assert (run.steps["last"].attempt, run.steps["last"].releases) == (1, 0)


async def test_a_step_claimed_after_the_failure_is_not_run(bench: Bench):
    """Its stop page has not come yet; the claim says that the execution stops."""
    gate, fail, ran = Gate(), asyncio.Event(), []
    functions(bench, gate, fail)

    async def slow(value):
        ran.append("slow")

    bench.registry.functions.pop("slow")
    bench.function("slow", slow, queue="later")
    await bench.publish(siblings(slow_queue="later"))
    execution = await bench.execute("w")
    async with bench.working(worker_id="first") as first:
        first.sweeper.carry_out = lambda partition, orders: None  # type: ignore[method-assign]
        first.pump.carry_out = first.sweeper.carry_out
        await first._end(first._tasks[3])  # its sweeper: the order stays where it is
        fail.set()

        async def failing() -> bool:
            return (await bench.read(execution)).raw.phase == "f"

        await until(failing)
        async with bench.working(queues=("later",), sweep=600.0) as second:
            second.pump.look(0)
            second.pump.look(1)
            run = await bench.ended(execution)
    assert ran == []
    assert run.steps["slow"].kind == "X"


async def test_a_step_that_is_ended_before_its_first_wait_hears_of_it_there(bench: Bench):
    heard: list[str] = []

    async def work(value):
        (held,) = worker.attempts.claims.snapshot()
        held.interrupt("lost")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise

    await bench.one(work)
    await bench.execute("one")
    async with bench.working() as worker:
        await until(lambda: heard)
        await until(lambda: not worker.attempts.claims)
        assert (heard, worker.attempts.under_way) == (["cancelled"], 0)
