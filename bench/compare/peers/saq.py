"""SAQ: lists and sorted sets, results told by publish and subscribe."""

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


class Saq(Peer):
    """One asynchronous worker."""

    name = "saq"
    setting = "64 concurrent, uvloop; graphs by hand: a task starts what follows on it"
    packages = ("saq[redis,hiredis]==0.26.4", "typing-extensions==4.16.0", "uvloop==0.23.0")
    drain = 8_000

    def work(self) -> None:
        loops.run(self._work())

    async def _work(self) -> None:
        await self.open()

        async def step(_: Any, text: str, run: str, number: int) -> None:
            stamp()
            await hand_on((text, run, number), self._queue.redis.incr, self._hand)

        worker = import_module("saq").Worker(
            self._queue, [noop, ("step", step)], concurrency=CONCURRENCY
        )
        await worker.start()

    async def open(self) -> None:
        self._queue = import_module("saq").Queue.from_url(self.url)
        await self._queue.connect()

    async def close(self) -> None:
        await self._queue.disconnect()

    async def add(self) -> Any:
        return await self._queue.enqueue("noop")

    async def add_many(self, count: int) -> None:
        for first in range(0, count, 100):
            await asyncio.gather(*(self.add() for _ in range(min(100, count - first))))

    async def result(self, job: Any) -> None:
        await job.refresh(until_complete=30)

    async def start(self, shape: Shape, count: int) -> None:
        await self._hand([(str(shape), uuid4().hex, 0) for _ in range(count)])

    async def _hand(self, steps: Sequence[Step]) -> None:
        for first in range(0, len(steps), 100):
            await asyncio.gather(*map(self._add_step, steps[first : first + 100]))

    async def _add_step(self, step: Step) -> None:
        text, run, number = step
        await self._queue.enqueue("step", text=text, run=run, number=number)


async def noop(_: Any) -> int:
    """A task that does nothing."""
    stamp()
    return 1


PEER = Saq
