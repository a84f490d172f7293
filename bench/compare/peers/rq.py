"""RQ with its worker that does not fork for every job."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from bench.compare.peers.base import BlockingPeer
from bench.compare.shapes import Shape
from bench.compare.stamps import stamp


class Rq(BlockingPeer):
    """One SimpleWorker: the default one forks for every job and is four times slower."""

    name = "rq"
    setting = "SimpleWorker (the default worker forks for each job); graphs by depends_on"
    packages = ("rq==3.0.0", "hiredis==3.5.0")
    drain = 800

    def work(self) -> None:
        rq = import_module("rq")
        connection = self._connect()
        queue = rq.Queue("bench", connection=connection)
        rq.SimpleWorker([queue], connection=connection).work(logging_level="WARNING")

    def _connect(self) -> Any:
        return import_module("redis").Redis.from_url(self.url)

    async def open(self) -> None:
        self._connection = self._connect()
        self._queue = import_module("rq").Queue("bench", connection=self._connection)

    async def close(self) -> None:
        self._connection.close()

    def add_sync(self) -> Any:
        return self._queue.enqueue(noop)

    async def add_many(self, count: int) -> None:
        for first in range(0, count, 500):
            part = range(min(500, count - first))
            self._queue.enqueue_many([self._queue.prepare_data(noop) for _ in part])

    async def result(self, job: Any) -> None:
        job.latest_result(timeout=30)

    async def start(self, shape: Shape, count: int) -> None:
        for _ in range(count):
            self._start_one(shape)

    def _start_one(self, shape: Shape) -> None:
        parents: dict[int, list[Any]] = {}
        for step in range(shape.steps):
            job = self._queue.enqueue(noop, depends_on=parents.pop(step, None))
            for child in shape.after(step):
                parents.setdefault(child, []).append(job)


def noop() -> int:
    """A job that does nothing."""
    stamp()
    return 1


PEER = Rq
