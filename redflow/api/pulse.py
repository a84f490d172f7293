"""Notices within a second that Redis has gone, so that no request waits longer than that.

A client repeats an unanswered call for 5 seconds, which is right for a producer and too long for a
load balancer. While requests come in, Redis is asked for a sign of life; once it gives none, what
waits is ended and what comes is refused at once, until Redis answers again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redflow.errors import StoreError, Unavailable

T = TypeVar("T")

BEAT = 0.3
PATIENCE = 0.3
TRIES = 2
"""Signs that have to be missing: a loop that was busy for a moment is no outage."""
IDLE = 5.0

Ask = Callable[[], Awaitable[object]]


class Pulse:
    """Watches one server while requests are served; `ask` raises StoreError or takes too long."""

    def __init__(self, ask: Ask, *, beat: float = BEAT, patience: float = PATIENCE) -> None:
        self._ask = ask
        self._beat = beat
        self._patience = patience
        self._down = False
        self._limits: set[asyncio.Timeout] = set()
        self._task: asyncio.Task[None] | None = None
        self._seen = 0.0

    @property
    def down(self) -> bool:
        """Whether Redis gave no sign of life when last asked."""
        return self._down

    async def watched(self, work: Awaitable[T]) -> T:
        """Await work, but no longer than Redis is there; raises Unavailable."""
        self._live()
        if self._down:
            if asyncio.iscoroutine(work):
                work.close()
            raise gone(ambiguous=False)
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._limits.add(limit)
                return await work
        except TimeoutError:
            if limit.expired():
                raise gone(ambiguous=True) from None
            raise
        finally:
            self._limits.discard(limit)

    async def close(self) -> None:
        """Stop watching."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _live(self) -> None:
        loop = asyncio.get_running_loop()
        self._seen = loop.time()
        task = self._task
        if task is None or task.done() or task.get_loop() is not loop:
            self._task = asyncio.create_task(self._watch(), name="redflow-pulse")

    async def _watch(self) -> None:
        """Look on until nothing was asked for a while; an outage is watched to its end."""
        loop = asyncio.get_running_loop()
        while self._down or self._limits or loop.time() - self._seen < IDLE:
            self._down = not await self._answers()
            if self._down:
                for limit in list(self._limits):
                    limit.reschedule(loop.time())
            await asyncio.sleep(self._beat)

    async def _answers(self) -> bool:
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(self._patience):
                    await self._ask()
                return True
            except Unavailable:
                return False
            except StoreError:
                return True  # it answers, if only to refuse
            except TimeoutError:
                continue
        return False


def gone(*, ambiguous: bool) -> Unavailable:
    """Return the error of a request that Redis cannot be asked."""
    hint = "it was not done; try again"
    if ambiguous:
        hint = "it may have been done: repeat it with the same id or Idempotency-Key"
    return Unavailable("Redis gives no sign of life", ambiguous=ambiguous, hint=hint)
