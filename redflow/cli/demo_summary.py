"""What the demo says at its end: tables of what happened, and what to try next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import TABLE, State
from redflow.cli.demo_view import Run
from redflow.cli.demo_workflow import NODES
from redflow.cli.output import note, wants_json, write_json, write_rows
from redflow.cli.records import execution_document
from redflow.cli.steps import is_undo, step_document, step_time
from redflow.model.status import StepStatus

if TYPE_CHECKING:
    from redflow.model.execution import Step

WHAT_NEXT = """
What you saw
  check -> reserve and charge at the same time -> pack joins them and chooses a label
  -> courier or post -> notify. Grace's payment timed out twice and was retried. Alan's order was
  large: it rested, without a worker, until the demo sent the signal `approve`. Edsger's card was
  declined, an `on: failure` edge took over, and the steps that needed it were skipped. Barbara's
  lamp broke: the order failed, and what it had done was undone, the last step first: the lamp
  was released, then the payment refunded.

Try next
{look}
  redflow init shop --template saga   a project of your own: such a workflow, tests, a README
  redflow dev shop:engine             in its folder: a server, and a worker that reloads
  redflow explain ID                  why an execution does not go on
"""
LOOK_AGAIN = """\
  redflow -n {namespace} execution show {retried} --steps
  redflow -n {namespace} explain {declined} notify
  redflow -n {namespace} execution rerun {undone} --dry-run"""
KEEP = "  redflow demo --redis redis://localhost:6379/0   (the same, kept on your own Redis)"


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
