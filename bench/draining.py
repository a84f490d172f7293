"""Runs workers in this process, knows without asking Redis how far they are, and takes the cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bench.measuring import ORDER, SLOTS, Mark, Step, cost, mark, new_engine, noop, start_executions
from redflow import Crypto, Metrics


class Reached:
    """A count that can be waited for."""

    def __init__(self) -> None:
        self.count = 0
        self._wanted = 0
        self._event = asyncio.Event()

    def add(self, more: int) -> None:
        """Count so many."""
        self.count += more
        if self.count >= self._wanted:
            self._event.set()

    async def reach(self, wanted: int) -> None:
        """Wait until so many are counted in all."""
        self._wanted = wanted
        if self.count < wanted:
            self._event.clear()
            await self._event.wait()


class _CountingMetrics(Metrics):
    """Tells how many executions have ended, when a worker of this process hears it."""

    def __init__(self, ended: Reached) -> None:
        super().__init__()
        self._ended = ended

    def count_ended(self, namespace: str, workflow: str, letter: str, count: int = 1) -> None:
        super().count_ended(namespace, workflow, letter, count)
        self._ended.add(count)


class Ground:
    """An engine whose steps and executions are counted, and what was spent in it."""

    def __init__(self, url: str, step: Step = noop, crypto: Crypto | None = None) -> None:
        self.begun, self.ended = Reached(), Reached()

        async def counted(value: Any) -> Any:
            self.begun.add(1)
            return await step(value)

        self.engine = new_engine(url, counted, _CountingMetrics(self.ended), crypto)
        self._started = 0
        self._spent: list[tuple[Mark, Mark, int]] = []

    async def run(self, workflow: str, executions: int, value: Any = ORDER) -> None:
        """Start executions and let a worker end them; only the worker's part is in the cost."""
        await self.start(workflow, executions, value)
        await self.drain(self.settle)

    async def start(self, workflow: str, executions: int, value: Any = ORDER) -> None:
        """Start executions, many in a call."""
        await start_executions(self.engine, workflow, executions, value)
        self._started += executions

    async def settle(self) -> None:
        """Wait until everything that was started has ended."""
        await self.ended.reach(self._started)

    async def drain(self, done: Callable[[], Awaitable[None]]) -> None:
        """Let a worker run until `done`, and add what that has cost."""
        async with self.engine.worker(concurrency=SLOTS):
            await self.spend(done)

    async def spend(self, work: Callable[[], Awaitable[None]]) -> None:
        """Add what everything has cost while `work` ran."""
        before, begun = await mark(self.engine), self.begun.count
        await work()
        self._spent.append((before, await mark(self.engine), self.begun.count - begun))

    def cost(self) -> dict[str, float]:
        """What a step has cost, over all that was spent since the last call."""
        spent, self._spent = self._spent, []
        parts = [(cost(first, last, count), count) for first, last, count in spent]
        steps = sum(count for _, count in parts)
        seconds = sum(count / part["steps/s"] for part, count in parts)
        names = [name for name in parts[0][0] if name != "steps/s"]
        means = {name: sum(part[name] * count for part, count in parts) / steps for name in names}
        return {"steps/s": steps / seconds, **means}
