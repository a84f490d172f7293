"""streaQ: streams, functions of Redis and a graph of tasks."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from bench.compare import loops
from bench.compare.peers.base import CONCURRENCY, URL, Peer
from bench.compare.shapes import Shape
from bench.compare.stamps import stamp


class Streaq(Peer):
    """One asynchronous worker."""

    name = "streaq"
    setting = "64 concurrent, uvloop; graphs by its own dependencies"
    packages = ("streaq==7.2.0", "coredis==6.9.0", "uvloop==0.23.0")
    drain = 4_000

    def work(self) -> None:
        worker, _ = made()
        loops.run(worker.run_async())

    async def open(self) -> None:
        self._worker, self._noop = made()
        await self._worker.__aenter__()

    async def close(self) -> None:
        await self._worker.__aexit__(None, None, None)

    async def add(self) -> Any:
        return await self._noop.enqueue()

    async def add_many(self, count: int) -> None:
        await self._worker.enqueue_many([self._noop.enqueue() for _ in range(count)])

    async def result(self, job: Any) -> None:
        await job.result(30)

    async def start(self, shape: Shape, count: int) -> None:
        for _ in range(count):
            await self._start_one(shape)

    async def _start_one(self, shape: Shape) -> None:
        parents: dict[int, list[str]] = {}
        tasks = []
        for step in range(shape.steps):
            task = self._noop.enqueue()
            if step in parents:
                task = task.start(after=parents.pop(step))
            for child in shape.after(step):
                parents.setdefault(child, []).append(task.id)
            tasks.append(task)
        await self._worker.enqueue_many(tasks)


async def noop() -> int:
    """A task that does nothing."""
    stamp()
    return 1


def made() -> tuple[Any, Any]:
    """The worker, which producers hold as well, and its task."""
    worker = import_module("streaq").Worker(redis_url=os.environ[URL], concurrency=CONCURRENCY)
    return worker, worker.task(name="noop")(noop)


PEER = Streaq
