"""`redflow version`: what is installed here."""

from __future__ import annotations

import platform

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.output import wants_json, write_json
from redflow.version import VERSION


@click.command("version", cls=Command)
@pass_state
def version(state: State) -> None:
    """Say the versions of redflow and Python."""
    python = platform.python_version()
    if wants_json(state):
        write_json({"redflow": VERSION, "python": python})
    else:
        click.echo(f"redflow {VERSION} (Python {python})")


def show_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Answer the option --version."""
    if value:
        ctx.invoke(version)
        ctx.exit()
