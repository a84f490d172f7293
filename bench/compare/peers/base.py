"""What the bench asks of a peer; the methods run in processes of the peer's own environment."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from bench.compare.shapes import Shape

URL = "REDFLOW_BENCH_URL"
"""The environment variable that names the server, for modules that a library imports by name."""

ASYNC_MODES = ("async", "50 concurrent", "batched")
SYNC_MODES = ("sync", "batched")
EVERY_MODE = ("sync", *ASYNC_MODES)
CONCURRENCY = 64
"""Tasks that an asynchronous worker has under way at once."""

Step = tuple[str, str, int]
"""A step of a graph that is handed on by hand: its shape, its run, its number."""


class Kind:
    """A task queue in its best documented setting, and the program that does its jobs."""

    name: ClassVar[str]
    setting: ClassVar[str]
    """What is set, and how graphs are made."""
    packages: ClassVar[tuple[str, ...]] = ()
    """What to install, as the installer takes it; nothing: it runs where the bench runs."""
    installer: ClassVar[str] = "pip"
    modes: ClassVar[tuple[str, ...]] = ASYNC_MODES
    """The ways of producing that it has."""
    lacks: ClassVar[Mapping[str, str]] = {}
    """Figures it has not, and why."""
    drain: ClassVar[int]
    """Steps that take it a few seconds."""
    capped: ClassVar[tuple[str, ...]] = ()
    """Endings of the keys that do not grow beyond a limit."""

    @classmethod
    def command(cls, home: Path | None, python: str) -> list[str]:
        """The program that takes a job and its arguments; `home` is where it was installed."""
        program = python if home is None else str(home / "bin" / "python")
        return [program, "-m", "bench.compare.agent", cls.name]

    @classmethod
    def why_not(cls, part: str) -> str | None:
        """Say why it has not what a part of a workload measures; None when it has."""
        if part in EVERY_MODE and part not in cls.modes:
            return "has no such call"
        return cls.lacks.get(part)


class Peer(Kind, ABC):
    """One that the agent runs: a worker process, or a producer."""

    def __init__(self) -> None:
        self.url = os.environ[URL]

    @abstractmethod
    def work(self) -> None:
        """Run a worker until SIGTERM."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and declare what must be declared."""

    async def close(self) -> None:
        """Disconnect."""
        return

    @abstractmethod
    async def add(self) -> Any:
        """Start one no-op; returns what `result` takes."""

    @abstractmethod
    async def add_many(self, count: int) -> None:
        """Start no-ops in the fastest way there is."""

    @abstractmethod
    async def result(self, job: Any) -> None:
        """Wait until a no-op that was started has ended, as the library's users would."""

    @abstractmethod
    async def start(self, shape: Shape, count: int) -> None:
        """Start runs of a graph of no-ops."""


class SyncPeer(Peer):
    """One with a call that blocks."""

    @abstractmethod
    def add_sync(self) -> Any:
        """Start one no-op; returns what `result` takes."""


class BlockingPeer(SyncPeer):
    """One whose calls all block."""

    modes = SYNC_MODES

    async def add(self) -> Any:
        return self.add_sync()


async def hand_on(
    step: Step,
    incr: Callable[[str], Awaitable[int]],
    add: Callable[[Sequence[Step]], Awaitable[Any]],
) -> None:
    """Start what follows on a step, for peers without graphs: the last parent starts a join."""
    text, run, number = step
    shape = Shape.parse(text)
    ready: list[Step] = []
    for child in shape.after(number):
        needs = shape.needs(child)
        if needs < 2 or await incr(f"join:{run}:{child}") == needs:
            ready.append((text, run, child))
    if ready:
        await add(ready)
