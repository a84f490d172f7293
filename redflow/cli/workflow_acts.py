"""`redflow workflow`: choose the version that runs, refuse and accept executions, pause, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.inputs import reason_option
from redflow.cli.output import wants_json, write_json, write_rows

if TYPE_CHECKING:
    from redflow.client import Client


@click.command("activate", cls=Command)
@click.argument("id")
@click.argument("version", type=int)
@pass_state
def activate(state: State, id: str, version: int) -> None:
    """Choose the version that new executions run.

    Those that run keep theirs.

    \b
    Examples:
      redflow workflow activate order 3
    """
    with state.client() as client:
        client.workflows.activate(id, version)
        _write(state, client, id)


@click.command("deactivate", cls=Command)
@click.argument("id")
@pass_state
def deactivate(state: State, id: str) -> None:
    """Refuse new executions of a workflow.

    Those that run go on.
    """
    with state.client() as client:
        client.workflows.deactivate(id)
        _write(state, client, id)


@click.command("reactivate", cls=Command)
@click.argument("id")
@pass_state
def reactivate(state: State, id: str) -> None:
    """Accept executions of a workflow again."""
    with state.client() as client:
        client.workflows.reactivate(id)
        _write(state, client, id)


@click.command("pause", cls=Command)
@click.argument("id")
@reason_option
@pass_state
def pause(state: State, id: str, reason: str) -> None:
    """Pause all executions of a workflow.

    New ones begin paused; steps that run may finish.

    \b
    Examples:
      redflow workflow pause order --reason "stock is being counted"
    """
    with state.client() as client:
        client.workflows.pause(id, reason)
    _write_paused(state, id, paused=True)


@click.command("resume", cls=Command)
@click.argument("id")
@pass_state
def resume(state: State, id: str) -> None:
    """Let the executions of a workflow go on.

    But for those that are paused themselves.
    """
    with state.client() as client:
        client.workflows.resume(id)
    _write_paused(state, id, paused=False)


def _write(state: State, client: Client, id: str) -> None:
    """Say which version new executions run, and whether any may start."""
    found = client.workflows.get(id)
    if wants_json(state):
        write_json({"id": id, "latest": found.latest, "status": found.status})
    else:
        write_rows(state, ("ID", "LATEST", "STATUS"), [(id, found.latest, found.status)])


def _write_paused(state: State, id: str, *, paused: bool) -> None:
    if wants_json(state):
        write_json({"workflow": id, "paused": paused})
    else:
        write_rows(state, ("WORKFLOW", "PAUSED"), [(id, "yes" if paused else "no")])


ACTS = (activate, deactivate, reactivate, pause, resume)
