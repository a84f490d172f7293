"""How the demo looks while it runs: orders against steps on a terminal, else lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import click

from redflow.cli.base import State
from redflow.cli.demo_workflow import NODES, Order
from redflow.cli.output import STYLES, console, knows_unicode, printable, wants_json
from redflow.cli.progress import Changes, change_line, sign
from redflow.cli.steps import UNDO, is_undo
from redflow.model.status import StepStatus

if TYPE_CHECKING:
    from redflow.client import AsyncHandle
    from redflow.model.execution import Execution, Step

UNDONE = ("\u21b6", "<")
"""The sign of a step that was undone, and the one for encodings that lack it."""


class Run:
    """One order, its execution, and how that stood at the last look."""

    def __init__(self, order: Order, handle: AsyncHandle) -> None:
        self.order = order
        self.handle = handle
        self.steps: Sequence[Step] = ()
        self.execution: Execution | None = None
        self.sent = ""
        """What the demo sent to it, once it has."""

    async def look(self) -> bool:
        """Read how it stands; say whether it has ended."""
        if self.execution is None:
            ended = (await self.handle.status()).terminal
            self.steps = await self.handle.steps()
            if ended:
                self.execution = await self.handle.execution()
        return self.execution is not None

    def waits_for(self, node: str) -> bool:
        """Whether a node rested at the last look."""
        return any(
            step.node_id == node and step.status is StepStatus.WAITING for step in self.steps
        )

    @property
    def forward(self) -> list[Step]:
        """The steps that do something."""
        return [step for step in self.steps if not is_undo(step.node_id)]

    @property
    def outcome(self) -> str:
        """What came out, in a sentence."""
        if self.execution is None:
            return ""
        if self.execution.error is not None:
            undone = "; all was undone" if self.execution.compensation == "completed" else ""
            return self.execution.error.message + undone
        output = self.execution.output
        return str(next(iter(output.values()), "") if isinstance(output, dict) else output)


class DemoView(Protocol):
    """Where the progress of the demo is shown."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, runs: Sequence[Run]) -> None:
        """Take in how the orders stand now."""


def view_of(state: State) -> DemoView:
    """Return the moving board on a terminal, else lines; with JSON on standard error."""
    on_terminal = sys.stdout.isatty() and not wants_json(state)
    return DemoBoard(state) if on_terminal else DemoLines(err=wants_json(state))


class DemoLines:
    """A line for each change of a step."""

    def __init__(self, *, err: bool = False) -> None:
        self._err = err
        self._changes: dict[str, Changes] = {}
        self._sent: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, runs: Sequence[Run]) -> None:
        """Write what changed."""
        for run in runs:
            if run.sent and run.handle.id not in self._sent:
                self._sent.add(run.handle.id)
                self._write(run, run.sent)
            changes = self._changes.setdefault(run.handle.id, Changes())
            for step in changes.of(run.steps):
                self._write(run, change_line(replace(step, worker=None)))  # there is only one

    def _write(self, run: Run, line: str) -> None:
        click.echo(f"{run.order.customer:<8} {line}", err=self._err)


class DemoBoard:
    """A row for each order, a column for each step; below what is to be said of them."""

    def __init__(self, state: State) -> None:
        from rich.live import Live

        self._live = Live(console=console(state), auto_refresh=False, redirect_stdout=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, runs: Sequence[Run]) -> None:
        """Draw how the orders stand."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="dim")
        table.add_column("ORDER", no_wrap=True)
        for node in NODES:
            table.add_column(node, justify="center", no_wrap=True)
        for run in runs:
            steps = {step.node_id: step for step in run.steps}
            cells = [_cell(steps.get(node), steps.get(node + UNDO)) for node in NODES]
            table.add_row(Text(run.order.customer), *(Text(text, style) for text, style in cells))
        remarks = [f"{run.order.customer:<8} {_remark(run)}" for run in runs if _remark(run)]
        below = (Text(text, "dim", no_wrap=True, overflow="ellipsis") for text in remarks)
        self._live.update(Group(table, *below), refresh=True)


def _cell(step: Step | None, undo: Step | None) -> tuple[str, str]:
    if step is None:
        return sign(StepStatus.PENDING), "dim"
    if undo is not None and undo.status is StepStatus.COMPLETED:
        return UNDONE[not knows_unicode()], "yellow"
    again = f" {step.attempt}x" if step.attempt > 1 else ""
    return sign(step.status) + again, STYLES.get(step.status, "dim")


def _remark(run: Run) -> str:
    trouble = [step for step in run.steps if step.error is not None and not step.status.terminal]
    if trouble:
        return printable(f"{trouble[0].node_id}: {trouble[0].error and trouble[0].error.message}")
    return printable(run.outcome or run.sent)
