"""The blocking read of an idle worker: one over all partitions, where one call may name them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from redflow.errors import StoreError
from redflow.store.keys import PartitionKeys
from redflow.worker.attempts import Attempts
from redflow.worker.claims import Held
from redflow.worker.outage import Outage, lost_groups
from redflow.worker.pump import Pump
from redflow.worker.recovery import held_of, read_unheard
from redflow.worker.shared import Shared
from redflow.worker.sweeper import Sweeper

LOGGER = logging.getLogger("redflow.worker")

PROBE = 0.05
"""Seconds between looks at all partitions while some keep the worker busy."""

LOOKS = 4
"""Partitions asked in turn at each look when there are fewer free slots than partitions."""


class Line:
    """Partitions that one blocking read waits for: all of them, or one of a cluster."""

    def __init__(self, partitions: Sequence[PartitionKeys], queues: Sequence[str]) -> None:
        self.partitions = partitions
        self.streams: dict[str, tuple[PartitionKeys, str]] = {
            partition.ready(queue): (partition, queue)
            for partition in partitions
            for queue in queues
        }
        self.outage = Outage("blocking read")
        self.turned: float | None = None
        """When it last came round; None until it knows which queues are open."""


class Reader:
    """Waits for work on all partitions; while calls find work by themselves it only probes."""

    def __init__(self, shared: Shared, attempts: Attempts, pump: Pump, sweeper: Sweeper) -> None:
        self._shared = shared
        self._driver = shared.driver
        self._settings = shared.settings
        self._attempts = attempts
        self._pump = pump
        self._sweeper = sweeper
        self._clock = shared.clock
        self._partitions = list(shared.space.keys)
        self._lines = [
            Line(group, shared.settings.queues)
            for group in shared.driver.together(self._partitions)
        ]
        self._streams = sum(len(line.streams) for line in self._lines)
        self._looked_at = 0
        self._adopting = asyncio.Lock()
        self.turns = 0

    @property
    def turned(self) -> float | None:
        """When the line that is the furthest behind last came round; None until it has begun."""
        times = [line.turned for line in self._lines]
        return None if None in times else min(time for time in times if time is not None)

    @property
    def outage(self) -> Outage:
        """Of the line that has failed for the longest."""
        return max((line.outage for line in self._lines), key=lambda outage: outage.lasts)

    async def run(self) -> None:
        """Read until cancelled."""
        await self._pump.informed.wait()
        for line in self._lines:
            line.turned = line.turned or time.monotonic()
        first, *others = self._lines
        if not others:
            await self._follow(first)
        try:
            async with asyncio.TaskGroup() as following:
                for line in self._lines:
                    following.create_task(self._follow(line))
        except ExceptionGroup as failed:  # one is told, as where there is one line
            raise failed.exceptions[0] from None

    def lost_reply(self) -> None:
        """Have everything adopted that was claimed for this worker and that it does not hold."""
        for line in self._lines:
            line.outage.lost_reply = True

    async def unheard(self) -> list[Held]:
        """Steps claimed for this worker of which it has not heard; no call is made meanwhile."""
        return await self._unheard(self._partitions)

    async def _unheard(self, partitions: Sequence[PartitionKeys]) -> list[Held]:
        async with self._adopting:  # each ends the pause of the pump, for itself alone
            try:
                await self._pump.pause()  # cancelled in this wait, too, it has to be taken back
                return await read_unheard(self._shared, self._attempts.claims, partitions)
            finally:
                self._pump.resume()

    async def _follow(self, line: Line) -> None:
        while True:
            self.turns += 1
            await self._turn(line)
            line.turned = time.monotonic()

    async def _turn(self, line: Line) -> None:
        others = self._pump.outage
        if others.lost_reply and not others.active:
            others.lost_reply = False
            self.lost_reply()
        if line.outage.lost_reply:
            await self._adopt(line)
        if not self._pump.room():
            await asyncio.sleep(PROBE)
            self._look_on(line)
        elif self._pump.busy:
            if not await self._pump.drained(PROBE):
                await self._probe(line)
        else:
            await self._read(line, self._pump.room(), round(self._settings.interval * 1000))

    async def _adopt(self, line: Line) -> None:
        """Take over what a lost reply has claimed."""
        line.outage.lost_reply = False
        try:
            found = await self._unheard(line.partitions)
        except StoreError as error:
            await self._failed(line, error)
            return
        line.outage.over()
        for held in found:
            self._accept(held)
        if found:
            LOGGER.warning("adopted %d steps whose claim was answered but not heard", len(found))

    async def _probe(self, line: Line) -> None:
        """Find partitions that got work while others kept the worker busy."""
        room = self._pump.room()
        if room >= self._streams:
            await self._read(line, room, 0)
        else:
            self._look_on(line)

    def _look_on(self, line: Line) -> None:
        """Have the next partitions asked in their turn: they get the next slots that are free."""
        if line is not self._lines[0]:
            return  # one line looks for all
        for _ in range(min(LOOKS, len(self._partitions))):
            self._looked_at = (self._looked_at + 1) % len(self._partitions)
            self._pump.look(self._looked_at)
        self._pump.wake()

    async def _read(self, line: Line, room: int, block_ms: int) -> None:
        open_queues = self._pump.open_queues
        streams = [name for name, (_, queue) in line.streams.items() if queue in open_queues]
        # COUNT is per stream: all together may win a little more than there is room for.
        share = len(streams) * len(self._lines)
        count = max(1, min(self._settings.batch, room // share))
        try:
            found = await self._driver.read_group(
                streams,
                group="workers",
                consumer=self._settings.worker_id,
                count=count,
                block_ms=block_ms,
            )
        except StoreError as error:
            await self._failed(line, error)
            return
        line.outage.over()
        for stream, entries in found:
            partition, queue = line.streams[stream]
            for token, fields in entries:
                self._take(partition, queue, token.decode(), fields)
            if len(entries) >= count:
                self._pump.look(partition.number)

    async def _failed(self, line: Line, error: StoreError) -> None:
        if lost_groups(error):
            await self._sweeper.restore_groups()
        line.outage.lost_reply = True
        await line.outage.wait(error)

    def _take(self, partition: PartitionKeys, queue: str, token: str, fields: list[bytes]) -> None:
        held = held_of(partition, queue, token, fields[1], now_ms=self._clock.now())
        if held is not None:
            self._accept(held)

    def _accept(self, held: Held) -> None:
        """Run a step, or give it back: while the read waited its queue may have been paused, or the
        worker told to stop.
        """
        if self._pump.accepting and held.queue in self._pump.open_queues:
            self._attempts.accept(held)
        else:
            self._attempts.give_back(held)
