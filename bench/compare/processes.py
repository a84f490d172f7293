"""Processes of a peer: a worker that runs while it is needed, and producers that do one job."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.compare.peers.base import URL, Kind
from bench.compare.stamps import FOLDER, Stamps

ROOT = Path(__file__).resolve().parents[2]
JOB_SECONDS = 300.0
STOP_SECONDS = 10.0
LOOK = 0.5
LINES = 3
"""Of what a process printed, in an error."""


class PeerFailed(Exception):
    """A process of a peer ended when it should not have."""


@dataclass(frozen=True)
class Site:
    """One peer at one server: what starts its processes."""

    kind: type[Kind]
    home: Path | None
    url: str
    directory: Path

    def __post_init__(self) -> None:
        self.stamps_folder.mkdir(parents=True)

    @property
    def stamps_folder(self) -> Path:
        """Where its steps leave their stamps."""
        return self.directory / "stamps"

    def stamps(self) -> Stamps:
        """Its stamps, from the first on."""
        return Stamps(self.stamps_folder)

    def do(self, job: str, worker: Worker | None = None, **given: Any) -> dict[str, Any]:
        """Do one job in a process of its own and return its findings; raises PeerFailed.

        With a worker, its end is the end of the job.
        """
        end = time.monotonic() + JOB_SECONDS
        output: bytes | None = None
        with self._start(job, given, output=subprocess.PIPE) as (process, log):
            while output is None:
                try:
                    output, _ = process.communicate(timeout=LOOK)
                except subprocess.TimeoutExpired:
                    if worker:
                        worker.check()
                    if time.monotonic() > end:
                        raise PeerFailed(f"{job} took more than {JOB_SECONDS:g} s") from None
            if process.returncode:
                raise PeerFailed(f"{job} failed: {_last(log)}")
        try:
            found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise PeerFailed(f"{job} printed no findings: {_last(log)}") from None
        return found

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        """Run a worker while the block runs; what must be declared first is declared."""
        self.do("declare")
        with self._start("work", {}, output=subprocess.DEVNULL) as (process, log):
            yield Worker(process, log)

    @contextmanager
    def _start(
        self, job: str, given: dict[str, Any], *, output: int
    ) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        number = len(list(self.directory.iterdir()))
        log = self.directory / f"{number}-{job}.log"
        command = [*self.kind.command(self.home, sys.executable), job, json.dumps(given)]
        environment = os.environ | {URL: self.url, FOLDER: str(self.stamps_folder)}
        environment["PYTHONPATH"] = str(ROOT)
        with log.open("wb") as errors:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        try:
            yield process, log
        finally:
            _end(process)


@dataclass(frozen=True)
class Worker:
    """A worker that runs."""

    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise PeerFailed when it has ended."""
        if self.process.poll() is not None:
            raise PeerFailed(f"the worker ended: {_last(self.log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it has started, which is in its session."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return " | ".join(lines[-LINES:]) or "it printed nothing"


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory for logs and stamps of one measurement."""
    with tempfile.TemporaryDirectory(prefix=f"redflow-bench-{time.time_ns()}-") as folder:
        yield Path(folder)
