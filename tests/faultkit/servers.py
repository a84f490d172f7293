"""One real server of a chosen version that a test may stop, kill, pause and start again."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import redis

from tests.faultkit.clock import FakeClock
from tests.faultkit.programs import program

START_SECONDS = 20.0
STOP_SECONDS = 10.0
LOOK = 0.01
PORTS = range(11_000, 22_000)
"""Below the ports that systems give to connections, and so is the bus of a cluster node."""
BUS = 10_000
STATES = (redis.ConnectionError, redis.TimeoutError, redis.exceptions.BusyLoadingError)


class ServerFailed(Exception):
    """A server that did not start, or did not answer in time."""


class Server:
    """A server in a temporary directory of its own, on loopback, ended by its process id.

    Its directory lives until the end of `with`, so a server that starts again finds its data.
    """

    def __init__(
        self,
        version: str = "7.0",
        *options: str,
        port: int | None = None,
        directory: Path | None = None,
        clock: FakeClock | None = None,
    ) -> None:
        if clock and version == "7.0":
            raise ValueError("Debian's Redis 7.0 does not start under libfaketime: take another")
        self.version = version
        self.port = port or free_port()
        self._given, self._own = directory, ExitStack()
        self._options, self._clock = options, clock
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self.kill()
        self._own.close()

    # --- what it is

    @cached_property
    def directory(self) -> Path:
        """Where its data are: the given directory, or one that is removed at the end of `with`."""
        if self._given is not None:
            return self._given
        made = Path(tempfile.mkdtemp(prefix="redflow-fault-"))
        self._own.callback(shutil.rmtree, made, ignore_errors=True)
        return made

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def running(self) -> bool:
        """Whether its process lives; a paused one does."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Id of its process."""
        if self._process is None or not self.running:
            raise ServerFailed(f"the server on port {self.port} does not run: start it")
        return self._process.pid

    @property
    def log(self) -> str:
        """The last of what it printed."""
        path = self.directory / f"server-{self.port}.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    # --- its life

    def start(self) -> None:
        """Start it at its port and directory and wait until it answers and has loaded its data."""
        assert not self.running, f"the server on port {self.port} runs already"
        environment = self._clock.environment() if self._clock else {}
        with (self.directory / f"server-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | environment,
                start_new_session=True,  # Ctrl-C reaches pytest alone, which then ends the server
            )
        self.wait_ready()

    def _command(self) -> list[str]:
        command = [program(self.version), "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", str(self.directory), "--save", "", "--appendonly", "no"]
        return [*command, "--repl-diskless-sync-delay", "0", *self._options]

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until it answers a PING, loaded."""
        end = time.monotonic() + seconds
        while not self._answers():
            if not self.running or time.monotonic() > end:
                raise ServerFailed(f"the server on port {self.port} did not start:\n{self.log}")
            time.sleep(LOOK)

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except STATES:
            return False
        except redis.ResponseError:  # MISCONF, MASTERDOWN: it is there, which is all we ask
            return True

    def stop(self) -> None:
        """End it as an administrator does; nothing when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without warning; nothing when it does not run."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """Kill it and start it again; its data live on when it writes an AOF."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """Stop its process where it is: connections stay open, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        os.kill(self.pid, signal.SIGCONT)

    # --- asking it

    def client(self) -> redis.Redis:
        """Return a client that retries nothing; the caller closes it."""
        return redis.Redis(
            port=self.port,
            protocol=2,
            decode_responses=False,
            socket_timeout=STOP_SECONDS,
            retry=None,
        )

    def ask(self, *words: Any) -> Any:
        """Run one command on a connection of its own."""
        with self.client() as client:
            return client.execute_command(*words)


def free_port() -> int:
    """Return a port that is free now, and whose port for a cluster's bus is free too."""
    for _ in range(200):
        port = random.choice(PORTS)
        if _is_free(port) and _is_free(port + BUS):
            return port
    raise ServerFailed(f"no free port among {PORTS.start} to {PORTS.stop}: end what listens there")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
