"""`redflow doctor`: what is wrong around the executions: the server, this installation, workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from redflow.cli.base import PLAIN, Command, State, pass_state
from redflow.cli.output import note, printable, wants_json, write_json, write_lines

if TYPE_CHECKING:
    from redflow.client.diagnosis import Diagnosis
    from redflow.store.fitness import Finding

FOUND = 1
"""Exit code when something is an error."""


@click.command("doctor", cls=Command)
@pass_state
def doctor(state: State) -> int:
    """Say what is wrong with the server, this installation, or the workers.

    Each finding with its cause and what to do. Changes nothing. Ends with 0 when nothing is an
    error, warnings or not, and with 1 when something is.

    \b
    Examples:
      redflow doctor
      redflow doctor -o json | jq -r '.findings[] | select(.level == "error") | .remedy'
    """
    with state.client() as client:
        found = client.diagnose()
    if wants_json(state):
        write_json(_document(state, found))
    elif state.style == PLAIN:
        write_lines([(_level(o), o.code, o.what, o.why, o.step) for o in found.findings])
    else:
        _write(found)
    if not wants_json(state):
        for text in found.unchecked:
            note(f"not checked: {text}")
        warnings = len(found.findings) - found.errors
        note(f"{found.errors} errors, {warnings} warnings")
    return FOUND if found.errors else 0


def _write(found: Diagnosis) -> None:
    """Write a paragraph for each finding, errors first."""
    ordered = sorted(found.findings, key=lambda one: not one.fatal)
    for one in ordered:
        click.echo(printable(f"{_level(one)}: {one.what}"))
        click.echo(printable(f"   {one.why}"))
        click.echo(printable(f"   {one.step}"))


def _level(one: Finding) -> str:
    return "error" if one.fatal else "warning"


def _document(state: State, found: Diagnosis) -> dict[str, Any]:
    return {
        "namespace": state.namespace,
        "errors": found.errors,
        "findings": [
            {
                "level": _level(one),
                "code": one.code,
                "what": one.what,
                "cause": one.why,
                "remedy": one.step,
            }
            for one in found.findings
        ],
        "unchecked": found.unchecked,
    }
