"""What becomes of what a step returns or raises, from the function to the record."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from redflow.crypto.values import Values
from redflow.model import codec
from redflow.model.compiling import compile_plan
from redflow.model.outcome import (
    AwaitingSignal,
    Branch,
    Completed,
    ErrorInfo,
    Fail,
    Failed,
    OutcomeReason,
    Released,
    Retry,
    Sleeping,
)
from redflow.model.plan import Plan
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.worker.conclusion import Place, conclude, release_delay
from redflow.worker.outbox import CALL_BYTES, Outbox, Report, due_of
from tests.worker.kit import Bench, chain, until

AT_ONCE = RetryPolicy(3, initial_interval=0.001, maximum_interval=0.001, jitter="none")


class Silent(Exception):
    """Its own text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Falsy(Exception):
    """An exception that counts as false."""

    def __bool__(self) -> bool:
        return False


@dataclass
class Hostile:
    """A value whose encoding runs code that raises."""

    price: int = 1

    def __getattribute__(self, name: str) -> Any:
        if name == "price":
            raise ZeroDivisionError("hostile")
        return super().__getattribute__(name)


BAD_OUTPUTS = {
    "set": {1, 2},
    "nan": float("nan"),
    "object": object(),
    "key": {"a": {3: 4}},
    "code": Hostile,
}


# --- attempts


async def test_a_failing_step_runs_as_often_as_its_policy_says(bench: Bench):
    attempts: list[int] = []

    async def flaky(ctx, value):
        attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ConnectionError("not yet")
        return ctx.idempotency_key

    await bench.one(flaky, retry=AT_ONCE)
    async with bench.working():
        run = await bench.run("one")
    assert attempts == [1, 2, 3]
    assert run.status == "C"
    assert run.steps["a"].attempt == 3
    assert run.value("a") == f"{run.raw.id}:a"
    assert (
        bench.metric("redflow_steps_processed_total", node_type="function", status="RETRYING") == 2
    )
    assert await bench.problems() == []


async def test_the_last_attempt_fails_the_execution_and_says_how_many_there_were(bench: Bench):
    async def fails(value):
        raise ConnectionError(f"no {value}")

    await bench.one(fails, retry=AT_ONCE)
    async with bench.working():
        run = await bench.run("one", 7)
    assert run.status == "F"
    assert run.value("a") == {
        "type": "ConnectionError",
        "message": "no 7",
        "reason": "error",
        "attempts": 3,
    }


async def test_without_a_policy_a_step_runs_once(bench: Bench):
    ran: list[int] = []

    async def fails(value):
        ran.append(1)
        raise ConnectionError("once")

    await bench.one(fails)
    async with bench.working():
        assert (await bench.run("one")).status == "F"
    assert len(ran) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [(Fail("never again"), "not_retryable"), (LookupError("listed"), "error")],
)
async def test_what_is_never_retried_runs_once(bench: Bench, error, reason):
    async def fails(value):
        raise error

    policy = RetryPolicy(5, initial_interval=0, jitter="none", non_retryable=("LookupError",))
    await bench.one(fails, retry=policy)
    async with bench.working():
        run = await bench.run("one")
    assert run.value("a")["attempts"] == 1
    assert run.value("a")["reason"] == reason


async def test_retry_chooses_its_own_delay(bench: Bench):
    async def asks(ctx, value):
        if ctx.attempt == 1:
            raise Retry(after=0.02)
        return "second"

    slow = RetryPolicy(2, initial_interval=3600, maximum_interval=3600, jitter="none")
    await bench.one(asks, retry=slow)
    async with bench.working():
        run = await bench.run("one")
    assert run.value("a") == "second"


@pytest.mark.parametrize(
    "error", [Silent(), Falsy("false"), SystemExit(2), asyncio.CancelledError()]
)
@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_strange_exceptions_fail_the_step_and_nothing_else(bench: Bench, error, where):
    async def on_the_loop(value):
        raise error

    def in_a_thread(value):
        raise error

    await bench.one(on_the_loop if where == "loop" else in_a_thread)
    async with bench.working():
        run = await bench.run("one")
        assert run.status == "F"
        assert run.value("a")["type"].endswith(type(error).__name__)
        assert (await bench.run("one")).status == "F", "the worker is well"


@pytest.mark.parametrize("kind", BAD_OUTPUTS)
async def test_an_output_that_cannot_be_stored_fails_the_step_not_the_worker(bench: Bench, kind):
    async def answers(flag):
        value = BAD_OUTPUTS[kind]
        return "fine" if not flag else value() if isinstance(value, type) else value

    await bench.one(answers, retry=AT_ONCE)
    async with bench.working():
        run = await bench.run("one", True)
        assert run.status == "F"
        assert run.value("a")["reason"] == "invalid_output"
        assert run.value("a")["attempts"] == 1, "running it again would not help"
        assert (await bench.run("one", False)).value("a") == "fine"


# --- labels


def branching() -> Workflow:
    return (
        Workflow.builder("branch")
        .add_node("a", "function", labels=["left", "right"])
        .with_config("function", "choose")
        .add_node("l", "log")
        .with_config("message", "left")
        .add_node("r", "log")
        .with_config("message", "right")
        .add_node("both", "log")
        .with_config("message", "both")
        .connect_if("a", "l", "left")
        .connect_if("a", "r", "right")
        .connect("a", "both")
        .build()
    )


@pytest.mark.parametrize(("label", "letters"), [("left", "CS"), ("right", "SC"), (None, "SS")])
async def test_a_branch_takes_the_edges_with_its_label(bench: Bench, label, letters):
    async def choose(value):
        return "plain" if value is None else Branch(value, {"chose": value})

    bench.function("choose", choose)
    await bench.publish(branching())
    async with bench.working():
        run = await bench.run("branch", label)
    assert run.steps["l"].kind + run.steps["r"].kind == letters
    assert run.value("both") == ("plain" if label is None else {"chose": label})
    assert await bench.problems() == []


async def test_an_undeclared_label_fails_the_step_and_says_which_are_declared(bench: Bench):
    async def choose(value):
        return Branch("up")

    bench.function("choose", choose)
    await bench.publish(branching())
    async with bench.working():
        run = await bench.run("branch")
    assert run.status == "F"
    error = run.value("a")
    assert error["reason"] == "invalid_output"
    assert "'a' answered the label 'up', which it does not declare" in error["message"]
    assert "left, right" in error["message"]


# --- functions this worker does not offer


async def test_an_unknown_function_is_given_back_with_a_growing_delay(bench: Bench):
    await bench.publish(chain("one", ["elsewhere"]))
    async with bench.working():
        execution = await bench.execute("one")
        await until(lambda: _given_back(bench, execution))
    bench.function("elsewhere", lambda value: "found")
    async with bench.working():
        run = await bench.ended(execution)
    assert run.value("a") == "found"
    assert run.steps["a"].attempt == 1, "no attempt was charged"
    assert run.steps["a"].releases >= 1


async def _given_back(bench: Bench, execution: str) -> bool:
    step = (await bench.read(execution)).steps["a"]
    return step.kind == "t" and step.why == "l" and step.releases >= 1


def test_the_delay_of_a_step_given_back_grows_to_half_a_minute():
    delays = [release_delay(releases) for releases in range(256)]
    assert delays[:4] == [0.25, 0.5, 1.0, 2.0]
    assert delays == sorted(delays)
    assert delays[-1] == 30.0


# --- the row of an outcome


def step_of(workflow: Workflow) -> Plan:
    return compile_plan(workflow, 1)


def row(outcome: Any, *, retry: RetryPolicy | None = None, attempt: int = 1) -> Any:
    plan = step_of(chain("one", ["f"], retry=retry))
    place = Place(Values("ns"), "e1")
    return conclude(plan.step(1), outcome, attempt=attempt, releases=0, inline=2048, place=place)


@pytest.mark.parametrize(("chance", "delay"), [(0.0, "0"), (0.5, "2000"), (0.999, "3996")])
def test_full_jitter_takes_any_share_of_the_delay(monkeypatch, chance, delay):
    monkeypatch.setattr("redflow.worker.conclusion.random.random", lambda: chance)
    policy = RetryPolicy(5, initial_interval=2.0, backoff_coefficient=2.0, jitter="full")
    assert row(Failed(ErrorInfo("E", "m")), retry=policy, attempt=2)[0::2][:2] == ("r", delay)


def test_retry_has_no_jitter_and_no_more_runs_than_the_policy(monkeypatch):
    monkeypatch.setattr("redflow.worker.conclusion.random.random", lambda: 0.0)
    policy = RetryPolicy(2, jitter="full")
    asked = Failed(ErrorInfo("E", "m"), retry_after=1.5)
    assert row(asked, retry=policy).detail == "1500"
    assert row(asked, retry=policy, attempt=2).kind == "f"


@pytest.mark.parametrize(("length", "mark"), [(2045, b"="), (2046, b"@")])
def test_an_output_over_the_inline_limit_goes_into_a_field_of_its_own(length, mark):
    conclusion = row(Completed("x" * length))  # three bytes of header
    assert conclusion.kind == "c"
    assert conclusion.value[:1] == mark
    assert codec.decode(conclusion.value[1:]) == "x" * length


@pytest.mark.parametrize(
    ("outcome", "kind", "value", "detail"),
    [
        (Sleeping(delay=1.5), "t", "", "+1500"),
        (Sleeping(delay=0), "t", "", "+0"),
        (Sleeping(delay=0.0001), "t", "", "+1"),
        (Sleeping(until=datetime(2030, 1, 1, tzinfo=UTC)), "t", "", "@1893456000000"),
        (AwaitingSignal("go"), "s", "go", ""),
        (AwaitingSignal("go", 0.0001), "s", "go", "1"),
    ],
)
def test_a_step_that_waits_is_a_row_that_is_not_counted(outcome, kind, value, detail):
    assert row(outcome) == (kind, value, detail, "", None)


@pytest.mark.parametrize(("began", "kind"), [(True, "l"), (False, "n")])
def test_a_step_given_back_says_whether_it_had_begun(began, kind):
    assert row(Released(OutcomeReason.SHUTDOWN, began=began)).kind == kind


@pytest.mark.parametrize(
    ("error", "retryable", "detail"),
    [
        (ErrorInfo("TimeoutError", "m", OutcomeReason.TIMEOUT), True, "u"),
        (ErrorInfo("TimeoutError", "m", OutcomeReason.TIMEOUT), False, ""),
        (ErrorInfo("redflow.worker.processes.ChildDied", "m"), True, "u"),
        (ErrorInfo("ValueError", "m"), True, ""),
    ],
    ids=["timed out", "nothing came", "process died", "by itself"],
)
def test_a_failure_that_was_cut_short_may_have_done_something(error, retryable, detail):
    assert row(Failed(error, retryable=retryable)).detail == detail


@pytest.mark.parametrize(
    ("kind", "detail", "due"),
    [
        ("r", "250", 1250),
        ("l", "0", 0),
        ("n", "30", 1030),
        ("t", "+0", 0),
        ("t", "+5", 1005),
        ("t", "@7000", 7000),
        ("s", "", 0),
        ("s", "40", 1040),
        ("c", ",2,", 0),
        ("f", "u", 0),
    ],
)
def test_when_the_timer_of_a_row_is_due(kind, detail, due):
    held: Any = None
    assert due_of(Report(held, kind, "", "", detail), 1000) == due


def test_a_step_given_back_at_shutdown_is_offered_again_at_once():
    assert row(Released(OutcomeReason.SHUTDOWN)).detail == "0"
    assert row(Released(OutcomeReason.UNKNOWN_FUNCTION)).detail == "250"


@pytest.mark.parametrize(
    ("sizes", "calls"),
    [
        ([1] * 5, [3, 2]),
        ([CALL_BYTES, 1, 1], [1, 2]),
        ([CALL_BYTES - 1, CALL_BYTES, 1], [2, 1]),
        ([CALL_BYTES * 2, CALL_BYTES * 2], [1, 1]),
        ([], []),
    ],
)
def test_a_call_takes_so_many_outcomes_and_so_many_bytes(bench, sizes, calls):
    """Redis copies what it is given: a call must not hold it up for long."""
    outbox = Outbox(bench.space.keys.partition(0))
    outbox.reports.extend(Report(None, "c", "", bytes(size), "") for size in sizes)
    taken = []
    while outbox.reports:
        taken.append(len(outbox.take(3)))
    assert taken == calls
