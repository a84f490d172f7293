"""taskiq with its stream broker."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any
from uuid import uuid4

from bench.compare.peers.base import CONCURRENCY, URL, Peer, Step, hand_on
from bench.compare.shapes import Shape
from bench.compare.stamps import stamp


class Taskiq(Peer):
    """One worker process of its command line."""

    name = "taskiq"
    setting = (
        "stream broker, 1 worker process, 64 async tasks; chains by taskiq-pipelines, fans by hand"
    )
    packages = (
        "taskiq[uv]==0.13.0",
        "taskiq-redis==1.2.4",
        "taskiq-pipelines==0.1.4",
        "hiredis==3.5.0",
    )
    drain = 8_000

    def work(self) -> None:
        options = ["worker", "--workers", "1", "--max-async-tasks", str(CONCURRENCY)]
        program = [sys.executable, "-m", "taskiq", *options, "--log-level", "WARNING"]
        os.execv(sys.executable, [*program, f"{__name__}:broker"])

    async def open(self) -> None:
        self._broker = made()
        await self._broker.startup()
        self._noop = self._broker.find_task("noop")

    async def close(self) -> None:
        await self._broker.shutdown()

    async def add(self) -> Any:
        return await self._noop.kiq()

    async def add_many(self, count: int) -> None:
        for first in range(0, count, 100):
            await asyncio.gather(*(self.add() for _ in range(min(100, count - first))))

    async def result(self, job: Any) -> None:
        await job.wait_result(check_interval=0.001, timeout=30)

    async def start(self, shape: Shape, count: int) -> None:
        if shape.kind == "fan":
            by_hand = self._broker.find_task("by_hand")
            for _ in range(count):
                await by_hand.kiq(str(shape), uuid4().hex, 0)
            return
        step = self._broker.find_task("step")
        for _ in range(count):
            pipeline = import_module("taskiq_pipelines").Pipeline(self._broker, step)
            for _ in range(shape.steps - 1):
                pipeline = pipeline.call_next(step)
            await pipeline.kiq(1)


async def noop() -> int:
    """A task that does nothing."""
    stamp()
    return 1


async def step(value: int) -> int:
    """A task that hands its value on."""
    stamp()
    return value


def made() -> Any:
    """The broker, with its tasks."""
    client = import_module("redis.asyncio").Redis.from_url(os.environ[URL])

    async def by_hand(text: str, run: str, number: int) -> None:
        stamp()
        await hand_on((text, run, number), client.incr, hand)

    async def hand(steps: Sequence[Step]) -> None:
        for first in range(0, len(steps), 100):
            part = steps[first : first + 100]
            await asyncio.gather(*(task.kiq(*one) for one in part))

    found = import_module("taskiq_redis")
    url = os.environ[URL]
    broker = found.RedisStreamBroker(url).with_result_backend(found.RedisAsyncResultBackend(url))
    broker = broker.with_middlewares(import_module("taskiq_pipelines").PipelineMiddleware())
    broker.register_task(noop, task_name="noop")
    broker.register_task(step, task_name="step")
    task = broker.register_task(by_hand, task_name="by_hand")
    return broker


def __getattr__(name: str) -> Any:
    """`broker`, which the command line imports by name, made only there."""
    if name == "broker":
        return made()
    raise AttributeError(name)


PEER = Taskiq
