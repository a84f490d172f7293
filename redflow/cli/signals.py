"""`redflow signal`: send one to a step that waits for it, or will."""

from __future__ import annotations

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.inputs import read_input
from redflow.cli.output import wants_json, write_json


@click.group("signal", cls=Group)
def signal() -> None:
    """Send signals to executions."""


@signal.command("send")
@click.argument("id")
@click.argument("node")
@click.argument("data", required=False, metavar="[JSON|@FILE|-]")
@click.option("--id", "signal_id", metavar="ID", help="Repeated with the same one it counts once.")
@pass_state
def send(state: State, /, *, id: str, node: str, data: str | None, signal_id: str | None) -> None:
    """Send a signal to an execution.

    NODE is the node that waits for it, or the name of the signal. Prints "delivered" when
    a step has waited for it, "buffered" when none has yet, "duplicate" when it had come before.

    \b
    Examples:
      redflow signal send order-1001 approve '{"by": "ada"}'
      redflow signal send order-1001 approve @approval.json --id mail-4711
    """
    value = read_input(data, "data")
    with state.client() as client:
        delivery = client.signal_execution(id, node, value, signal_id=signal_id)
    if wants_json(state):
        write_json({"id": id, "node": node, "delivery": delivery})
    else:
        click.echo(delivery)
