"""`redflow events`: what happened lately, and what happens now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.failures import Interrupted
from redflow.cli.output import (
    as_json,
    note,
    wants_json,
    write_json,
    write_lines,
    write_rows,
)

if TYPE_CHECKING:
    from redflow.client import AsyncClient
    from redflow.events import Event

COLUMNS = ("TIME", "TYPE", "EXECUTION", "NODE", "ABOUT")


@click.command("events", cls=Command)
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on with what happens now.")
@click.option("-t", "--type", "types", multiple=True, metavar="TYPE", help="May be repeated.")
@click.option("--execution", metavar="ID", help="Only those of one execution.")
@click.option(
    "--limit",
    type=click.IntRange(0, 10_000),
    default=50,
    show_default=True,
    help="At most so many of what happened before.",
)
@pass_state
def events(
    state: State,
    /,
    *,
    follows: bool,
    types: tuple[str, ...],
    execution: str | None,
    limit: int,
) -> None:
    """Show the newest events, the oldest of them first; Ctrl-C ends --follow.

    With -o json they are CloudEvents, with --follow one a line. Following one execution ends with
    it.

    \b
    Examples:
      redflow events --type workflow.failed --type step.failed
      redflow events --follow --execution order-1001
    """
    chosen = types or None
    try:
        import asyncio

        asyncio.run(_show(state, follows, chosen, execution, limit))
    except KeyboardInterrupt:
        raise Interrupted("no more events are shown", hint="redflow events --follow") from None


async def _show(
    state: State,
    follows: bool,
    types: tuple[str, ...] | None,
    execution: str | None,
    limit: int,
) -> None:
    from redflow.client import AsyncClient

    async with AsyncClient(state.address(), namespace=state.namespace) as client:
        if follows:
            await _follow(state, client, types, execution, limit)
        else:
            await _list(state, client, types, execution, limit)


async def _list(
    state: State,
    client: AsyncClient,
    types: tuple[str, ...] | None,
    execution: str | None,
    limit: int,
) -> None:
    from redflow.events import cloud_event, recent

    found = await recent(client, limit, execution=execution, types=types) if limit else []
    if wants_json(state):
        write_json({"events": [cloud_event(event) for event in found]})
    elif found:
        write_rows(state, COLUMNS, [_row(event) for event in found])
    else:
        note(f"no such event is kept in namespace {state.namespace!r}")


async def _follow(
    state: State,
    client: AsyncClient,
    types: tuple[str, ...] | None,
    execution: str | None,
    limit: int,
) -> None:
    from redflow.events import cloud_event, follow, recent

    async with follow(client, execution=execution, types=types) as following:
        told: set[str] = set()

        def show(event: Event) -> None:
            if wants_json(state):
                click.echo(as_json(cloud_event(event)))
            else:
                write_lines([_row(event)])

        if limit:  # behind the beginning of the other, so that none is missed between
            for event in await recent(client, limit, execution=execution, types=types):
                told.add(event.id)
                show(event)
        async for event in following:
            if event.id not in told:
                show(event)


def _row(event: Event) -> tuple[Any, ...]:
    about = " ".join(f"{name}={value}" for name, value in event.data.items())
    attempt = f"attempt={event.attempt} " if event.attempt is not None else ""
    return (event.time, event.type, event.execution_id or "", event.node_id or "", attempt + about)
