"""Acts that cannot be taken back: asked about on a terminal, else only done with --yes."""

from __future__ import annotations

import sys

import click

from redflow.cli.failures import Interrupted
from redflow.cli.output import printable
from redflow.errors import InvalidInput

yes_option = click.option("-y", "--yes", is_flag=True, help="Do it without asking.")


def confirm(effect: str, *, yes: bool) -> None:
    """Ask whether to do it, unless --yes was given; returns only if it is to be done.

    Raises InvalidInput where nobody can be asked.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInput(
            f"this {effect}, and there is no terminal to ask on", field="yes", hint="add --yes"
        )
    if not click.confirm(f"This {printable(effect)}. Go on?", err=True):
        raise Interrupted("nothing was done")
