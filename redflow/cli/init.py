"""`redflow init`: writes a small project to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.output import note, printable, wants_json, write_json, write_lines

APPS = {"hello": "hello:engine", "saga": "shop:engine", "fastapi": "orders:engine"}
"""Of every template: what `redflow dev` is given."""


@click.command("init", cls=Command)
@click.argument("directory", required=False, default=".", metavar="[DIR]", type=click.Path())
@click.option(
    "--template",
    type=click.Choice(list(APPS)),
    default="hello",
    help="Which project; hello when left out.",
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@pass_state
def init(state: State, /, *, directory: str, template: str, force: bool) -> None:
    """Write a small project: a workflow, its tests, a README.

    \b
    hello    two steps, one after the other
    saga     an order that waits for an approval, and is undone when it cannot be shipped
    fastapi  an HTTP API that starts orders and asks for their results

    Prints the files it wrote. Without --force, nothing is written when one of them exists.

    \b
    Examples:
      redflow init shop --template saga
    """
    from redflow.cli.scaffold import project_name, render, write

    target = Path(directory)
    name = project_name(target)
    written = write(target, render(template, name), force=force)
    if wants_json(state):
        write_json({"project": name, "template": template, "files": [str(one) for one in written]})
        return
    write_lines([(one,) for one in written])
    enter = "" if target.resolve() == Path.cwd() else f"  cd {printable(directory)}\n"
    note(
        f'next:\n{enter}  pip install -e ".[dev]"\n  pytest\n'
        f"  redflow dev {APPS[template]}\nREADME.md says what then"
    )
