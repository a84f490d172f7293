"""`redflow execution rerun`: run an ended execution again, or show what that would do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.inputs import read_input
from redflow.cli.output import note, wants_json, write_json, write_rows
from redflow.cli.steps import UNDO, is_undo
from redflow.model.status import StepStatus

if TYPE_CHECKING:
    from redflow.model.execution import Step
    from redflow.model.rerun import RerunPlan

COLUMNS = ("STEP", "PLAN", "WAS", "NOTE")


@click.command("rerun", cls=Command)
@click.argument("id")
@click.option("--from", "from_node", metavar="NODE", help="This one and all behind it run again.")
@click.option("--input", metavar="JSON|@FILE|-", help="Another input; without --from all runs.")
@click.option("--version", type=int, help="Another version of the workflow.")
@click.option("--compensation", is_flag=True, help="Only the compensations that failed.")
@click.option("--dry-run", is_flag=True, help="Show what would run again, and start nothing.")
@pass_state
def rerun(state: State, /, *, id: str, input: str | None, dry_run: bool, **options: Any) -> None:
    """Run an ended execution again as a new one.

    Prints the new id. What completed is kept, unless it comes after what runs again or was undone.

    \b
    Examples:
      redflow execution rerun order-1001 --dry-run
      redflow execution rerun order-1001 --from charge
      redflow execution rerun order-1001 --input @order.json
    """
    if input is not None:
        options["input"] = read_input(input)
    with state.client() as client:
        if dry_run:
            plan, steps = client.plan_rerun(id, **options), client.get_execution_steps(id)
            _write_plan(state, id, plan, steps)
            return
        handle = client.rerun_execution(id, **options)
    if wants_json(state):
        write_json({"id": handle.id, "origin": id, "namespace": state.namespace})
        return
    click.echo(handle.id)
    if sys.stdout.isatty():
        note(f"follow it: redflow watch {handle.id}")


def _write_plan(state: State, origin: str, plan: RerunPlan, steps: list[Step]) -> None:
    """Write what a rerun would do, step by step, parents first."""
    was = {step.node_id: step for step in steps}
    if wants_json(state):
        write_json(
            {
                "id": plan.id,
                "origin": origin,
                "version": plan.version,
                "run": list(plan.run),
                "keep": list(plan.keep),
                "undone": _undone(was, StepStatus.COMPLETED),
                "not_undone": _undone(was, StepStatus.FAILED),
                "undo": list(plan.undo),
            }
        )
        return
    run, keep = set(plan.run), set(plan.keep)
    new = [node for node in (*plan.keep, *plan.run) if node not in was]
    rows = []
    for node in (*was, *new):
        if node in run or node in keep:
            step = was.get(node)
            what = "runs again" if node in run else "kept"
            rows.append((node, what, step and step.status, _note(node, plan, was)))
    write_rows(state, COLUMNS, rows)
    note(f"{len(plan.run)} run again, {len(plan.keep)} are kept: version {plan.version}")


def _undone(was: dict[str, Step], how: StepStatus) -> list[str]:
    """Return the nodes whose compensation ended so."""
    ended = [node for node in was if is_undo(node) and was[node].status is how]
    return [node.removesuffix(UNDO) for node in ended]


def _note(node: str, plan: RerunPlan, was: dict[str, Step]) -> str | None:
    """Say what was undone of a step, or would be."""
    undo = was.get(node + UNDO)
    if undo is not None and undo.status is StepStatus.COMPLETED:
        return "was undone"
    if undo is not None and undo.status is StepStatus.FAILED:
        return "was to be undone, which failed"
    if node in plan.undo and node in plan.keep:
        return "undone if the rerun fails"
    return None
