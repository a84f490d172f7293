"""`redflow namespace`: create one before its first workflow is registered; pause all its work."""

from __future__ import annotations

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.inputs import reason_option
from redflow.cli.output import wants_json, write_fields, write_json
from redflow.errors import InvalidInput


@click.group("namespace", cls=Group)
def namespace() -> None:
    """Create a namespace, pause it."""


@namespace.command("create")
@click.argument("name", required=False)
@click.option("--partitions", type=int, metavar="N", help="Fixed for good; 16 when left out.")
@pass_state
def create(state: State, name: str | None, partitions: int | None) -> None:
    """Create a namespace, unless it exists.

    Registering the first workflow does the same with 16 partitions; more of them spread a
    namespace over more nodes of a cluster.

    \b
    Examples:
      redflow namespace create shop --partitions 64
    """
    if name is not None:
        if state.given.get("namespace") == "line" and name != state.namespace:
            raise InvalidInput(
                f"two namespaces are named: {name[:80]!a} and {state.namespace[:80]!a}",
                field="namespace",
                hint="leave one of them out",
            )
        state.namespace = name
    with state.client() as client:
        found = client.create_namespace(partitions)
    if wants_json(state):
        write_json({"namespace": state.namespace, "partitions": found})
    else:
        write_fields(state, [("namespace", state.namespace), ("partitions", found)])


@namespace.command("pause")
@reason_option
@pass_state
def pause(state: State, reason: str) -> None:
    """Let no worker claim any step.

    Those that run may finish.

    \b
    Examples:
      redflow -n shop namespace pause --reason "moving the database"
    """
    with state.client() as client:
        client.pause_namespace(reason)
    _write_paused(state, paused=True)


@namespace.command("resume")
@pass_state
def resume(state: State) -> None:
    """Let workers claim steps again.

    But for those of queues and workflows that are paused themselves.
    """
    with state.client() as client:
        client.resume_namespace()
    _write_paused(state, paused=False)


def _write_paused(state: State, *, paused: bool) -> None:
    if wants_json(state):
        write_json({"namespace": state.namespace, "paused": paused})
    else:
        said = "yes" if paused else "no"
        write_fields(state, [("namespace", state.namespace), ("paused", said)])
