"""`redflow workflow convert`: the document of another engine as one of redflow."""

from __future__ import annotations

from pathlib import Path

import click

from redflow.cli.base import State, pass_state
from redflow.cli.documents import written
from redflow.cli.formats import command_writing
from redflow.cli.inputs import read_text
from redflow.cli.output import note
from redflow.errors import InvalidWorkflow

HELP = "The document's format; JSON when left out."


@click.command("convert", cls=command_writing(("json", "yaml"), HELP))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    type=click.Choice(["parevo"]),
    default="parevo",
    help="What wrote it: parevo, for parevo/flow.",
)
@pass_state
def convert(state: State, file: Path, source: str) -> None:
    """Convert the document of another engine; prints the document, and notes beside it.

    A note is where in FILE something was changed or dropped, and what became of it. Nothing is
    registered, and no Redis is needed.

    \b
    Examples:
      redflow workflow convert onboarding.json -o yaml > onboarding.yaml
      redflow workflow convert onboarding.json | redflow workflow validate /dev/stdin
    """
    from redflow.model.parevo import convert_parevo
    from redflow.model.workflow import Workflow

    _, text = read_text(file)
    try:
        made = convert_parevo(text, Workflow)
    except InvalidWorkflow as error:
        raise InvalidWorkflow(error.problems, hint=f"in {file}; nothing was converted") from None
    style = state.format if state.format in ("json", "yaml") else "json"
    click.echo(written(made.workflow, style), nl=False)
    for one in made.notes:
        note(f"{file}:{one}")
