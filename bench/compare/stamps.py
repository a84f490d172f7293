"""Stamps: every step that runs leaves the time in a file, whatever library runs it.

A stamp costs well below a microsecond, and is the same cost for everybody.
"""

from __future__ import annotations

import itertools
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

FOLDER = "REDFLOW_BENCH_STAMPS"
"""The environment variable that names the folder of the files."""

SIZE = 8
CAPACITY = 1 << 20
"""Stamps of one process; the file is sparse, so what is not used takes no room."""
TIME = struct.Struct("<d")
PATIENCE = 20.0
"""Seconds without a stamp after which a run is given up."""


class Stalled(Exception):
    """The steps that were started do not come to their end."""


class _Writer:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._file: mmap.mmap | None = None
        self._opening = threading.Lock()
        self._places = itertools.count()

    def stamp(self) -> None:
        """Note that a step runs now."""
        file = self._file or self._open()
        TIME.pack_into(file, next(self._places) * SIZE, time.monotonic())

    def _open(self) -> mmap.mmap:
        with self._opening:
            if self._file is None:  # threads may come together
                path = Path(os.environ[FOLDER], f"{os.getpid()}-{time.monotonic_ns()}")
                with path.open("w+b") as file:
                    file.truncate(CAPACITY * SIZE)
                    self._file = mmap.mmap(file.fileno(), CAPACITY * SIZE)
            return self._file


_writer = _Writer()
stamp = _writer.stamp
os.register_at_fork(after_in_child=_writer.reset)


class Stamps:
    """What the steps of one run have left so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self._times: list[float] = []

    def read(self) -> list[float]:
        """Return all stamps so far, in the order of time."""
        before = len(self._times)
        for path in self._folder.iterdir():
            self._times += self._new_of(path)
        if len(self._times) > before:
            self._times.sort()
        return self._times

    def _new_of(self, path: Path) -> list[float]:
        found: list[float] = []
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            while chunk := file.read(SIZE * 4096):
                times = [time for (time,) in TIME.iter_unpack(chunk[: len(chunk) // SIZE * SIZE])]
                found += itertools.takewhile(bool, times)
                if not times or not times[-1]:
                    break
        self._read[path] = self._read.get(path, 0) + len(found) * SIZE
        return found

    def wait(
        self,
        count: int,
        check: Callable[[], None] = lambda: None,
        *,
        look: float = 0.02,
        patience: float = PATIENCE,
    ) -> list[float]:
        """Wait for so many stamps; raises Stalled when none comes for long, and what `check` does.

        `look` is how long to sleep between two looks.
        """
        seen, since = -1, time.monotonic()
        while True:
            times = self.read()
            if len(times) >= count:
                return times
            check()
            if len(times) > seen:
                seen, since = len(times), time.monotonic()
            if time.monotonic() - since > patience:
                raise Stalled(f"{seen} of {count} steps, then none for {patience:g} s")
            time.sleep(look)
