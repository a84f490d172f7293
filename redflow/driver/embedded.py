"""A real server of our own: started on a Unix socket, ended with this process however it dies."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from weakref import WeakSet

from redflow.driver.programs import find_program
from redflow.errors import Misconfigured

if sys.platform != "win32":
    import fcntl

START_SECONDS = 20.0  # a long append-only file takes a while to read
STOP_SECONDS = 10.0
LOCK_SECONDS = 5.0  # a server whose owner was killed needs a moment to end
LOOK_SECONDS = 0.01
SOCKET_PATH_LIMIT = 100  # bytes; Linux takes 107, macOS 103

# $1 is a temporary directory, the rest is the server's command line. Ends the server when standard
# input closes, which the death of this process does, SIGKILL included; ends when the server does.
# All of it is one process group without terminal: Ctrl-C reaches the workers, which still need the
# server to finish what they run.
SUPERVISOR = """
home=$1; shift
exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ cat <&3; kill $server; sleep 10; kill -9 $server; } >/dev/null 2>&1 &
exec 3<&- </dev/null
wait $server; status=$?
rm -rf -- "$home"
trap '' TERM; kill 0
exit $status
"""


class EmbeddedServer:
    """A server for this process; with `path` its data stays in that directory, else nowhere.

    Start it with `start()`, `with` or `async with`. It has no port, its socket opens to this user
    only, it never evicts.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path).absolute()
        self._socket: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the running server."""
        if self._socket is None:
            raise Misconfigured("the embedded server is not running", hint="call start() first")
        return f"unix://{self._socket}"

    def start(self) -> Self:
        """Start the server and wait until it answers; one that runs already is left alone.

        Raises Misconfigured when there is no program, the directory is in use, or it
        does not start.
        """
        if self._process is not None:
            return self
        if sys.platform == "win32":
            raise Misconfigured(
                "an embedded server needs Unix sockets, which Windows has not",
                hint="give the URL of a running server",
            )
        program = find_program()
        lock = None if self._path is None else _locked(self._path)
        try:
            home = _short_directory()
            with tempfile.TemporaryFile() as log:
                self._process = _started(program, home, self._path, lock, log)
                self._socket = home / "s"
                _running.add(self)
                self._wait_until_ready(log)
        except BaseException:
            self.close()
            raise
        finally:
            if lock is not None:
                os.close(lock)  # the server's own copy holds the lock until it has ended
        return self

    def close(self) -> None:
        """End the server and wait for it; data in `path` is on disk afterwards."""
        process, path = self._process, self._socket
        self._process = self._socket = None
        if process is None or path is None:
            return
        _running.discard(self)
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            shutil.rmtree(path.parent, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def _wait_until_ready(self, log: IO[bytes]) -> None:
        assert self._process is not None
        assert self._socket is not None
        end = time.monotonic() + START_SECONDS
        while not _answers(self._socket):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > end:
                log.seek(0)
                said = log.read().decode(errors="replace").strip()[-2000:]
                raise Misconfigured(
                    "the embedded server "
                    + ("ended at once" if ended else f"did not answer in {START_SECONDS:g} s")
                    + f"; it said: {said or 'nothing'}",
                    hint="check the directory given as path, or take another one",
                )
            time.sleep(LOOK_SECONDS)

    def _leave_to_parent(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


def _started(
    program: Path, home: Path, path: Path | None, lock: int | None, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    keep = path is not None
    settings = {
        "port": "0",
        "unixsocket": str(home / "s"),
        "unixsocketperm": "700",
        "dir": str(path or home),
        "save": "",
        "appendonly": "yes" if keep else "no",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return subprocess.Popen(
        ["/bin/sh", "-c", SUPERVISOR, "redflow-server", str(home), str(program), *words],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
        pass_fds=() if lock is None else (lock,),
    )


def _short_directory() -> Path:
    """Make a temporary directory, private to this user, whose socket path the system can take."""
    home = Path(tempfile.mkdtemp(prefix="redflow-"))
    if len(os.fsencode(home / "s")) > SOCKET_PATH_LIMIT:
        home.rmdir()
        home = Path(tempfile.mkdtemp(prefix="redflow-", dir="/tmp"))
    return home


def _locked(path: Path) -> int:
    """Return a locked descriptor: two servers that append to one file would destroy it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Misconfigured(
            f"the embedded server cannot keep its data in {path}: {error.strerror}",
            hint="take a directory that you can write to",
        ) from error
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(lock)
                raise Misconfigured(
                    f"another embedded server keeps its data in {path}",
                    hint="end that process, or take another directory",
                ) from None
            time.sleep(LOOK_SECONDS)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _forget_in_child() -> None:
    # A forked child would hold the pipe open, and with it the server, after this process died.
    for server in list(_running):
        server._leave_to_parent()


_running: WeakSet[EmbeddedServer] = WeakSet()
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_in_child)
