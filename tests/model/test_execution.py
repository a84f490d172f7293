"""What the recorded letters of executions and steps mean."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.model.execution import (
    Page,
    StepReason,
    execution_status,
    instant,
    milliseconds_of,
    phase_of,
    step_reason,
    step_status,
)
from redflow.model.status import ExecutionStatus, Phase, StepStatus


@pytest.mark.parametrize(
    ("letter", "claimed", "ended", "expected"),
    [
        ("", False, False, StepStatus.PENDING),
        ("", False, True, StepStatus.CANCELLED),
        ("q", False, False, StepStatus.PENDING),
        ("q", True, False, StepStatus.RUNNING),
        ("t", False, False, StepStatus.PENDING),
        ("C", False, True, StepStatus.COMPLETED),
        ("F", False, False, StepStatus.FAILED),
        ("S", False, True, StepStatus.SKIPPED),
        ("X", False, False, StepStatus.CANCELLED),
    ],
)
def test_the_status_of_a_step(letter, claimed, ended, expected):
    assert step_status(letter, claimed=claimed, ended=ended) is expected


def test_the_status_of_an_execution():
    assert execution_status(None) is ExecutionStatus.RUNNING
    ends = {letter: execution_status(letter) for letter in "CFX"}
    assert ends == {
        "C": ExecutionStatus.COMPLETED,
        "F": ExecutionStatus.FAILED,
        "X": ExecutionStatus.CANCELLED,
    }
    assert all(status.terminal for status in ends.values())


def test_phases():
    assert [phase_of(letter) for letter in "rfd?"] == [
        Phase.RUNNING, Phase.FAILING, Phase.DONE, None,
    ]  # fmt: skip


def test_reasons():
    assert step_reason("") is None
    assert {step_reason(letter) for letter in "bsrl"} == set(StepReason)


@given(st.integers(0, 10**14))
def test_milliseconds_are_exact(milliseconds):
    when = instant(milliseconds)
    assert when.tzinfo is UTC
    assert milliseconds_of(when) == milliseconds
    east = when.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert milliseconds_of(east) == milliseconds


def test_milliseconds_are_rounded_down():
    assert milliseconds_of(datetime(1970, 1, 1, 0, 0, 0, 1999, UTC)) == 1


def test_a_page_with_a_cursor_has_more():
    assert Page(items=(1,), cursor="x").more
    assert not Page(items=(1,)).more
