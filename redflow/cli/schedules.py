"""`redflow schedule`: add schedules, list them, pause, run and remove one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.confirming import confirm, yes_option
from redflow.cli.inputs import duration_option, read_input, read_labels, reason_option
from redflow.cli.output import note, wants_json, write_fields, write_json, write_lines, write_rows
from redflow.cli.pauses import pause_document, pause_text

if TYPE_CHECKING:
    from redflow.cron.schedule import Schedule, SkippedTicks

COLUMNS = ("SCHEDULE", "WORKFLOW", "CRON", "TIMEZONE", "NEXT", "LAST", "PAUSED")


@click.group("schedule", cls=Group)
def schedule() -> None:
    """Start executions by the clock: add schedules, pause them, run one now."""


@schedule.command("add")
@click.argument("id")
@click.argument("workflow")
@click.argument("cron")
@click.argument("input", required=False)
@click.option("--timezone", default="UTC", metavar="ZONE", help="Of its times: Europe/Berlin.")
@click.option(
    "--overlap",
    type=click.Choice(["allow", "skip", "cancel"]),
    default="allow",
    help="When its last execution still runs: start all the same, skip the tick, cancel that one.",
)
@click.option(
    "--catch-up",
    type=click.Choice(["skip", "last", "all"]),
    default="last",
    help="What of the ticks that passed while no worker ran.",
)
@click.option(
    "--jitter",
    default="0s",
    metavar="TIME",
    callback=duration_option(),
    help="Start up to so much later, at random.",
)
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Of its executions.")
@pass_state
def add(
    state: State,
    /,
    *,
    id: str,
    workflow: str,
    cron: str,
    input: str | None,
    labels: tuple[str, ...],
    **options: Any,
) -> None:
    """Add a schedule, or change the one with this id.

    CRON has five fields, minute to day of week, or six with seconds last. INPUT is JSON, a file as
    @FILE, or - for standard input. The same again changes nothing.

    \b
    Examples:
      redflow schedule add nightly report "0 2 * * *" --timezone Europe/Berlin
      redflow schedule add pulse probe "* * * * * */10" '{"host": "db1"}' --overlap skip
    """
    value, named = read_input(input), read_labels(labels)
    with state.client() as client:
        found = client.schedules.put(id, workflow, cron, value, labels=named, **options)
    _show(state, found)


@schedule.command("list")
@pass_state
def list_command(state: State) -> None:
    """List the schedules, by id."""
    with state.client() as client:
        found = client.schedules.list()
    if wants_json(state):
        write_json({"schedules": [_document(one) for one in found]})
    elif found:
        write_rows(state, COLUMNS, [_row(one) for one in found])
    else:
        note(f"no schedule in namespace {state.namespace!r}: redflow schedule add ID WORKFLOW CRON")


@schedule.command("show")
@click.argument("id")
@pass_state
def show(state: State, id: str) -> None:
    """Show a schedule: what it says and how it stands."""
    with state.client() as client:
        found = client.schedules.get(id)
    _show(state, found)


@schedule.command("pause")
@click.argument("id")
@reason_option
@pass_state
def pause(state: State, id: str, reason: str) -> None:
    """Start nothing by a schedule until it is resumed."""
    with state.client() as client:
        client.schedules.pause(id, reason)
    _did(state, id, "paused", True)


@schedule.command("resume")
@click.argument("id")
@pass_state
def resume(state: State, id: str) -> None:
    """Let a schedule go on with its next tick."""
    with state.client() as client:
        client.schedules.resume(id)
    _did(state, id, "paused", False)


@schedule.command("rm")
@click.argument("id")
@yes_option
@pass_state
def remove(state: State, id: str, yes: bool) -> None:
    """Remove a schedule; what it has started goes on.

    Asks first, or needs --yes.
    """
    confirm(f"removes schedule {id[:80]!a} of namespace {state.namespace!a}", yes=yes)
    with state.client() as client:
        client.schedules.delete(id)
    _did(state, id, "removed", True)


@schedule.command("run")
@click.argument("id")
@pass_state
def run(state: State, id: str) -> None:
    """Start now what a schedule starts, beside its ticks; prints the execution's id."""
    with state.client() as client:
        execution = client.schedules.run_now(id)
    if wants_json(state):
        write_json({"schedule": id, "execution": execution})
    else:
        write_fields(state, [("schedule", id), ("execution", execution)])


@schedule.command("next")
@click.argument("id")
@click.option("--count", default=5, show_default=True, metavar="N", help="How many.")
@pass_state
def next_command(state: State, id: str, count: int) -> None:
    """Print when a schedule's next ticks come, in its time zone."""
    with state.client() as client:
        times = client.schedules.next_times(id, count)
    if wants_json(state):
        write_json({"schedule": id, "next": [time.isoformat() for time in times]})
    else:
        write_lines([(time.isoformat(),) for time in times])


def _did(state: State, id: str, what: str, value: bool) -> None:
    if wants_json(state):
        write_json({"schedule": id, what: value})
    else:
        write_fields(state, [("schedule", id), (what, "yes" if value else "no")])


def _row(one: Schedule) -> tuple[Any, ...]:
    paused = None if one.paused is None else pause_text(one.paused)
    return (one.id, one.workflow, one.cron, one.timezone, one.next_at, one.last, paused)


def _show(state: State, one: Schedule) -> None:
    if wants_json(state):
        write_json(_document(one))
        return
    document = _document(one) | {
        "skipped": None if one.skipped is None else _skipped_text(one.skipped),
        "paused": None if one.paused is None else pause_text(one.paused),
    }
    write_fields(state, list(document.items()))


def _document(one: Schedule) -> dict[str, Any]:
    return {
        "schedule": one.id,
        "workflow": one.workflow,
        "cron": one.cron,
        "timezone": one.timezone,
        "overlap": one.overlap,
        "catch_up": one.catch_up,
        "jitter": one.jitter,
        "next_at": one.next_at,
        "last": one.last,
        "skipped": None if one.skipped is None else _skipped_document(one.skipped),
        "paused": None if one.paused is None else pause_document(one.paused),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }


def _skipped_text(one: SkippedTicks) -> str:
    until = "" if one.first == one.last else f" to {one.last.isoformat()}"
    return f"{one.first.isoformat()}{until}: {one.reason}"


def _skipped_document(one: SkippedTicks) -> dict[str, Any]:
    return {"reason": one.reason, "first": one.first, "last": one.last}
