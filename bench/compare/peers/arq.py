"""arq: a sorted set that is polled."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any
from uuid import uuid4

from bench.compare import loops
from bench.compare.peers.base import CONCURRENCY, Peer, Step, hand_on
from bench.compare.shapes import Shape
from bench.compare.stamps import stamp

POLL = 0.01


class Arq(Peer):
    """One asynchronous worker."""

    name = "arq"
    setting = "64 concurrent, uvloop, poll_delay 10 ms (500 ms by default); graphs by hand"
    packages = ("arq==0.28.0", "uvloop==0.23.0", "hiredis==3.5.0")
    drain = 8_000

    def work(self) -> None:
        loops.run(self._work())

    async def _work(self) -> None:
        await self.open()

        async def step(_: Any, text: str, run: str, number: int) -> None:
            stamp()
            await hand_on((text, run, number), self._pool.incr, self._hand)

        worker = import_module("arq").Worker(
            functions=[noop, import_module("arq.worker").func(step, name="step")],
            redis_pool=self._pool,
            max_jobs=CONCURRENCY,
            poll_delay=POLL,
            handle_signals=False,
        )
        await worker.main()

    async def open(self) -> None:
        settings = import_module("arq.connections").RedisSettings.from_dsn(self.url)
        self._pool = await import_module("arq").create_pool(settings)

    async def close(self) -> None:
        await self._pool.aclose()

    async def add(self) -> Any:
        return await self._pool.enqueue_job("noop")

    async def add_many(self, count: int) -> None:
        for first in range(0, count, 100):
            await asyncio.gather(*(self.add() for _ in range(min(100, count - first))))

    async def result(self, job: Any) -> None:
        await job.result(timeout=30, poll_delay=0.001)

    async def start(self, shape: Shape, count: int) -> None:
        await self._hand([(str(shape), uuid4().hex, 0) for _ in range(count)])

    async def _hand(self, steps: Sequence[Step]) -> None:
        for first in range(0, len(steps), 100):
            part = steps[first : first + 100]
            await asyncio.gather(*(self._pool.enqueue_job("step", *step) for step in part))


async def noop(_: Any) -> int:
    """A task that does nothing."""
    stamp()
    return 1


PEER = Arq
