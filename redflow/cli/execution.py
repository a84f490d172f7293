"""`redflow execution`: list executions, show one."""

from __future__ import annotations

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
    STEP_COLUMNS,
    execution_document,
    execution_fields,
    execution_row,
    step_document,
    step_row,
)
from redflow.model.status import ExecutionStatus

if TYPE_CHECKING:
    from redflow.model.execution import Execution, Step

STATUSES = click.Choice([str(status) for status in ExecutionStatus], case_sensitive=False)


@click.group("execution", cls=Group)
def execution() -> None:
    """List executions, show one."""


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
    """Show one execution.

    \b
    Examples:
      redflow execution show order-1001 --steps
      redflow execution show order-1001 --output -o json | jq .output
    """
    with state.client() as client:
        handle = client.handle(id)
        found = handle.execution()
        steps = handle.steps() if with_steps else None
    values: dict[str, Any] = {}
    if with_input:
        values["input"] = found.input
    if with_output:
        values["output"] = found.output
    if wants_json(state):
        said = execution_document(found) | values
        if steps is not None:
            said["steps"] = [step_document(step) for step in steps]
        write_json(said)
    else:
        _write(state, found, steps, values)


def _write(
    state: State, found: Execution, steps: list[Step] | None, values: dict[str, Any]
) -> None:
    write_fields(state, execution_fields(found))
    indent = None if state.style == PLAIN else 2
    for name, value in values.items():
        if state.style == PLAIN:
            click.echo(f"{name}\t{as_json(value)}")
        else:
            click.echo(f"{name}:\n{as_json(value, indent=indent)}")
    if steps is None:
        return
    if state.style == PLAIN:
        write_lines([("step", *step_row(step)) for step in steps])
    else:
        click.echo()
        write_rows(state, STEP_COLUMNS, [step_row(step) for step in steps])
