"""redflow, with events, metrics and logs on."""

from __future__ import annotations

from typing import Any

from bench.compare.peers.base import ASYNC_MODES, SyncPeer
from bench.compare.shapes import SINGLE, Shape
from bench.compare.stamps import stamp
from redflow import Client, Engine, Metrics, Workflow
from redflow.cli.serve import serve
from redflow.logs import configure


class Redflow(SyncPeer):
    """Ours: runs in the environment of the bench."""

    name = "redflow"
    setting = "16 partitions, 256 slots, events, metrics and logs (INFO) on; graphs are workflows"
    modes = ("sync", *ASYNC_MODES)
    drain = 60_000
    capped = (":events", ":done")

    def work(self) -> None:
        configure(level="INFO")
        serve(self._engine(), {"concurrency": 256})

    def _engine(self) -> Engine:
        engine = Engine(self.url, metrics=Metrics())
        engine.registry.register_function("noop", noop)
        return engine

    async def open(self) -> None:
        self._client = self._engine()
        self._blocking = Client(self.url)
        self._known: set[Shape] = set()
        await self._declare(SINGLE)

    async def close(self) -> None:
        self._blocking.close()
        await self._client.close()

    def add_sync(self) -> Any:
        return self._blocking.execute(_id(SINGLE))

    async def add(self) -> Any:
        return await self._client.execute(_id(SINGLE))

    async def add_many(self, count: int) -> None:
        await self._many(SINGLE, count)

    async def result(self, job: Any) -> None:
        await job.result(timeout=30)

    async def start(self, shape: Shape, count: int) -> None:
        await self._declare(shape)
        await self._many(shape, count)

    async def _many(self, shape: Shape, count: int) -> None:
        for first in range(0, count, 1000):
            await self._client.execute_many(_id(shape), [None] * min(1000, count - first))

    async def _declare(self, shape: Shape) -> None:
        if shape in self._known:
            return
        builder = Workflow.builder(_id(shape))
        for step in range(shape.steps):
            builder.add_node(f"n{step}", "function", function="noop")
        for step in range(shape.steps):
            for child in shape.after(step):
                builder.connect(f"n{step}", f"n{child}")
        await self._client.register_workflow(builder.build())
        self._known.add(shape)


async def noop(value: Any) -> dict[str, Any]:
    """A step that does nothing."""
    stamp()
    return {"ok": True, "n": 1}


def _id(shape: Shape) -> str:
    return f"{shape.kind}{shape.size}"


PEER = Redflow
