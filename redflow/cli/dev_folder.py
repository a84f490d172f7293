"""The folder `.redflow`: the data of a developer's server, its socket, and who runs it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from redflow.driver import EmbeddedServer
from redflow.errors import Conflict, Misconfigured

FOLDER = ".redflow"
LINK = "server.sock"
SOCKET_PATH_LIMIT = 100
"""Bytes; Linux takes 107, macOS 103."""


@contextlib.contextmanager
def own_server(parent: Path, app: str) -> Iterator[str]:
    """Run a server with its data in the folder and yield its URL.

    Raises Conflict that says who runs there already, Misconfigured when there is no server.
    """
    folder = parent.absolute() / FOLDER
    with _claimed(folder) as claim, EmbeddedServer(folder) as server, _named(folder, server) as url:
        _write(claim, {"app": app, "pid": os.getpid(), "url": url})
        yield url


def own_url(parent: Path) -> str:
    """Return the URL that the server of a folder has, whether it runs or not."""
    return f"unix://{quote(str(parent.absolute() / FOLDER / LINK))}"


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[int]:
    """Hold the folder for this process; the lock ends with it however it dies."""
    try:
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        claim = os.open(folder / "dev", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Misconfigured(
            f"redflow dev cannot keep its data in {folder}: {error.strerror}",
            hint="run it in a folder that you can write to, or give --redis",
        ) from error
    try:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(folder, os.pread(claim, 10_000, 0)) from None
        _write(claim, {})
        yield claim
    finally:
        os.close(claim)


def _taken(folder: Path, about: bytes) -> Conflict:
    where = f"redflow dev runs in {folder.parent} already"
    try:
        who = json.loads(about)
        said = f"{where}: {who['app']}, process {who['pid']}, at {who['url']}"
    except (ValueError, KeyError):  # it has not written yet
        return Conflict(f"{where}, and is just starting", hint="see what it prints")
    return Conflict(said, hint=f"use it: export REDFLOW_URL={who['url']}; or end it: Ctrl-C there")


def _write(claim: int, about: dict[str, object]) -> None:
    os.ftruncate(claim, 0)
    os.pwrite(claim, json.dumps(about).encode(), 0)


@contextlib.contextmanager
def _named(folder: Path, server: EmbeddedServer) -> Iterator[str]:
    """Yield a URL that is the same whenever this runs: a link to the socket in the folder.

    A folder whose path is too long for a socket's gets the URL of the socket itself.
    """
    link = folder / LINK
    if len(os.fsencode(link)) > SOCKET_PATH_LIMIT:
        yield server.url
        return
    link.unlink(missing_ok=True)  # left by one that was killed
    link.symlink_to(server.url.removeprefix("unix://"))
    try:
        yield own_url(folder.parent)
    finally:
        link.unlink(missing_ok=True)
