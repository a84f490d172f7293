"""`redflow execution`: end one, pause it, let it go on, skip a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.confirming import confirm, yes_option
from redflow.cli.inputs import read_input, reason_option
from redflow.cli.output import wants_json, write_json, write_rows

if TYPE_CHECKING:
    from redflow.client import Client


@click.command("cancel", cls=Command)
@click.argument("id")
@reason_option
@yes_option
@pass_state
def cancel(state: State, id: str, reason: str, yes: bool) -> None:
    """Cancel an execution and undo what it did.

    Steps that wait end at once, running ones are told to stop; then the compensations run. Asks
    first, or needs --yes.

    \b
    Examples:
      redflow execution cancel order-1001 --reason "ordered twice" --yes
    """
    confirm(f"cancels execution {id!a}", yes=yes)
    with state.client() as client:
        client.cancel_execution(id, reason)
        _write_state(state, client, id)


@click.command("fail", cls=Command)
@click.argument("id")
@click.argument("message")
@yes_option
@pass_state
def fail(state: State, id: str, message: str, yes: bool) -> None:
    """Fail an execution and undo what it did.

    It ends FAILED with the message, as if a step had failed. Asks first, or needs --yes.

    \b
    Examples:
      redflow execution fail order-1001 "the warehouse burned down" --yes
    """
    confirm(f"fails execution {id!a}", yes=yes)
    with state.client() as client:
        client.fail_execution(id, message)
        _write_state(state, client, id)


@click.command("pause", cls=Command)
@click.argument("id")
@reason_option
@pass_state
def pause(state: State, id: str, reason: str) -> None:
    """Start no more steps of an execution.

    Those that run may finish, and timers go on.

    \b
    Examples:
      redflow execution pause order-1001 --reason "waiting for legal"
    """
    with state.client() as client:
        client.pause_execution(id, reason)
        _write_state(state, client, id)


@click.command("resume", cls=Command)
@click.argument("id")
@pass_state
def resume(state: State, id: str) -> None:
    """Let a paused execution go on."""
    with state.client() as client:
        client.resume_execution(id)
        _write_state(state, client, id)


@click.command("skip", cls=Command)
@click.argument("id")
@click.argument("node")
@click.option("--output", metavar="JSON|@FILE|-", help="What the step gives; null when left out.")
@click.option("--label", metavar="LABEL", help="Which labelled edges are taken.")
@yes_option
@pass_state
def skip(
    state: State, /, *, id: str, node: str, output: str | None, label: str | None, yes: bool
) -> None:
    """Give a step an output instead of letting it run.

    It must be ready, running or waiting; the execution goes on as if it had completed. Asks first,
    or needs --yes.

    \b
    Examples:
      redflow execution skip order-1001 approve --output '{"approved": true}' --yes
    """
    value: Any = read_input(output, "output")
    confirm(f"skips node {node!a} of execution {id!a}", yes=yes)
    with state.client() as client:
        client.skip_step(id, node, value, label=label)
        _write_state(state, client, id)


def _write_state(state: State, client: Client, id: str) -> None:
    """Say how the execution stands after what was done to it."""
    found = client.get_execution(id)
    if wants_json(state):
        write_json({"id": id, "status": found.status, "phase": found.phase})
    else:
        write_rows(state, ("ID", "STATUS", "PHASE"), [(id, found.status, found.phase)])


ACTS = (cancel, fail, pause, resume, skip)
