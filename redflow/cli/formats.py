"""Commands that write other formats than tables and JSON: `-o` with choices of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from redflow.cli.base import Command, State


def command_writing(formats: Sequence[str], help: str) -> type[Command]:
    """Make the class of a command whose `-o` takes these formats instead of the global ones."""

    class Writing(Command):
        """A command with a format option of its own."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            kept = [one for one in self.params if one.name != "format"]
            self.params = [*kept, _option(formats, help)]

    return Writing


def _option(formats: Sequence[str], help: str) -> click.Option:
    return click.Option(
        ("-o", "--format"),
        type=click.Choice(formats),
        callback=_remember,
        expose_value=False,
        is_eager=True,
        help=help,
    )


def _remember(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(State).format = value
