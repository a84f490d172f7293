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
        ("w", False, False, StepStatus.WAITING),
        ("k", False, False, StepStatus.WAITING),
        ("h", False, False, StepStatus.PENDING),
    ],
)
def test_the_status_of_a_step(letter, claimed, ended, expected):
    assert step_status(letter, claimed=claimed, ended=ended) is expected


def test_a_sleeping_step_waits_and_one_that_retries_does_not():
    status = {why: step_status("t", claimed=False, ended=False, why=why) for why in ("s", "r", "l")}
    assert status == {
        "s": StepStatus.WAITING, "r": StepStatus.PENDING, "l": StepStatus.PENDING,
    }  # fmt: skip


def test_what_an_operator_skipped_is_skipped():
    assert step_status("C", claimed=False, ended=True, attempt=0) is StepStatus.SKIPPED


def test_the_status_of_an_execution():
    assert execution_status(None) is ExecutionStatus.RUNNING
    assert execution_status(None, "s") is ExecutionStatus.PENDING
    assert {execution_status(None, phase) for phase in "rfcu"} == {ExecutionStatus.RUNNING}
    ends = {letter: execution_status(letter) for letter in "CFX"}
    assert ends == {
        "C": ExecutionStatus.COMPLETED,
        "F": ExecutionStatus.FAILED,
        "X": ExecutionStatus.CANCELLED,
    }
    assert all(status.terminal for status in ends.values())


def test_phases():
    assert [phase_of(letter) for letter in "srfcud?"] == [
        Phase.SCHEDULED, Phase.RUNNING, Phase.FAILING, Phase.CANCELLING, Phase.COMPENSATING,
        Phase.DONE, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("letter", "flags", "expected"),
    [
        ("r", "p", Phase.PAUSED),
        ("r", "kwx", Phase.PAUSED),
        ("r", "ksx", Phase.RUNNING),
        ("s", "w", Phase.SCHEDULED),
        ("c", "p", Phase.CANCELLING),
    ],
)
def test_a_paused_execution_is_one_that_would_run(letter, flags, expected):
    assert phase_of(letter, flags) is expected


def test_reasons():
    assert step_reason("") is None
    told = [
        step_reason("b", letter="S"),
        step_reason("s", letter="S"),
        step_reason("r", letter="t"),
        step_reason("l", letter="t"),
        step_reason("s", letter="t"),
        step_reason("", letter="w"),
        step_reason("", letter="k"),
        step_reason("", letter="h"),
        step_reason("", letter="C", attempt=0),
    ]
    assert told == list(StepReason)
    assert step_reason("", letter="C") is None


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
