"""`redflow serve`: the HTTP API in a process of its own."""

from __future__ import annotations

from typing import Any

import click

from redflow.cli.base import State, pass_state
from redflow.cli.inputs import duration_option
from redflow.cli.worker import HIGHEST_PORT, LEVELS


@click.command("serve")
@click.option(
    "-A", "--app", metavar="MODULE:NAME", help="An engine, or what its api() made: shop:engine."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, HIGHEST_PORT),
    default=8080,
    show_default=True,
    help="0 takes a free one.",
)
@click.option(
    "--allowed-host", "hosts", multiple=True, metavar="NAME", help="A name it answers for; any: *."
)
@click.option(
    "--trusted-proxy",
    "proxies",
    multiple=True,
    metavar="NETWORK",
    help="Whose X-Forwarded-For is believed.",
)
@click.option("--open-metrics", is_flag=True, help="/metrics answers without credentials.")
@click.option(
    "--insecure-no-auth", is_flag=True, help="Let everybody who reaches it do everything."
)
@click.option(
    "--drain-delay",
    metavar="TIME",
    callback=duration_option(),
    help="Between not being ready and taking no requests, at a stop; 0s.",
)
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False), help="INFO when left out."
)
@pass_state
def serve(state: State, /, *, app: str | None, log_level: str | None, **given: Any) -> int:
    """Serve the HTTP API until SIGTERM or Ctrl-C.

    If the namespace has an API key when this starts, every request needs one. Without any it serves
    this machine alone: another address is refused, with exit code 78.

    \b
    Examples:
      redflow key create --role operator
      redflow serve --host 0.0.0.0 --allowed-host redflow.example.com
      redflow serve -A shop:engine
    """
    from redflow.cli.http_server import Plan, run
    from redflow.extras import extra
    from redflow.logs import configure

    extra("uvicorn", "api", "redflow serve")
    configure(level=log_level or ("DEBUG" if state.verbose else "INFO"))
    run(state, app, Plan(**given))
    return 0
