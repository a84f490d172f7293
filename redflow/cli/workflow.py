"""`redflow workflow`: list and show what is registered, register, validate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from redflow.cli.application import load_engine, placed, workflows_of
from redflow.cli.base import Group, State, pass_state
from redflow.cli.documents import read_document, written
from redflow.cli.formats import command_writing
from redflow.cli.output import note, printable, wants_json, write_fields, write_json, write_rows
from redflow.cli.records import (
    NODE_COLUMNS,
    WORKFLOW_COLUMNS,
    node_rows,
    workflow_document,
    workflow_fields,
    workflow_row,
)
from redflow.errors import InvalidInput, InvalidWorkflow, Problem

if TYPE_CHECKING:
    from redflow.engine import Engine
    from redflow.model.execution import WorkflowVersion
    from redflow.model.workflow import Workflow
    from redflow.nodes.registry import Registry

SHOWN = ("table", "json", "yaml", "mermaid", "dot")
"""Formats of show; yaml is the document alone, mermaid and dot draw it."""

APP = "Application whose functions and node types the workflow uses."
"""Help of -A."""


@click.group("workflow", cls=Group)
def workflow() -> None:
    """List, register, validate, switch and pause workflows."""


@workflow.command("list")
@pass_state
def list_command(state: State) -> None:
    """List the registered workflows."""
    with state.client() as client:
        found = client.list_workflows()
    if wants_json(state):
        write_json({"workflows": [workflow_document(one) for one in found]})
    elif found:
        write_rows(state, WORKFLOW_COLUMNS, [workflow_row(one) for one in found])
    else:
        note(f"no workflow in namespace {state.namespace!r}: redflow workflow register FILE")


@workflow.command(
    "show",
    cls=command_writing(SHOWN, "table or json; the document as yaml; a drawing: mermaid or dot."),
)
@click.argument("id")
@click.option("--version", type=int, help="A version; the latest when left out.")
@pass_state
def show(state: State, id: str, version: int | None) -> None:
    """Show a workflow with its nodes; as JSON with its definition.

    \b
    Examples:
      redflow workflow show order
      redflow workflow show order --version 2 -o json | jq .definition > order.json
      redflow workflow show order -o yaml > order.yaml
      redflow workflow show order -o dot | dot -Tsvg > order.svg
    """
    with state.client() as client:
        found = client.get_workflow(id, version)
    if state.format in SHOWN[2:]:
        click.echo(written(found.definition, state.format), nl=False)
        return
    if wants_json(state):
        write_json(_version_document(found) | {"definition": found.definition.to_document()})
        return
    write_fields(state, workflow_fields(found))
    if state.style == "table":
        click.echo()
    write_rows(state, NODE_COLUMNS, node_rows(found))


@workflow.command("register")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("-A", "--app", metavar="MODULE:ENGINE", help=APP)
@click.option("--partitions", type=int, metavar="N", help="Of a namespace that this creates.")
@pass_state
def register(
    state: State, files: tuple[Path, ...], app: str | None, partitions: int | None
) -> None:
    """Register workflows: documents in files, or those bound in the module of -A.

    \b
    Examples:
      redflow workflow register order.json
      redflow workflow register order.yaml
      redflow workflow register -A shop:engine              every Workflow in shop.py, or included
      redflow workflow register order.json -A shop:engine   checked against its functions
    """
    if not files and app is None:
        raise InvalidInput(
            "nothing to register is named", field="files", hint="name a file, or -A module:engine"
        )
    from redflow.cli.registering import register_all

    made = register_all(*_what_to_register(state, files, app), partitions)
    if wants_json(state):
        write_json({"workflows": [_version_document(one) for one in made]})
    else:
        rows = [(one.id, one.version, one.status, len(one.definition.nodes)) for one in made]
        write_rows(state, ("ID", "VERSION", "STATUS", "NODES"), rows)


def _what_to_register(
    state: State, files: tuple[Path, ...], app: str | None
) -> tuple[Engine, list[tuple[str, Workflow]]]:
    """Read everything before anything is sent; workflows come with the name of their source."""
    from redflow.engine import Engine

    if app is None:
        engine = Engine(state.address(), namespace=state.namespace)
        return engine, [
            (str(file), read_document(file, engine.registry.problems)) for file in files
        ]
    engine, module = load_engine(app)
    found = [(str(file), read_document(file, engine.registry.problems)) for file in files]
    if not files:
        found = [(app, one) for one in workflows_of(module, engine)]
    if not found:
        raise InvalidInput(
            f"module {module.__name__!r} binds no Workflow, and its engine includes none",
            field="app",
            hint="bind one at the top level: order = Workflow.builder(...).build(); or include one:"
            " engine.include(flow)",
        )
    return placed(state, engine, app), found


def _version_document(one: WorkflowVersion) -> dict[str, Any]:
    own = {"version": one.version, "content_hash": one.content_hash}
    return workflow_document(one) | own


@workflow.command("validate")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option("-A", "--app", metavar="MODULE:ENGINE", help=APP)
@pass_state
def validate(state: State, files: tuple[Path, ...], app: str | None) -> int:
    """Check documents without registering them; needs no Redis.

    Prints a line for each problem: the file, where in it, and what is wrong. The exit code is 11
    when there is any.

    \b
    Examples:
      redflow workflow validate workflows/*.json workflows/*.yaml
    """
    from redflow.nodes.registry import Registry

    registry = Registry() if app is None else load_engine(app)[0].registry
    found = {str(file): _problems(file, registry) for file in files}
    count = sum(map(len, found.values()))
    if wants_json(state):
        write_json({"files": [_report(file, problems) for file, problems in found.items()]})
    for file, problems in found.items():
        for one in () if wants_json(state) else problems:
            click.echo(printable(f"{file}:{one.pointer or '/'}  {one.message}"))
    if not count:
        note(f"{len(files)} valid")
        return 0
    note(f"{count} problem{'s'[: count != 1]} in {sum(map(bool, found.values()))} of {len(files)}")
    return 11


def _problems(file: Path, registry: Registry) -> tuple[Problem, ...]:
    """Return every problem of one document."""
    try:
        read_document(file, registry.problems)
    except InvalidWorkflow as error:
        return error.problems
    return ()


def _report(file: str, problems: tuple[Problem, ...]) -> dict[str, Any]:
    listed = [{"pointer": p.pointer, "code": p.code, "message": p.message} for p in problems]
    return {"file": file, "valid": not problems, "problems": listed}
