"""Dramatiq: threads, one script an acknowledgement."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from bench.compare.peers.base import URL, BlockingPeer
from bench.compare.shapes import Shape
from bench.compare.stamps import stamp


class Dramatiq(BlockingPeer):
    """One worker process of its command line."""

    name = "dramatiq"
    setting = "1 process, 8 threads, results kept; pipelines, and groups with a callback"
    packages = ("dramatiq[redis]==2.2.1", "hiredis==3.5.0")
    drain = 6_000

    def work(self) -> None:
        options = ["--processes", "1", "--threads", "8"]
        os.execv(sys.executable, [sys.executable, "-m", "dramatiq", f"{__name__}:broker", *options])

    async def open(self) -> None:
        self._broker = made()
        self._noop = self._broker.get_actor("noop")

    async def close(self) -> None:
        self._broker.close()

    def add_sync(self) -> Any:
        return self._noop.send()

    async def add_many(self, count: int) -> None:
        import_module("dramatiq").group([self._noop.message() for _ in range(count)]).run()

    async def result(self, job: Any) -> None:
        job.get_result(block=True, timeout=30_000)

    async def start(self, shape: Shape, count: int) -> None:
        dramatiq = import_module("dramatiq")
        for _ in range(count):
            if shape.kind == "chain":
                dramatiq.pipeline([self._noop.message() for _ in range(shape.steps)]).run()
            else:
                self._broker.get_actor("head").send(shape.size)


def made() -> Any:
    """The broker, with its actors."""
    dramatiq = import_module("dramatiq")
    redis = import_module("dramatiq.brokers.redis")
    url = os.environ[URL]
    broker = redis.RedisBroker(url=url)
    backend = import_module("dramatiq.results.backends").RedisBackend(url=url)
    broker.add_middleware(import_module("dramatiq.results").Results(backend=backend))
    rates = import_module("dramatiq.rate_limits.backends").RedisBackend(url=url)
    broker.add_middleware(import_module("dramatiq.middleware").GroupCallbacks(rates))
    dramatiq.set_broker(broker)

    def noop(*_: Any) -> int:
        stamp()
        return 1

    def head(width: int) -> int:
        stamp()
        group = dramatiq.group([actor.message() for _ in range(width)])
        group.add_completion_callback(actor.message())
        group.run()
        return 1

    actor = dramatiq.actor(noop, actor_name="noop", store_results=True)
    dramatiq.actor(head, actor_name="head", store_results=True)
    return broker


def __getattr__(name: str) -> Any:
    """`broker`, which the command line imports by name, made only there."""
    if name == "broker":
        return made()
    raise AttributeError(name)


PEER = Dramatiq
