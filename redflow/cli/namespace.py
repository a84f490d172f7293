"""`redflow namespace`: create one before its first workflow is registered."""

from __future__ import annotations

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.output import wants_json, write_fields, write_json
from redflow.errors import InvalidInput


@click.group("namespace", cls=Group)
def namespace() -> None:
    """Create a namespace."""


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
