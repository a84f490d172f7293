"""How the demo looks: orders against steps while they run, then tables of what happened."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from redflow.cli.base import TABLE, State
from redflow.cli.demo_workflow import NODES, Order
from redflow.cli.output import (
    STYLES,
    console,
    knows_unicode,
    note,
    printable,
    wants_json,
    write_json,
    write_rows,
)
from redflow.cli.progress import Changes, change_line, sign
from redflow.cli.records import execution_document
from redflow.cli.steps import UNDO, is_undo, step_document, step_time
from redflow.model.status import StepStatus

if TYPE_CHECKING:
    from redflow.client import AsyncHandle
    from redflow.model.execution import Execution, Step

WHAT_NEXT = """
What you saw
  check -> reserve and charge at the same time -> pack joins them and chooses a label
  -> courier or post -> notify. Grace's payment timed out twice and was retried. Alan's order was
  large: it rested until the signal `approve` came. Edsger's card was declined, an `on: failure`
  edge took over, and the steps that needed it were skipped. Barbara's lamp broke: the order
  failed, and what it had done was undone, the last step first.

Try next
{look}
  save the first program of the README as shop.py, set REDFLOW_URL, and in three terminals:
    redflow workflow register -A shop:engine
    redflow worker start -A shop:engine
    redflow execute order '{{"amount": 42}}' --wait
"""
LOOK_AGAIN = """\
  redflow -n {namespace} execution show {retried} --steps
  redflow -n {namespace} explain {declined} notify
  redflow -n {namespace} execution rerun {undone} --dry-run"""
KEEP = "  redflow demo --redis redis://localhost:6379/0   (the same, kept on your own Redis)"
UNDONE = ("\u21b6", "<")
"""The sign of a step that was undone, and the one for encodings that lack it."""


class Run:
    """One order, its execution, and how that stood at the last look."""

    def __init__(self, order: Order, handle: AsyncHandle) -> None:
        self.order = order
        self.handle = handle
        self.steps: Sequence[Step] = ()
        self.execution: Execution | None = None

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, runs: Sequence[Run]) -> None:
        """Write what changed."""
        for run in runs:
            changes = self._changes.setdefault(run.handle.id, Changes())
            for step in changes.of(run.steps):
                line = change_line(replace(step, worker=None))  # there is only one
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
    return printable(run.outcome)


# Summary


def write_summary(state: State, runs: Sequence[Run], *, kept: bool, namespace: str) -> None:
    """Write what happened, and what to try next; `kept` when the data outlives the demo."""
    if wants_json(state):
        write_json({"executions": [_document(run) for run in runs], "steps": _steps(runs)})
        return
    state.format = TABLE  # for a reader, even in a pipe
    click.echo()
    write_rows(state, ("ORDER", "STATUS", "TOOK", "STEPS", "ATTEMPTS", "OUTCOME"), _rows(runs))
    click.echo()
    columns = ("STEP", "COMPLETED", "FAILED", "SKIPPED", "ATTEMPTS", "MEAN", "LONGEST")
    write_rows(state, columns, [tuple(one.values()) for one in _steps(runs)])
    ids = {run.order.customer: run.handle.id for run in runs}
    again = LOOK_AGAIN.format(
        namespace=namespace,
        retried=ids["Grace"],
        declined=ids["Edsger"],
        undone=ids["Barbara"],
    )
    note(WHAT_NEXT.format(look=again if kept else KEEP).rstrip())


def _rows(runs: Sequence[Run]) -> list[tuple[Any, ...]]:
    rows = []
    for run in runs:
        assert run.execution is not None
        assert run.execution.finished_at is not None
        took = run.execution.finished_at - run.execution.created_at
        done = sum(step.status is StepStatus.COMPLETED for step in run.forward)
        attempts = sum(step.attempt for step in run.steps)
        counts = f"{done} of {len(run.forward)}"
        rows.append((run.order.customer, run.execution.status, took, counts, attempts, run.outcome))
    return rows


def _steps(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Add up the steps of all executions, node by node, then those that undid some."""
    found = []
    undone = {step.node_id for run in runs for step in run.steps if is_undo(step.node_id)}
    for node in (*NODES, *sorted(undone)):
        steps = [step for run in runs for step in run.steps if step.node_id == node]
        times = [time for step in steps if (time := step_time(step)) is not None]
        found.append(
            {
                "step": node,
                "completed": _count(steps, StepStatus.COMPLETED),
                "failed": _count(steps, StepStatus.FAILED),
                "skipped": _count(steps, StepStatus.SKIPPED),
                "attempts": sum(step.attempt for step in steps),
                "mean": sum(times, timedelta()) / len(times) if times else None,
                "longest": max(times, default=None),
            }
        )
    return found


def _count(steps: Sequence[Step], status: StepStatus) -> int:
    return sum(step.status is status for step in steps)


def _document(run: Run) -> dict[str, Any]:
    assert run.execution is not None
    said = execution_document(run.execution) | {"output": run.execution.output}
    return said | {"steps": [step_document(step) for step in run.steps]}
