"""`redflow execution purge`: remove executions that ended some time ago."""

from __future__ import annotations

from datetime import datetime

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.confirming import confirm, yes_option
from redflow.cli.inputs import time_option
from redflow.cli.output import human, note, wants_json, write_fields, write_json
from redflow.model.status import ExecutionStatus

ENDED = click.Choice([str(one) for one in ExecutionStatus if one.terminal], case_sensitive=False)


@click.command("purge", cls=Command)
@click.option(
    "--before",
    required=True,
    metavar="TIME",
    callback=time_option,
    help="Those that ended before: 24h ago, or ISO.",
)
@click.option("--status", type=ENDED, help="Only those that ended so.")
@yes_option
@pass_state
def purge(state: State, /, *, before: datetime, status: str | None, yes: bool) -> None:
    """Remove executions that ended some time ago.

    Nothing is known of them afterwards. Children stay as long as their parents run. Asks first,
    or needs --yes.

    \b
    Examples:
      redflow execution purge --before 24h --yes
      redflow execution purge --before 2026-01-31T00:00:00Z --status FAILED
    """
    which = f"every {status} execution" if status else "every execution"
    confirm(
        f"removes {which} of namespace {state.namespace!a} that ended before {human(before)},"
        " for good",
        yes=yes,
    )
    with state.client() as client:
        removed = client.purge(before, status=status)
    if wants_json(state):
        write_json({"purged": removed, "before": before, "status": status})
    else:
        write_fields(state, [("purged", removed)])
        note(f"they had ended before {before.isoformat(timespec='seconds')}")
