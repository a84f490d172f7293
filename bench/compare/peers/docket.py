"""pydocket: a stream, two scripts a task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import uuid4

from bench.compare import loops
from bench.compare.peers.base import CONCURRENCY, Peer, Step, hand_on
from bench.compare.shapes import Shape
from bench.compare.stamps import stamp


class Docket(Peer):
    """One asynchronous worker."""

    name = "docket"
    setting = (
        "64 concurrent, uvloop, minimum_check_interval 10 ms (250 ms by default); graphs by hand"
    )
    packages = ("pydocket==0.27.0", "uvloop==0.23.0", "hiredis==3.5.0")
    drain = 8_000

    def work(self) -> None:
        loops.run(self._work())

    async def _work(self) -> None:
        await self.open()
        worker = import_module("docket").Worker(
            self._docket,
            concurrency=CONCURRENCY,
            minimum_check_interval=timedelta(milliseconds=10),
        )
        async with worker:
            await worker.run_forever()

    async def open(self) -> None:
        async def step(text: str, run: str, number: int) -> None:
            stamp()
            await hand_on((text, run, number), self._client.incr, self._hand)

        self._step = step
        self._client = import_module("redis.asyncio").Redis.from_url(self.url)
        self._docket = import_module("docket").Docket(name="bench", url=self.url)
        await self._docket.__aenter__()
        self._docket.register(noop)
        self._docket.register(step)

    async def close(self) -> None:
        await self._docket.__aexit__(None, None, None)
        await self._client.aclose()

    async def add(self) -> Any:
        return await self._docket.add(noop)()

    async def add_many(self, count: int) -> None:
        await self._docket.add_many([self._docket.call(noop)() for _ in range(count)])

    async def result(self, job: Any) -> None:
        await job.get_result(timeout=timedelta(seconds=30))

    async def start(self, shape: Shape, count: int) -> None:
        await self._hand([(str(shape), uuid4().hex, 0) for _ in range(count)])

    async def _hand(self, steps: Sequence[Step]) -> None:
        await self._docket.add_many([self._docket.call(self._step)(*step) for step in steps])


async def noop() -> int:
    """A task that does nothing."""
    stamp()
    return 1


PEER = Docket
