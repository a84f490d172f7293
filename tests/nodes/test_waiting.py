"""The node types that wait: their configs, and what they answer before and after the wait."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from redflow.errors import InvalidInput
from redflow.model.outcome import (
    AwaitingSignal,
    Branch,
    ErrorInfo,
    Failed,
    OutcomeReason,
    Sleeping,
    StartingChild,
)
from redflow.model.status import ExecutionStatus
from redflow.model.workflow import Workflow
from redflow.nodes.context import ChildEnd, Context, Resume, StepInfo
from redflow.nodes.registry import Registry

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


async def answer(
    type: str, value: Any = None, *, resume: Resume | None = None, attempt: int = 1, **config: Any
) -> Any:
    """What a node `n` of this type answers to an attempt."""
    registry = Registry()
    info = StepInfo("ns", "w", 1, "n", "worker", None)
    context = Context(info, "e1", attempt, "1-0", value, resume=resume)
    return await registry.types[type].runner(config, registry).call(context)


def problem(type: str, **config: Any) -> tuple[str, str]:
    """Where the config of a node `n` is wrong, and what is said of it."""
    workflow = Workflow.builder("w").add_node("n", type, **config).build()
    (found,) = Registry().problems(workflow)
    return found.pointer.removeprefix("/nodes/n/config"), found.message


# --- wait


@pytest.mark.parametrize(
    ("duration", "delay"), [(2, 2.0), (0.25, 0.25), ("1.5s", 1.5), ("5m", 300)]
)
async def test_wait_rests_for_a_duration(duration, delay):
    assert await answer("wait", duration=duration) == Sleeping(delay=delay)


@pytest.mark.parametrize(
    "until",
    [
        "2030-01-31T12:00:00Z",
        "2030-01-31T13:00:00.000+01:00",
        NOON,
        NOON.astimezone(timezone(timedelta(hours=-5))),
    ],
    ids=["utc", "offset", "datetime", "zone"],
)
async def test_wait_rests_until_a_time(until):
    assert await answer("wait", until=until) == Sleeping(until=NOON)


async def test_wait_that_has_rested_passes_its_input_through():
    assert await answer("wait", {"a": 1}, resume=("timer",), duration=1) == {"a": 1}


@pytest.mark.parametrize(
    ("config", "at", "says"),
    [
        ({}, "", "neither duration nor until"),
        ({"duration": 1, "until": "2030-01-31T12:00:00Z"}, "", "both"),
        ({"duration": "soon"}, "/duration", "'soon' is not a duration"),
        ({"duration": -1}, "/duration", "out of range"),
        ({"duration": True}, "/duration", "not a duration"),
        ({"until": "tomorrow"}, "/until", "'tomorrow' is not a time with a zone"),
        ({"until": "2030-01-31T12:00:00"}, "/until", "is not a time with a zone"),
        ({"until": 1893456000}, "/until", "is not a time with a zone"),
        ({"seconds": 5}, "/seconds", "unknown field `seconds`"),
    ],
)
def test_what_is_wrong_with_the_config_of_a_wait(config, at, says):
    where, message = problem("wait", **config)
    assert where == at
    assert says in message


# --- signal


@pytest.mark.parametrize(
    ("config", "wish"),
    [
        ({}, AwaitingSignal("n")),
        ({"name": "paid"}, AwaitingSignal("paid")),
        ({"timeout": "2h"}, AwaitingSignal("n", 7200.0)),
    ],
)
async def test_signal_waits_for_its_name_or_its_node_id(config, wish):
    assert await answer("signal", **config) == wish


@pytest.mark.parametrize(
    ("value", "data", "merge", "output"),
    [
        ({"a": 1, "b": 1}, {"b": 2}, False, {"b": 2}),
        ({"a": 1, "b": 1}, {"b": 2}, True, {"a": 1, "b": 2}),
        ({"a": 1}, "yes", True, "yes"),
        ([1], {"b": 2}, True, {"b": 2}),
        ({"a": 1}, None, False, None),
    ],
)
async def test_signal_answers_the_data_that_came(value, data, merge, output):
    assert await answer("signal", value, resume=("signal", data), merge=merge) == output


async def test_a_signal_that_did_not_come_fails_the_step_for_good():
    failed = await answer("signal", resume=("timeout",), attempt=3, name="paid", timeout="90s")
    text = "no signal 'paid' came within 90 s"
    assert failed == Failed(
        ErrorInfo("TimeoutError", text, OutcomeReason.TIMEOUT, 3), retryable=False
    )


async def test_a_signal_that_did_not_come_takes_its_label():
    given = await answer("signal", {"a": 1}, resume=("timeout",), timeout=1, on_timeout="late")
    assert given == Branch("late", {"a": 1})


@pytest.mark.parametrize(
    ("config", "at", "says"),
    [
        ({"name": "no blanks"}, "/name", "'no blanks' is not"),
        ({"name": 5}, "/name", "Expected `str | null`"),
        ({"timeout": 0}, "/timeout", "must be more than zero"),
        ({"timeout": "later"}, "/timeout", "not a duration"),
        ({"timeout": 1, "on_timeout": "always"}, "/on_timeout", "reserved"),
        ({"timeout": 1, "on_timeout": "a b"}, "/on_timeout", "'a b' is not"),
        ({"on_timeout": "late"}, "/on_timeout", "there is no timeout"),
        ({"merge": "yes"}, "/merge", "Expected `bool`"),
    ],
)
def test_what_is_wrong_with_the_config_of_a_signal(config, at, says):
    where, message = problem("signal", **config)
    assert where == at
    assert says in message


def test_a_signal_declares_the_label_of_its_timeout():
    registry = Registry()
    builder = Workflow.builder("w").add_node("n", "signal", timeout="1h", on_timeout="late")
    builder = builder.add_node("l", "log", message="late").connect_if("n", "l", "late")
    workflow = builder.build()
    assert registry.problems(workflow) == []
    assert [node.labels for node in registry.complete(workflow).nodes] == [("late",), ()]


def test_a_signal_that_fails_on_timeout_declares_nothing():
    builder = Workflow.builder("w").add_node("n", "signal", timeout="1h")
    builder = builder.add_node("l", "log", message="late").connect_if("n", "l", "late")
    (found,) = Registry().problems(builder.build())
    assert found.code == "undeclared_label"


def test_a_bad_config_is_told_by_the_check_and_not_by_completing():
    workflow = Workflow.builder("w").add_node("n", "signal", merge="yes").build()
    assert Registry().complete(workflow).nodes[0].labels == ()


# --- subworkflow


@pytest.mark.parametrize(
    ("config", "wish"),
    [
        ({"workflow": "ship"}, StartingChild("ship", {"a": 1})),
        ({"workflowId": "ship"}, StartingChild("ship", {"a": 1})),
        ({"workflow": "ship", "version": 3}, StartingChild("ship", {"a": 1}, 3)),
        ({"workflow": "ship", "input": None}, StartingChild("ship", None)),
        ({"workflow": "ship", "input": {"b": [2]}}, StartingChild("ship", {"b": [2]})),
    ],
)
async def test_subworkflow_starts_a_child(config, wish):
    assert await answer("subworkflow", {"a": 1}, **config) == wish


async def test_subworkflow_answers_what_its_child_gave():
    end = ChildEnd("e1.n", ExecutionStatus.COMPLETED, output=[1, 2])
    assert await answer("subworkflow", resume=("child", end), workflow="ship") == [1, 2]


async def test_a_child_that_failed_fails_the_attempt_with_its_error():
    error = ErrorInfo("shop.Declined", "no money", OutcomeReason.NOT_RETRYABLE, 5)
    end = ChildEnd("e1.n", ExecutionStatus.FAILED, error=error)
    failed = await answer("subworkflow", resume=("child", end), attempt=2, workflow="ship")
    assert failed == Failed(
        ErrorInfo("shop.Declined", "no money", OutcomeReason.CHILD_FAILED, 2), retryable=True
    )


async def test_a_child_that_was_cancelled_fails_the_step_for_good():
    end = ChildEnd("e1.n", ExecutionStatus.CANCELLED)
    failed = await answer("subworkflow", resume=("child", end), workflow="ship")
    assert (failed.error.reason, failed.retryable) == (OutcomeReason.CHILD_CANCELLED, False)
    assert "'e1.n'" in failed.error.message


@pytest.mark.parametrize(
    ("config", "at", "says"),
    [
        ({}, "", "missing required field `workflow`"),
        ({"workflow": "a b"}, "/workflow", "'a b' is not"),
        ({"workflow": "a", "workflowId": "a"}, "/workflowId", "both given"),
        ({"workflow": "a", "version": 0}, "/version", "not a whole number from 1"),
        ({"workflow": "a", "version": "latest"}, "/version", "Expected `int | null`"),
    ],
)
def test_what_is_wrong_with_the_config_of_a_subworkflow(config, at, says):
    where, message = problem("subworkflow", **config)
    assert where == at
    assert says in message


def test_a_type_without_labels_of_its_own_declares_those_of_its_class():
    with pytest.raises(InvalidInput, match="unknown"):
        Registry().types["log"].read_config({"message": "m", "labels": []})
    config = Registry().types["log"].read_config({"message": "m"})
    assert Registry().types["log"].labels_of(config) == ()
