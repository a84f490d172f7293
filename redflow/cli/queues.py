"""`redflow queue`: list queues, pause one, let it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.inputs import reason_option
from redflow.cli.output import note, wants_json, write_fields, write_json, write_rows
from redflow.cli.pauses import pause_document, pause_text

if TYPE_CHECKING:
    from redflow.model.operations import QueueInfo

COLUMNS = ("QUEUE", "WAITING", "RUNNING", "WORKERS", "PAUSED")


@click.group("queue", cls=Group)
def queue() -> None:
    """List queues, pause them."""


@queue.command("list")
@pass_state
def list_command(state: State) -> None:
    """List the queues, their steps and workers."""
    with state.client() as client:
        found = client.queues.list()
    if wants_json(state):
        write_json({"queues": [_document(one) for one in found]})
    elif found:
        write_rows(state, COLUMNS, [_row(one) for one in found])
    else:
        note(f"no queue in namespace {state.namespace!r}: redflow workflow register FILE")


def _row(one: QueueInfo) -> tuple[Any, ...]:
    paused = None if one.paused is None else pause_text(one.paused)
    return (one.name, one.waiting, one.running, one.workers, paused)


def _document(one: QueueInfo) -> dict[str, Any]:
    return {
        "name": one.name,
        "waiting": one.waiting,
        "running": one.running,
        "workers": one.workers,
        "paused": None if one.paused is None else pause_document(one.paused),
    }


@queue.command("pause")
@click.argument("name")
@reason_option
@pass_state
def pause(state: State, name: str, reason: str) -> None:
    """Let no worker claim steps of a queue.

    Those that run may finish.

    \b
    Examples:
      redflow queue pause payments --reason "the gateway is down"
    """
    with state.client() as client:
        client.queues.pause(name, reason)
    _write(state, name, paused=True)


@queue.command("resume")
@click.argument("name")
@pass_state
def resume(state: State, name: str) -> None:
    """Let workers claim steps of a queue again."""
    with state.client() as client:
        client.queues.resume(name)
    _write(state, name, paused=False)


def _write(state: State, name: str, *, paused: bool) -> None:
    if wants_json(state):
        write_json({"queue": name, "paused": paused})
    else:
        write_fields(state, [("queue", name), ("paused", "yes" if paused else "no")])
