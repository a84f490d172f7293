"""`redflow worker`: list workers, show one, ask one to end; all from their heartbeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.output import note, wants_json, write_fields, write_json, write_rows
from redflow.errors import NotFound

if TYPE_CHECKING:
    from redflow.model.operations import WorkerInfo

COLUMNS = ("WORKER", "STATE", "QUEUES", "SLOTS", "BEAT", "STARTED", "HOST", "PID", "VERSION")


@click.command("list", cls=Command)
@pass_state
def list_command(state: State) -> None:
    """List the workers that were heard of lately.

    Those that have missed three beats are `silent`.
    """
    with state.client() as client:
        found = client.workers.list()
    if wants_json(state):
        write_json({"workers": [_document(one) for one in found]})
    elif found:
        write_rows(state, COLUMNS, [_row(one) for one in found])
    else:
        note(f"no worker in namespace {state.namespace!r}: redflow worker start -A module:engine")


@click.command("show", cls=Command)
@click.argument("id")
@pass_state
def show(state: State, id: str) -> None:
    """Show one worker and what it can run."""
    with state.client() as client:
        found = [one for one in client.workers.list() if one.id == id]
    if not found:
        raise NotFound(
            f"worker {id[:200]!a} is not known in namespace {state.namespace!r}",
            hint="redflow worker list shows those that were heard of lately",
        )
    if wants_json(state):
        write_json(_document(found[0]))
    else:
        write_fields(state, _fields(found[0]))


@click.command("drain", cls=Command)
@click.argument("id")
@pass_state
def drain(state: State, id: str) -> None:
    """Ask a worker to finish and end.

    From its next heartbeat on it claims nothing more, and ends when what it runs has ended. What
    supervises it may start another.
    """
    with state.client() as client:
        client.workers.drain(id)
    if wants_json(state):
        write_json({"worker": id, "draining": True})
    else:
        write_fields(state, [("worker", id), ("state", "draining")])


def _state_of(one: WorkerInfo) -> str:
    if not one.alive:
        return "silent"
    return "draining" if one.draining else "alive"


def _row(one: WorkerInfo) -> tuple[Any, ...]:
    return (
        one.id,
        _state_of(one),
        ", ".join(one.queues),
        one.slots,
        one.last_beat,
        one.started_at,
        one.host,
        one.pid,
        one.version,
    )


def _fields(one: WorkerInfo) -> list[tuple[str, Any]]:
    return [
        ("id", one.id),
        ("state", _state_of(one)),
        ("queues", ", ".join(one.queues)),
        ("slots", one.slots),
        ("beat", one.last_beat),
        ("started", one.started_at),
        ("host", one.host),
        ("pid", one.pid),
        ("version", one.version),
        ("python", one.python),
        ("node types", ", ".join(one.types)),
        ("functions", ", ".join(one.functions)),
    ]


def _document(one: WorkerInfo) -> dict[str, Any]:
    return {
        "id": one.id,
        "alive": one.alive,
        "draining": one.draining,
        "last_beat": one.last_beat,
        "started_at": one.started_at,
        "queues": list(one.queues),
        "slots": one.slots,
        "host": one.host,
        "pid": one.pid,
        "version": one.version,
        "python": one.python,
        "types": list(one.types),
        "functions": list(one.functions),
    }


SEEN = (list_command, show, drain)
