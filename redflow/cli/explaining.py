"""`redflow explain`: why an execution or one of its nodes does not go on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from redflow.cli.base import PLAIN, Command, State, pass_state
from redflow.cli.output import lasting, note, printable, wants_json, write_json, write_lines
from redflow.cli.reasons import reason_document, what_of

if TYPE_CHECKING:
    from redflow.model.explain import Reason


@click.command("explain", cls=Command)
@click.argument("id")
@click.argument("node", required=False)
@pass_state
def explain(state: State, id: str, node: str | None) -> None:
    """Say why an execution does not go on.

    Names every reason, in order, and what to do: of the execution and of each step that is ready,
    running or waiting, or of one node.

    \b
    Examples:
      redflow explain order-1001
      redflow explain order-1001 charge -o json | jq -r '.reasons[].fix'
    """
    with state.client() as client:
        reasons = client.explain(id, node)
    if wants_json(state):
        listed = [reason_document(one) for one in reasons]
        write_json({"id": id, "node": node, "reasons": listed})
    elif state.style == PLAIN:
        write_lines([(r.node, r.code, r.since, what_of(r), r.fix) for r in reasons])
    else:
        _write(reasons)
    if not reasons and not wants_json(state):
        note(f"nothing holds up {node or id}")


def _write(reasons: list[Reason]) -> None:
    """Write a paragraph for each reason, in order."""
    now = datetime.now(UTC)
    for number, one in enumerate(reasons, 1):
        about = f"{one.node}: " if one.node else ""
        since = "" if one.since is None else f"  (for {lasting(now - one.since)})"
        click.echo(printable(f"{number}. {about}{what_of(one)}{since}"))
        if one.fix:
            click.echo(printable(f"   {one.fix}"))
