"""LeaseLost: what a function hears that was ended from outside, and that it is no failure."""

import asyncio
import threading
from typing import Any

import pytest

from redflow.errors import LeaseLost
from redflow.model.workflow import Workflow
from redflow.nodes.context import Context
from redflow.worker.worker import Worker
from tests.worker.kit import Bench, Gate, until

STILL: dict[str, Any] = {"lease": 30.0, "beat": 10.0, "drain": 0.0}


class Stubborn:
    """A function that goes on until `check` ends it, as a coroutine and as a thread."""

    def __init__(self) -> None:
        self.begun = 0
        self.heard: list[LeaseLost] = []

    async def coroutine(self, ctx: Context, value: Any) -> str:
        self.begun += 1
        if self.heard:
            return "the second time"
        while True:
            try:
                await asyncio.sleep(0.001)
            except asyncio.CancelledError:
                self._check(ctx)

    def thread(self, ctx: Context, value: Any) -> str:
        self.begun += 1
        while not self.heard:
            threading.Event().wait(0.001)
            self._check(ctx)
        return "the second time"

    def _check(self, ctx: Context) -> None:
        try:
            ctx.check()
        except LeaseLost as error:
            self.heard.append(error)
            raise


@pytest.fixture(params=["coroutine", "thread"])
def stubborn(request: pytest.FixtureRequest, bench: Bench) -> Stubborn:
    """Return a function that is registered as `work`, of either kind."""
    made = Stubborn()
    bench.function("work", getattr(made, request.param))
    return made


def failures(bench: Bench) -> float:
    """Steps counted as failed or to be retried."""
    name, labels = "redflow_steps_processed_total", {"node_type": "function"}
    return sum(bench.metric(name, status=status, **labels) for status in ("FAILED", "RETRYING"))


async def interrupt(worker: Worker, stubborn: Stubborn, why: str) -> None:
    await until(lambda: stubborn.begun == 1)
    (held,) = worker.attempts.claims.snapshot()
    held.interrupt(why)
    await until(lambda: stubborn.heard)


def one_node() -> Workflow:
    return Workflow.builder("one").add_node("a", "function").with_config("function", "work").build()


async def test_a_lost_lease_says_nothing_of_the_step(bench: Bench, stubborn: Stubborn):
    await bench.publish(one_node())
    execution = await bench.execute("one")
    async with bench.working(worker_id="first", **STILL) as worker:
        await interrupt(worker, stubborn, "lost")
        await until(lambda: not worker.attempts.claims)
        run = await bench.read(execution)
        assert (run.status, run.letters()) == (None, "a:q"), "whoever holds it now settles it"
        assert (worker.attempts.under_way, worker.pump.fenced) == (0, 0)
    assert str(stubborn.heard[0]) == (
        f"attempt 1 of node 'a' of execution '{execution}' is over: its lease was lost"
        " (end now: another worker may run this step already)"
    )
    assert failures(bench) == 0


async def test_after_a_timeout_the_timeout_is_what_is_recorded(bench: Bench, stubborn: Stubborn):
    await bench.publish(one_node())
    execution = await bench.execute("one")
    async with bench.working(**STILL) as worker:
        await interrupt(worker, stubborn, "timeout")
        run = await bench.ended(execution)
    assert run.value("a")["type"] == "TimeoutError"
    assert "timed out" in str(stubborn.heard[0])


async def test_a_worker_that_stops_gives_the_step_back(bench: Bench, stubborn: Stubborn):
    await bench.publish(one_node())
    execution = await bench.execute("one")
    async with bench.working(**STILL) as worker:
        await interrupt(worker, stubborn, "shutdown")
        run = await bench.ended(execution)
    assert (run.value("a"), run.steps["a"].attempt) == ("the second time", 1)
    assert "not charged" in str(stubborn.heard[0])
    assert failures(bench) == 0


async def test_an_execution_that_stops_cancels_the_step(bench: Bench, stubborn: Stubborn):
    gate = Gate()

    async def fails(value: Any) -> None:
        await gate.passed()
        raise ValueError("no")

    bench.function("fails", fails)
    workflow = (
        Workflow.builder("one")
        .add_node("root", "log")
        .with_config("message", "both")
        .add_node("a", "function")
        .with_config("function", "work")
        .add_node("b", "function")
        .with_config("function", "fails")
        .connect("root", "a")
        .connect("root", "b")
        .build()
    )
    await bench.publish(workflow)
    execution = await bench.execute("one")
    async with bench.working(**STILL):
        await until(lambda: stubborn.begun and gate.begun)
        gate.opened.set()
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert run.letters() == "root:C a:X b:F"
    assert "its execution stops" in str(stubborn.heard[0])
    assert failures(bench) == 1, "that of b"


async def test_a_function_that_raises_it_by_itself_has_failed(bench: Bench):
    async def pretends(value: Any) -> None:
        raise LeaseLost("not true")

    await bench.one(pretends)
    async with bench.working():
        run = await bench.run("one")
    assert run.value("a")["type"] == "redflow.errors.LeaseLost"
    assert failures(bench) == 1


async def test_check_does_nothing_while_the_attempt_runs(bench: Bench):
    async def checks(ctx: Context, value: Any) -> str:
        ctx.check()
        return "done"

    await bench.one(checks)
    async with bench.working():
        assert (await bench.run("one")).value("a") == "done"
