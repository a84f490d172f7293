"""`redflow watch`: the progress of an execution until its end."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from redflow.cli.base import Command, State, pass_state
from redflow.cli.failures import Interrupted
from redflow.cli.output import human, note, wants_json, write_json
from redflow.cli.progress import Board, Lines, View
from redflow.cli.records import execution_document, took
from redflow.cli.steps import step_document

if TYPE_CHECKING:
    from redflow.client import Handle

LOOK_SECONDS = 0.25
LOOKING_SHARE = 4
"""A look at a large execution takes long: at most a fifth of the time goes into looking."""


@click.command("watch", cls=Command)
@click.argument("id")
@pass_state
def watch(state: State, id: str) -> None:
    """Follow an execution until its end.

    Ctrl-C stops watching, not the execution. The exit code is that of the outcome: 0 COMPLETED,
    4 FAILED, 5 CANCELLED. With -o json progress goes to standard error, and how it ended to
    standard output.

    \b
    Examples:
      redflow watch order-1001
    """
    with state.client() as client:
        handle = client.handle(id)
        view = _view(state, handle)
        try:
            with view:
                follow(handle, view)
        except KeyboardInterrupt:
            raise Interrupted(
                f"watching stopped; execution {id} goes on", hint=f"redflow watch {id}"
            ) from None
        ended = handle.execution()
        if wants_json(state):
            said = execution_document(ended) | {"output": ended.output}
            write_json(said | {"steps": [step_document(step) for step in handle.steps()]})
        else:
            note(f"{ended.status} after {human(took(ended))}")
        handle.result(0)  # raises what stands for any other outcome than COMPLETED


def _view(state: State, handle: Handle) -> View:
    found = handle.execution()
    title = f"{found.workflow} v{found.version}  {found.id}"
    if wants_json(state) or not sys.stdout.isatty():
        return Lines(title, err=wants_json(state))
    return Board(state, title)


def follow(handle: Handle, view: View) -> None:
    """Show an execution until it has ended; the last look is taken after the end."""
    while True:
        started = time.monotonic()
        status = handle.status()
        view.show(status, handle.steps())
        if status.terminal:
            return
        time.sleep(max(LOOK_SECONDS, LOOKING_SHARE * (time.monotonic() - started)))
