"""`redflow execute`: start an execution, and wait for it if asked to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.failures import Interrupted
from redflow.cli.inputs import duration_option, moment_option, read_input, read_labels
from redflow.cli.output import as_json, note, wants_json, write_json
from redflow.errors import InvalidInput

if TYPE_CHECKING:
    from redflow.client import Handle


@click.command("execute", cls=Command)
@click.argument("workflow")
@click.argument("input", required=False, metavar="[JSON|@FILE|-]")
@click.option("--id", metavar="ID", help="Id of the execution; a second start answers the first.")
@click.option("--idempotency-key", metavar="KEY", help="Any text that stands for an id.")
@click.option("--version", type=int, help="Version of the workflow; the latest when left out.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option(
    "--at", metavar="TIME", callback=moment_option, help="Begin then: 2026-01-31T12:00:00Z."
)
@click.option(
    "--delay", metavar="TIME", callback=duration_option(), help="Begin so much later: 30s, 5m, 2h."
)
@click.option(
    "--timeout",
    metavar="TIME",
    callback=duration_option(positive=True),
    help="It is FAILED when it takes longer than this: 30s, 5m, 2h.",
)
@click.option("--wait", is_flag=True, help="Wait for the end and print the output.")
@click.option(
    "--wait-timeout", metavar="TIME", callback=duration_option(), help="With --wait: how long."
)
@pass_state
def execute(
    state: State,
    /,
    *,
    workflow: str,
    input: str | None,
    wait: bool,
    wait_timeout: float | None,
    labels: tuple[str, ...],
    **options: Any,
) -> None:
    """Start an execution of a workflow and print its id.

    \b
    Examples:
      redflow execute order '{"amount": 42}'
      redflow execute order @order.json --id order-1001 --label team=pay
      redflow execute order - --wait --wait-timeout 1m < order.json
      redflow execute order --delay 2h --timeout 30m

    \b
    With --wait the exit code is that of the outcome: 0 COMPLETED,
    4 FAILED, 5 CANCELLED, 6 not ended in time (the execution goes on).
    """
    if wait_timeout is not None and not wait:
        raise InvalidInput(
            "--wait-timeout is given without --wait", field="wait_timeout", hint="add --wait"
        )
    value, tags = read_input(input), read_labels(labels)
    with state.client() as client:
        handle = client.execute(workflow, value, labels=tags, **options)
        if wait:
            _wait(state, workflow, handle, wait_timeout)
        elif wants_json(state):
            write_json({"id": handle.id, "workflow": workflow, "namespace": state.namespace})
        else:
            click.echo(handle.id)
            if sys.stdout.isatty():
                note(f"follow it: redflow watch {handle.id}")


def _wait(state: State, workflow: str, handle: Handle, timeout: float | None) -> None:
    """Print the output, or raise what stands for another outcome."""
    try:
        if not wants_json(state):
            note(f"execution {handle.id}")
        output = handle.result(timeout)
    except KeyboardInterrupt:
        raise Interrupted(
            f"waiting stopped; execution {handle.id} goes on", hint=f"redflow watch {handle.id}"
        ) from None
    if wants_json(state):
        ended = {"id": handle.id, "workflow": workflow, "namespace": state.namespace}
        write_json(ended | {"status": "COMPLETED", "output": output})
    else:
        click.echo(as_json(output, indent=2 if sys.stdout.isatty() else None))
