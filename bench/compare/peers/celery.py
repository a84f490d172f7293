"""Celery with Redis as its broker and its results."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from bench.compare.peers.base import URL, BlockingPeer
from bench.compare.shapes import Shape
from bench.compare.stamps import stamp


class Celery(BlockingPeer):
    """One child process that runs tasks."""

    name = "celery"
    setting = (
        "prefork, 1 child, prefetch multiplier 64, without gossip, mingle and heartbeat; "
        "chains and chords"
    )
    packages = ("celery[redis]==5.7.0", "hiredis==3.5.0")
    drain = 3_000

    def work(self) -> None:
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
        made().worker_main(["worker", "-P", "prefork", "-c", "1", *quiet])

    async def open(self) -> None:
        self._app = made()
        self._noop = self._app.tasks["noop"]
        self._producer = self._app.amqp.producer_pool.acquire()

    async def close(self) -> None:
        self._producer.release()
        self._app.close()

    def add_sync(self) -> Any:
        return self._noop.apply_async(producer=self._producer)

    async def add_many(self, count: int) -> None:
        for _ in range(count):
            self.add_sync()

    async def result(self, job: Any) -> None:
        job.get(timeout=30)

    async def start(self, shape: Shape, count: int) -> None:
        celery = import_module("celery")
        for _ in range(count):
            if shape.kind == "chain":
                celery.chain(*(self._noop.si() for _ in range(shape.steps))).apply_async()
            else:
                middle = celery.group(self._noop.si() for _ in range(shape.size))
                celery.chain(self._noop.si(), celery.chord(middle, self._noop.si())).apply_async()


def noop() -> int:
    """A task that does nothing."""
    stamp()
    return 1


def made() -> Any:
    """The application, with its task."""
    url = os.environ[URL]
    app = import_module("celery").Celery("bench", broker=url, backend=url)
    app.conf.update(worker_prefetch_multiplier=64, worker_enable_remote_control=False)
    app.task(noop, name="noop")
    app.finalize()
    return app


PEER = Celery
