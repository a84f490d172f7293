"""Timers this worker has set: fired by itself when they are due, whoever sweeps the partition."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from redflow.errors import StoreError
from redflow.store.keys import PartitionKeys
from redflow.worker.outage import Outage
from redflow.worker.shared import Shared

LOGGER = logging.getLogger("redflow.worker")

MOST = 10_000
"""Timers remembered; those beyond are left to sweeps."""

Entry = tuple[int, int, str]
"""When a timer is due (ms), its partition, its member."""

Promote = Callable[[PartitionKeys, Sequence[str]], Awaitable[int]]


class Timers:
    """What this worker has parked, by due time; firing is idempotent, so a sweep may be first."""

    def __init__(
        self,
        shared: Shared,
        promote: Promote,
        leave_to_sweep: Callable[[int], None],
        look: Callable[[int], None],
    ) -> None:
        """`look` has a partition asked for work: what was fired there is ready now."""
        self._partitions = list(shared.space.keys)
        self._clock = shared.clock
        self._promote = promote
        self._leave_to_sweep = leave_to_sweep
        self._look = look
        self._soon = asyncio.Event()
        self._heap: list[Entry] = []
        self.outage = Outage("timers")

    def park(self, partition: PartitionKeys, due: int, member: str) -> None:
        """Fire a member of a partition's timers at `due` ms."""
        if len(self._heap) >= MOST:
            self._leave_to_sweep(due)
            return
        heapq.heappush(self._heap, (due, partition.number, member))
        if self._heap[0][2] == member:
            self._soon.set()

    async def run(self) -> None:
        """Fire until cancelled."""
        while True:
            await self._fire_due()
            # Not wait_for: on Python 3.11 it swallows a cancel that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rest()):
                    await self._soon.wait()
            self._soon.clear()

    def _rest(self) -> float | None:
        """Seconds until the next is due; a millisecond more, for Redis' clock has no fractions."""
        if not self._heap:
            return None
        return max(0.0, (self._heap[0][0] + 1 - self._clock.now()) / 1000)

    async def _fire_due(self) -> None:
        """Fire what is due, partition by partition; an outage is waited out."""
        due = self._take_due()
        while due:
            number, entries = due.popitem()
            try:
                await self._promote(self._partitions[number], [entry[2] for entry in entries])
            except StoreError as error:
                due[number] = entries
                await self.outage.wait(error)
            except Exception:  # what cannot be read here is left to the sweep
                LOGGER.exception("timers of partition %d could not be fired", number)
            else:
                self.outage.over()
                self._look(number)

    def _take_due(self) -> dict[int, list[Entry]]:
        now, due = self._clock.now(), dict[int, list[Entry]]()
        while self._heap and self._heap[0][0] < now:
            entry = heapq.heappop(self._heap)
            due.setdefault(entry[1], []).append(entry)
        return due
