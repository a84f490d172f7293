"""Runs `redflow dev`: finds or starts a server, then keeps a worker on it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from redflow.cli.application import names_of, no_module
from redflow.cli.base import State
from redflow.cli.dev_folder import FOLDER, own_server, own_url
from redflow.cli.dev_reload import Reloader, python_changes
from redflow.cli.output import note
from redflow.driver import RedisConnector
from redflow.errors import Misconfigured


def run_dev(state: State, app: str, *, watched: Path | None, level: str) -> int:
    """Run until a signal; return the exit code. `watched` is the folder whose code is reloaded."""
    _check(app)
    if watched is not None and importlib.util.find_spec("watchfiles") is None:
        raise Misconfigured(
            "to reload changed code, redflow dev needs watchfiles, which is not installed",
            hint="pip install 'redflow-engine[dev]', or add --no-reload",
        )
    with _server(state, app) as url:
        return asyncio.run(_dev(_command(state, app, level), _environment(state, url), watched))


async def _dev(command: list[str], environment: dict[str, str], watched: Path | None) -> int:
    reloader = Reloader(command, environment)
    if watched is None:
        note("Ctrl-C ends it")
        return await reloader.run(None)
    note(f"changes of .py files in {watched.absolute()} are loaded; Ctrl-C ends it")
    return await reloader.run(python_changes(watched, reloader.stopping))


def _check(app: str) -> None:
    """Refuse a name that no change of code would mend, before anything is started."""
    name, _ = names_of(app)
    top = name.partition(".")[0]
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    if importlib.util.find_spec(top) is None:
        raise no_module(top)


@contextlib.contextmanager
def _server(state: State, app: str) -> Iterator[str]:
    """Yield the URL of the server that was named, else of one of our own.

    A shell may still hold the URL that an earlier run told it: that is our own as well.
    """
    if state.url is not None and state.url != own_url(Path()):
        note(f"redflow dev on {RedisConnector(state.url).where}")
        yield state.url
        return
    with own_server(Path(), app) as url:
        note(f"redflow dev on a server of its own, data in {FOLDER}/")
        note(f"in another shell: export REDFLOW_URL={url}")
        yield url


def _command(state: State, app: str, level: str) -> list[str]:
    """Return the command line of a worker process, which is this command with a hidden option."""
    words = [sys.executable, "-m", "redflow.cli", "dev", app, "--log-level", level]
    if state.format is not None:
        words += ["-o", state.format]
    return [*words, "-v"] if state.verbose else words


def _environment(state: State, url: str) -> dict[str, str]:
    """Return what tells a worker process, and the application in it, where Redis is.

    No bytecode is written: it is told apart by seconds, and code may change twice in one.
    """
    own = {"REDFLOW_URL": url, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    if "namespace" in state.given:
        own["REDFLOW_NAMESPACE"] = state.namespace
    return os.environ | own
