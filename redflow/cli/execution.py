"""`redflow execution`: list executions, show one; the group of all that is done to one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import PLAIN, Group, State, pass_state
from redflow.cli.inputs import read_labels, time_option
from redflow.cli.output import (
    as_json,
    note,
    wants_json,
    write_fields,
    write_json,
    write_lines,
    write_rows,
)
from redflow.cli.records import (
    EXECUTION_COLUMNS,
    execution_document,
    execution_fields,
    execution_row,
)
from redflow.cli.steps import (
    STEP_COLUMNS,
    WAITING_COLUMNS,
    children_of,
    is_undo,
    step_document,
    step_row,
    undo_steps,
    waiting_document,
    waiting_row,
)
from redflow.model.status import ExecutionStatus, StepStatus

if TYPE_CHECKING:
    from redflow.model.execution import Execution, Step

STATUSES = click.Choice([str(status) for status in ExecutionStatus], case_sensitive=False)


@click.group("execution", cls=Group)
def execution() -> None:
    """List executions, look into one, act on it."""


@execution.command("list")
@click.option("--workflow", metavar="ID", help="Only those of this workflow.")
@click.option("--status", type=STATUSES, help="Only those with this status.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option(
    "--since",
    metavar="TIME",
    callback=time_option,
    help="Started (finished, once they have) since: 2h, or ISO.",
)
@click.option("--limit", type=int, default=50, show_default=True, help="At most so many.")
@click.option("--cursor", metavar="CURSOR", help="Go on where an earlier list ended.")
@pass_state
def list_command(
    state: State,
    /,
    *,
    workflow: str | None,
    status: str | None,
    labels: tuple[str, ...],
    since: datetime | None,
    limit: int,
    cursor: str | None,
) -> None:
    """List executions, newest first.

    \b
    Examples:
      redflow execution list --status FAILED --since 2h
      redflow execution list --workflow order --label team=pay -o json
    """
    tags = read_labels(labels)
    with state.client() as client:
        page = client.list_executions(
            workflow, status=status, labels=tags, since=since, cursor=cursor, limit=limit
        )
    if wants_json(state):
        rows = [execution_document(one) for one in page.items]
        write_json({"executions": rows, "cursor": page.cursor})
        return
    if page.items:
        write_rows(state, EXECUTION_COLUMNS, [execution_row(one) for one in page.items])
    elif not page.more:
        note(f"no such execution in namespace {state.namespace!r}")
    if page.more:
        note(f"there may be more: add --cursor {page.cursor}")


@execution.command("show")
@click.argument("id")
@click.option("--steps", "with_steps", is_flag=True, help="Its steps as well.")
@click.option("--input", "with_input", is_flag=True, help="Its input as well.")
@click.option("--output", "with_output", is_flag=True, help="Its output as well.")
@pass_state
def show(state: State, id: str, with_steps: bool, with_input: bool, with_output: bool) -> None:
    """Show one execution and what it waits for.

    Executions that its steps have started are named while it runs; once it has ended, with --steps.

    \b
    Examples:
      redflow execution show order-1001 --steps
      redflow execution show order-1001 --output -o json | jq .output
    """
    with state.client() as client:
        handle = client.handle(id)
        found = handle.execution()
        told_by_steps = not found.status.terminal or found.compensation is not None
        steps = handle.steps() if with_steps or told_by_steps else []
    values: dict[str, Any] = {}
    if with_input:
        values["input"] = found.input
    if with_output:
        values["output"] = found.output
    if wants_json(state):
        said = execution_document(found) | _told_document(found, steps) | values
        if with_steps:
            said["steps"] = [step_document(step) for step in steps]
        write_json(said)
        return
    write_fields(state, [*execution_fields(found), ("children", children_of(id, steps))])
    _write_values(state, values)
    if with_steps:
        listed = [step for step in steps if not is_undo(step.node_id)]
        _write_rows(state, "step", STEP_COLUMNS, [step_row(step) for step in listed])
    waiting = [waiting_row(step) for step in steps if step.status is StepStatus.WAITING]
    _write_rows(state, "waiting", WAITING_COLUMNS, waiting)
    undo = [step_row(step) for step in undo_steps(steps)]
    _write_rows(state, "undo", ("UNDO", *STEP_COLUMNS[1:]), undo)


def _told_document(found: Execution, steps: list[Step]) -> dict[str, Any]:
    """Return what the steps tell of an execution."""
    waiting = [step for step in steps if step.status is StepStatus.WAITING]
    return {
        "children": children_of(found.id, steps),
        "waiting": [waiting_document(step) for step in waiting],
        "undo": [step_document(step) for step in undo_steps(steps)],
    }


def _write_values(state: State, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if state.style == PLAIN:
            click.echo(f"{name}\t{as_json(value)}")
        else:
            click.echo(f"{name}:\n{as_json(value, indent=2)}")


def _write_rows(
    state: State, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Write one kind of rows as a table of its own, or as lines that begin with its name."""
    if state.style == PLAIN:
        write_lines([(name, *row) for row in rows])
    elif rows:
        click.echo()
        write_rows(state, columns, rows)
