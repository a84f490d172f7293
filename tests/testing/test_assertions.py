"""Assertions explain themselves: the steps as a table, and why a run does not go on."""

from datetime import UTC, datetime

import pytest

from redflow.testing import Environment, Event, History
from tests.testing.kit import STEADY, approval, functions


async def test_a_run_that_waits_says_for_what(env: Environment):
    env.stub("publish")
    run = await env.run(approval())
    with pytest.raises(AssertionError) as failure:
        run.assert_completed()
    assert str(failure.value) == (
        f"execution {run.id} of article is RUNNING: expected COMPLETED\n"
        "  node     status   attempt  detail\n"
        "  approve  WAITING  1        signal, waits for approve\n"
        "  publish  PENDING  0\n"
        "why it does not go on:\n"
        "  approve: waiting_signal name=approve timeout=None"
    )


async def test_a_run_that_failed_says_where(env: Environment):
    env.stub("charge", raises=ValueError("no funds"))
    run = await env.run(functions("order", "charge"), id="o1")
    with pytest.raises(AssertionError) as failure:
        run.assert_completed()
    assert str(failure.value).splitlines()[:2] == [
        "execution o1 of order is FAILED: expected COMPLETED",
        "it failed at charge: ValueError: no funds",
    ]
    with pytest.raises(AssertionError, match="expected to have failed at 'ship'"):
        run.assert_failed("ship")
    with pytest.raises(AssertionError, match="expected CANCELLED"):
        run.assert_cancelled()


async def test_a_retry_that_is_due_shows_its_error_and_when(env: Environment):
    env.stub("charge", raises=ValueError("x" * 500))
    run = await env.start(functions("order", "charge", retry=STEADY))
    with pytest.raises(AssertionError, match=r"ValueError: x{97}\.\.\., retry, due in 0:00:10\n"):
        run.assert_completed()


async def test_a_path_that_was_not_taken(env: Environment):
    env.stub("a", returns={"long": "x" * 200})
    env.stub("b")
    run = await env.run(functions("order", "a", "b"))
    run.assert_path("a", "b")
    with pytest.raises(AssertionError, match="expected the path b, a; it was a, b"):
        run.assert_path("b", "a")


async def test_a_run_shows_its_steps_where_pytest_prints_it(env: Environment):
    env.stub("a")
    run = await env.run(functions("order", "a"), id="o1")
    assert repr(run) == "<Run o1 of order: COMPLETED; a COMPLETED>"
    assert str(run.history[-1]).endswith("workflow.completed")
    assert len(repr(run.history).splitlines()) == len(run.history) == 3


def completed(*nodes: str) -> History:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    return History(Event(now, "step.completed", node) for node in nodes)


def test_the_order_of_nodes():
    history = completed("a", "b", "c")
    history.assert_before("a", "b", "c")
    history.assert_before("a", "c")
    with pytest.raises(AssertionError, match="expected c before a; completed in this order: a, b"):
        history.assert_before("c", "a")
    with pytest.raises(AssertionError, match="did not complete: d; completed: a, b, c"):
        history.assert_before("a", "d")


def test_nothing_happened():
    assert repr(History()) == "nothing happened"
