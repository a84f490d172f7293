"""`redflow payload`: what is kept in the payload store."""

from __future__ import annotations

import click

from redflow.cli.base import Group, State, pass_state
from redflow.cli.inputs import duration_option
from redflow.cli.output import wants_json, write_fields, write_json
from redflow.defaults import PAYLOAD_GRACE


@click.group("payload", cls=Group)
def payload() -> None:
    """Large values, in the store that REDFLOW_PAYLOADS names."""


@payload.command("sweep")
@click.option(
    "--grace",
    metavar="TIME",
    default=f"{PAYLOAD_GRACE / 3600:g}h",
    callback=duration_option(),
    show_default=True,
    help="What was stored in this time stays.",
)
@pass_state
def sweep(state: State, /, *, grace: float) -> None:
    """Remove payloads whose executions were purged.

    Workers do it once an hour, and `redflow execution purge` when it has removed something. A value
    is stored ahead of what refers to it, therefore young ones stay.

    \b
    Examples:
      REDFLOW_PAYLOADS=s3://bucket/prefix redflow payload sweep
    """
    with state.client() as client:
        removed = client.payloads.sweep(grace)
    if wants_json(state):
        write_json({"removed": removed})
    else:
        write_fields(state, [("removed", removed)])
