"""Progress: what changed since the last look, the lines, the board on a terminal."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from redflow.cli.base import State
from redflow.cli.progress import Board, Changes, Lines, change_line, most_telling, sign
from redflow.model.execution import Step, StepReason
from redflow.model.outcome import ErrorInfo
from redflow.model.status import ExecutionStatus, StepStatus

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
WAITING = Step(node_id="charge", type="function", status=StepStatus.PENDING, queue="default")
RUNNING = replace(WAITING, status=StepStatus.RUNNING, attempt=1, worker="w-1", ready_at=NOW)
RETRY = replace(
    WAITING,
    attempt=2,
    reason=StepReason.RETRY,
    error=ErrorInfo("shop.GatewayTimeout", "no \x1b[31manswer"),
    due_at=NOW + timedelta(hours=900_000),
)
DONE = replace(
    RUNNING,
    status=StepStatus.COMPLETED,
    attempt=3,
    worker=None,
    started_at=NOW,
    finished_at=NOW + timedelta(seconds=1.5),
)
SKIPPED = replace(WAITING, status=StepStatus.SKIPPED, reason=StepReason.BRANCH_NOT_TAKEN)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def terminal_of(monkeypatch):
    """Make standard output a small terminal; in the test itself, since capturing comes between."""
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("LINES", "12")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return stream


def test_changes_tell_each_state_once():
    changes = Changes()
    seen = [WAITING, RUNNING, RUNNING, RETRY, DONE, DONE]
    told = [changes.of([step]) for step in seen]
    assert told == [[], [RUNNING], [], [RETRY], [DONE], []]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (RUNNING, "charge  RUNNING  on w-1"),
        (DONE, "charge  COMPLETED  attempt 3  1.5s"),
        (SKIPPED, "charge  SKIPPED  branch not taken"),
        (replace(RUNNING, deliveries=2), "charge  RUNNING  on w-1; worker lost 2 times"),
        (
            replace(RUNNING, status=StepStatus.FAILED, error=ErrorInfo("E", "x", "timeout")),
            "charge  FAILED  timeout: E: x",
        ),
    ],
)
def test_a_line_for_a_change(step, line):
    assert change_line(step) == line


def test_a_line_for_a_retry_says_when():
    line = change_line(RETRY)
    assert line.startswith("charge  PENDING  GatewayTimeout: no \\x1b[31manswer; attempt 2 in ")


def test_lines(capsys):
    with Lines("order v1  e-1", err=True) as lines:
        lines.show(ExecutionStatus.RUNNING, [RUNNING])
        lines.show(ExecutionStatus.COMPLETED, [DONE])
    told = [line[10:] for line in capsys.readouterr().err.splitlines()]
    assert told == [
        "charge  RUNNING  on w-1",
        "charge  COMPLETED  attempt 3  1.5s",
        "order v1  e-1  COMPLETED",
    ]


def test_the_board_shows_every_step(monkeypatch):
    terminal = terminal_of(monkeypatch)
    with Board(State(), "order v1  e-1", now=lambda: NOW + timedelta(seconds=4)) as board:
        board.show(ExecutionStatus.RUNNING, [RUNNING, replace(RETRY, node_id="pack")])
        board.show(ExecutionStatus.COMPLETED, [DONE, replace(SKIPPED, node_id="pack")])
    text = terminal.getvalue()
    for part in ("order v1  e-1", "4.0s", "on w-1", "attempt 2 in ", "✓", "2 of 2 settled"):
        assert part in text
    assert "\x1b[31manswer" not in text


def test_the_board_leaves_out_colors_when_told(monkeypatch):
    terminal = terminal_of(monkeypatch)
    with Board(State(no_color=True), "order") as board:
        board.show(ExecutionStatus.COMPLETED, [DONE])
    assert "\x1b[32m" not in terminal.getvalue()


def test_a_board_that_is_too_small_shows_what_matters(monkeypatch):
    terminal = terminal_of(monkeypatch)
    steps = [replace(DONE, node_id=f"done-{n}") for n in range(50)]
    steps += [replace(WAITING, node_id=f"later-{n}") for n in range(50)]
    steps[3] = replace(RUNNING, node_id="slow")
    with Board(State(), "order") as board:
        board.show(ExecutionStatus.RUNNING, steps)
    text = terminal.getvalue()
    assert "slow" in text
    assert "done-49" in text
    assert "later-1" not in text
    assert "49 of 100 settled, 94 not shown" in text


def test_most_telling_keeps_the_order():
    steps = [replace(DONE, node_id=str(n)) for n in range(5)]
    steps[1] = replace(RETRY, node_id="1")
    assert [step.node_id for step in most_telling(steps, 3)] == ["1", "3", "4"]
    assert most_telling(steps, 5) == steps


@pytest.mark.parametrize("status", StepStatus)
def test_every_status_has_a_sign_in_every_encoding(status, monkeypatch):
    assert sign(status)
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert sign(status).isascii()
