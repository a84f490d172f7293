"""Errors as a user meets them: a line with the next step, or JSON, and the exit code."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, field
from typing import Any

import click

from redflow.cli.main import INTERRUPTED
from redflow.cli.output import printable
from redflow.errors import InvalidInput, InvalidWorkflow, RedflowError, answer_of

USAGE = 2
INTERNAL = 1
PIPE_CLOSED = 141
"""As the shell reports a program that SIGPIPE ended."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while waiting; `message` says what goes on all the same."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Failure:
    """What is said about an error, and the exit code."""

    code: str
    message: str
    hint: str
    exit: int
    more: dict[str, Any] = field(default_factory=dict)


def failure_of(error: BaseException) -> Failure:
    """Say what an error becomes."""
    match error:
        case RedflowError():
            return _of_redflow(error)
        case TimeoutError():
            return Failure("Timeout", str(error), "", answer_of(error).exit)
        case click.exceptions.NoArgsIsHelpError():
            return Failure("Usage", error.message, "", USAGE)
        case click.UsageError():
            return Failure("Usage", error.format_message(), _usage_hint(error), USAGE)
        case click.ClickException():
            return Failure("Usage", error.format_message(), "", USAGE)
        case Interrupted():
            return Failure("Interrupted", error.message, error.hint, INTERRUPTED)
        case KeyboardInterrupt() | click.Abort():
            return Failure("Interrupted", "interrupted", "", INTERRUPTED)
    return Failure(
        "Internal",
        f"internal error: {type(error).__name__}: {error}",
        "run it again with -v for the traceback, and report it",
        INTERNAL,
    )


def _of_redflow(error: RedflowError) -> Failure:
    more: dict[str, Any] = {}
    if isinstance(error, InvalidWorkflow):
        more["problems"] = [
            {"pointer": one.pointer, "code": one.code, "message": one.message}
            for one in error.problems
        ]
    if isinstance(error, InvalidInput) and error.field:
        more["field"] = error.field
    for name in ("execution_id", "node", "reason"):
        if getattr(error, name, None):
            more[name] = getattr(error, name)
    code = type(error).__name__
    public = next(
        (k.__name__ for k in type(error).__mro__ if k.__module__ == "redflow.errors"), code
    )
    return Failure(public, str(error.args[0]), error.hint, answer_of(error).exit, more)


def _usage_hint(error: click.UsageError) -> str:
    hint: str = getattr(error, "hint", "")
    if hint or error.ctx is None:
        return hint
    return f"see {error.ctx.command_path} --help"


def show(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Write an error to standard error and return the exit code."""
    failure = failure_of(error)
    if as_json:
        said = {"code": failure.code, "message": failure.message, "hint": failure.hint}
        click.echo(json.dumps({"error": said | failure.more}), err=True)
    elif failure.code == "Usage" and isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(failure.message, err=True)
    else:
        prefix = "" if failure.code == "Interrupted" else "error: "
        click.echo(prefix + printable(failure.message, lines=True), err=True)
        if failure.hint:
            click.echo(f"hint: {printable(failure.hint, lines=True)}", err=True)
    if verbose and failure.code == "Internal":
        click.echo("".join(traceback.format_exception(error)), err=True)
    return failure.exit
