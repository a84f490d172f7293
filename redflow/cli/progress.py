"""Steps as they change: what is new since the last look, as lines or as a table that stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from redflow.cli.base import State
from redflow.cli.output import STYLES, console, human, knows_unicode, lasting, printable
from redflow.cli.steps import step_detail, step_time
from redflow.model.status import ExecutionStatus, StepStatus

if TYPE_CHECKING:
    from redflow.model.execution import Step

SIGNS = {
    StepStatus.PENDING: ("·", "."),
    StepStatus.RUNNING: ("▶", ">"),
    StepStatus.COMPLETED: ("✓", "+"),
    StepStatus.FAILED: ("✗", "x"),
    StepStatus.SKIPPED: ("-", "-"),
    StepStatus.WAITING: ("◷", "w"),
    StepStatus.CANCELLED: ("⊘", "/"),
}
"""Of a status: the sign, and the one for encodings that lack it."""

_FRAME = 6
"""Lines of the terminal that the list of steps leaves free."""
_LIVE = (StepStatus.RUNNING, StepStatus.FAILED, StepStatus.WAITING)


def sign(status: StepStatus) -> str:
    """Return the sign of a status that standard output can show."""
    return SIGNS[status][not knows_unicode()]


class Changes:
    """Remembers how steps were last seen."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Any, ...]] = {}

    def of(self, steps: Sequence[Step]) -> list[Step]:
        """Return the steps that differ from the last look; one that never was ready does not."""
        changed = []
        for step in steps:
            state = (step.status, step.attempt, step.reason, step.deliveries, step.releases)
            fresh = step.status is StepStatus.PENDING and not step.attempt and not step.reason
            if self._seen.get(step.node_id) != state and not fresh:
                self._seen[step.node_id] = state
                changed.append(step)
        return changed


def change_line(step: Step) -> str:
    """Return a line that tells of a change."""
    parts = [step.node_id, str(step.status)]
    if step.attempt > 1 and step.due_at is None:
        parts.append(f"attempt {step.attempt}")
    if (time := step_time(step)) is not None:
        parts.append(lasting(time))
    if detail := step_detail(step):
        parts.append(detail)
    return printable("  ".join(parts))


class View(Protocol):
    """Where the progress of one execution is shown."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, status: ExecutionStatus, steps: Sequence[Step]) -> None:
        """Take in how the execution stands now."""


class Lines:
    """A line for each change."""

    def __init__(self, title: str, *, err: bool = False) -> None:
        self._title = title
        self._changes = Changes()
        self._err = err

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, status: ExecutionStatus, steps: Sequence[Step]) -> None:
        """Write what changed; at the end, how the execution ended."""
        now = datetime.now().strftime("%H:%M:%S")
        for step in self._changes.of(steps):
            click.echo(f"{now}  {change_line(step)}", err=self._err)
        if status.terminal:
            click.echo(f"{now}  {self._title}  {status}", err=self._err)


class Board:
    """The steps in place, drawn again at each look; the most telling ones when space is short."""

    def __init__(
        self, state: State, title: str, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        from rich.live import Live

        self._title = title
        self._now = now
        self._console = console(state)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, status: ExecutionStatus, steps: Sequence[Step]) -> None:
        """Draw how the execution stands."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        settled = sum(step.status.terminal for step in steps)
        head = Text(f"{self._title}  ").append(str(status), STYLES.get(status, ""))
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(overflow="ellipsis", no_wrap=True)
        shown = most_telling(steps, max(3, self._console.height - _FRAME))
        for step in shown:
            table.add_row(*(Text(text, STYLES.get(step.status, "")) for text in self._cells(step)))
        rest = len(steps) - len(shown)
        foot = f"{settled} of {len(steps)} settled" + (f", {rest} not shown" if rest else "")
        self._live.update(Group(head, table, Text(foot, "dim")), refresh=True)

    def _cells(self, step: Step) -> tuple[str, ...]:
        time: timedelta | None = step_time(step)
        if step.status is StepStatus.RUNNING and step.ready_at is not None:
            time = max(self._now() - step.ready_at, timedelta())
        attempt = f"attempt {step.attempt}  " if step.attempt > 1 else ""
        detail = attempt + printable(step_detail(step))
        return (sign(step.status), step.node_id, "" if time is None else human(time), detail)


def most_telling(steps: Sequence[Step], most: int) -> list[Step]:
    """Return up to `most` steps in their order: live and failed first, then the settled last."""
    if len(steps) <= most:
        return list(steps)
    places = sorted(range(len(steps)), key=lambda at: (_dullness(steps[at]), -at))[:most]
    return [steps[at] for at in sorted(places)]


def _dullness(step: Step) -> int:
    if step.status in _LIVE or step.reason == "retry":
        return 0
    return 1 if step.attempt else 2
