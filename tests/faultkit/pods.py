"""Worker processes over one warm parent that forks them: start, kill, freeze, end, exit codes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

from tests.faultkit.workload import FEW

ROOT = Path(__file__).parents[2]
QUICK = {"lease": 1.2, "beat": 0.3, "sweep": 0.4, "interval": 0.3, "drain": 0.3, "concurrency": 12}
"""Settings that make what faults cost short; deliveries are no limit here."""

OWN: dict[str, Any] = {"seed": 0, "bug": None, "partitions": 2, "long": FEW}
"""What an order says besides where it is to work, and the settings of its worker."""


class Pods:
    """Processes of one module of orders; a context manager that leaves none behind.

    One may serve several namespaces and servers after each other: see `turn_to`.
    """

    def __init__(self, module: str = "tests.faultkit.pod") -> None:
        self._command = [sys.executable, "-m", module]
        self._order: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.pids: list[int] = []
        """Those that were started and not ended by this object."""

    def __enter__(self) -> Self:
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._log, text=True, start_new_session=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._log.close()

    @property
    def log(self) -> str:
        """The last of what the workers logged."""
        self._log.seek(0)
        return self._log.read()[-4000:].decode(errors="replace")

    def turn_to(self, url: str, namespace: str, witness: Path, **more: Any) -> None:
        """Say where the next workers work; settings of workers, and what `OWN` names."""
        own = {name: more.pop(name) for name in OWN if name in more}
        settings = {"queues": ("default", "mail", "slow-2"), "deliveries": 100, **QUICK, **more}
        self._order = {"url": url, "namespace": namespace, "witness": str(witness)}
        self._order |= {**OWN, **own, "settings": settings}

    def start(self, **settings: Any) -> int:
        """Fork a worker and return its process id."""
        order = {**self._order, "settings": {**self._order["settings"], **settings}}
        pid = self._ask(order)
        self.pids.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """End it without warning."""
        self._send(pid, signal.SIGKILL)
        self.forget(pid)

    def stop(self, pid: int) -> None:
        """Freeze it."""
        self._send(pid, signal.SIGSTOP)

    def cont(self, pid: int) -> None:
        """Let a frozen one go on."""
        self._send(pid, signal.SIGCONT)

    def term(self, pid: int) -> None:
        """Ask it to stop, as a supervisor does."""
        self._send(pid, signal.SIGTERM)
        self.forget(pid)

    def wait(self, pid: int, seconds: float = 20.0) -> int | None:
        """Return its exit code, negative for a signal; None when it has not ended in time."""
        return self._ask({"wait": pid, "seconds": seconds})

    def alive(self, pid: int) -> bool:
        """Whether it has not ended."""
        return self.wait(pid, 0.0) is None

    def forget(self, pid: int) -> None:
        """Count it among the living no more."""
        if pid in self.pids:
            self.pids.remove(pid)

    def _send(self, pid: int, number: signal.Signals) -> None:
        if self.alive(pid):  # else the id may be another's
            os.kill(pid, number)

    def _ask(self, order: dict[str, Any]) -> Any:
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
