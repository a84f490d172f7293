"""The tree of commands, and what every ending of a command line becomes."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from itertools import zip_longest

import click

from redflow.cli.api_keys import API_KEY_ACTS
from redflow.cli.base import Group, State, global_options
from redflow.cli.converting import convert
from redflow.cli.demo import demo
from redflow.cli.dev import dev
from redflow.cli.doctor import doctor
from redflow.cli.events import events
from redflow.cli.execute import execute
from redflow.cli.execution import execution
from redflow.cli.execution_acts import ACTS as EXECUTION_ACTS
from redflow.cli.explaining import explain
from redflow.cli.failures import PIPE_CLOSED, show
from redflow.cli.fsck import fsck
from redflow.cli.init import init
from redflow.cli.keyring import key
from redflow.cli.namespace import namespace
from redflow.cli.node import node
from redflow.cli.payloads import payload
from redflow.cli.purging import purge
from redflow.cli.queues import queue
from redflow.cli.reruns import rerun
from redflow.cli.schedules import schedule
from redflow.cli.secrets import secret
from redflow.cli.serving import serve
from redflow.cli.signals import signal
from redflow.cli.version import show_version, version
from redflow.cli.watch import watch
from redflow.cli.webhooks import webhook
from redflow.cli.worker import worker
from redflow.cli.workers import SEEN as WORKERS_SEEN
from redflow.cli.workflow import workflow
from redflow.cli.workflow_acts import ACTS as WORKFLOW_ACTS


@click.group("redflow", cls=Group)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=show_version,
    help="Say the version.",
)
def cli() -> None:
    """Durable workflows on the Redis you already run.

    \b
    Examples:
      redflow demo                                   see it work, nothing else needed
      redflow init shop --template saga              a small project to begin with
      redflow dev shop:engine                        run an application while you write it
      redflow worker start -A shop:engine            run steps
      redflow execute order '{"amount": 42}' --wait  start one, print its output
      redflow execution list --status FAILED
      redflow explain order-1001                     why does it not go on?
      redflow doctor                                 is Redis fit, and are workers there?

    \b
    Exit codes: 0 done, 1 internal error or doctor or fsck found something,
    2 usage or bad input, 3 not found, 4 execution FAILED, 5 CANCELLED,
    6 not ended in time, 7 Redis did not do it, 8 conflict, 9 not allowed,
    11 invalid workflow, 130 interrupted.
    """


cli.params += global_options(hidden=False)
GROUPS: tuple[tuple[click.Group, Sequence[click.Command]], ...] = (
    (
        cli,
        (
            demo,
            init,
            dev,
            worker,
            serve,
            execute,
            watch,
            events,
            explain,
            doctor,
            fsck,
            execution,
            signal,
            workflow,
            queue,
            schedule,
            secret,
            webhook,
            key,
            payload,
            namespace,
            node,
            version,
        ),
    ),
    (execution, (*EXECUTION_ACTS, rerun, purge)),
    (workflow, (convert, *WORKFLOW_ACTS)),
    (worker, WORKERS_SEEN),
    (key, API_KEY_ACTS),
)
for group, commands in GROUPS:
    for command in commands:
        group.add_command(command)


def run(arguments: Sequence[str], state: State | None = None) -> int:
    """Run one command line and return its exit code; no error leaves it."""
    state = state or State()
    _let_any_text_through()
    try:
        code = _invoke(list(arguments), state)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _silence()
        return PIPE_CLOSED
    except BaseException as error:
        try:
            asked = state.format == "json" or _asks_for_json(arguments)
            return show(error, as_json=asked, verbose=state.verbose)
        except BrokenPipeError:
            _silence()
            return PIPE_CLOSED


def _invoke(arguments: list[str], state: State) -> int:
    try:
        with cli.make_context("redflow", arguments, obj=state) as context:
            answer = cli.invoke(context)
    except click.exceptions.Exit as exit:
        return exit.exit_code
    return answer if isinstance(answer, int) else 0


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """Say whether JSON was asked for in a line that could not be parsed."""
    return any(
        (first in ("-o", "--format") and second == "json") or first in ("-ojson", "--format=json")
        for first, second in zip_longest(arguments, arguments[1:])
    )


def _let_any_text_through() -> None:
    """Escape what the locale's encoding has not, instead of failing in the middle of a line."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence() -> None:
    """Nobody reads on: keep the interpreter from complaining when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(nowhere, stream.fileno())
        except (OSError, ValueError):
            continue
    os.close(nowhere)
