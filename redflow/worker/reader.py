"""The blocking read of an idle worker: one group read over all partitions."""

from __future__ import annotations

import asyncio
import logging

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
        self._streams: dict[str, tuple[PartitionKeys, str]] = {
            partition.ready(queue): (partition, queue)
            for partition in self._partitions
            for queue in shared.settings.queues
        }
        self._looked_at = 0
        self.outage = Outage("blocking read")
        self.turns = 0

    async def run(self) -> None:
        """Read until cancelled."""
        await self._pump.informed.wait()
        while True:
            self.turns += 1
            if self._lost_reply():
                await self._adopt()
            if not self._pump.room():
                await asyncio.sleep(PROBE)
                self._look_on()
            elif self._pump.busy:
                await asyncio.sleep(PROBE)
                await self._probe()
            else:
                await self._read(self._pump.room(), round(self._settings.interval * 1000))

    async def unheard(self) -> list[Held]:
        """Steps claimed for this worker of which it has not heard; no call is made meanwhile."""
        await self._pump.pause()
        try:
            return await read_unheard(self._shared, self._attempts.claims)
        finally:
            self._pump.resume()

    def _lost_reply(self) -> bool:
        others = self._pump.outage
        return self.outage.lost_reply or (others.lost_reply and not others.active)

    async def _adopt(self) -> None:
        """Take over what a lost reply has claimed."""
        self.outage.lost_reply = self._pump.outage.lost_reply = False
        try:
            found = await self.unheard()
        except StoreError as error:
            await self._failed(error)
            return
        self.outage.over()
        for held in found:
            self._accept(held)
        if found:
            LOGGER.warning("adopted %d steps whose claim was answered but not heard", len(found))

    async def _probe(self) -> None:
        """Find partitions that got work while others kept the worker busy."""
        room = self._pump.room()
        if room >= len(self._streams):
            await self._read(room, 0)
        else:
            self._look_on()

    def _look_on(self) -> None:
        """Have the next partitions asked in their turn: they get the next slots that are free."""
        for _ in range(min(LOOKS, len(self._partitions))):
            self._looked_at = (self._looked_at + 1) % len(self._partitions)
            self._pump.look(self._looked_at)
        self._pump.wake()

    async def _read(self, room: int, block_ms: int) -> None:
        open_queues = self._pump.open_queues
        streams = [name for name, (_, queue) in self._streams.items() if queue in open_queues]
        # COUNT is per stream: all together may win a little more than there is room for.
        count = max(1, min(self._settings.batch, room // len(streams)))
        try:
            found = await self._driver.read_group(
                streams,
                group="workers",
                consumer=self._settings.worker_id,
                count=count,
                block_ms=block_ms,
            )
        except StoreError as error:
            await self._failed(error)
            return
        self.outage.over()
        for stream, entries in found:
            partition, queue = self._streams[stream]
            for token, fields in entries:
                self._take(partition, queue, token.decode(), fields)
            if len(entries) >= count:
                self._pump.look(partition.number)

    async def _failed(self, error: StoreError) -> None:
        if lost_groups(error):
            await self._sweeper.restore_groups()
        self.outage.lost_reply = True
        await self.outage.wait(error)

    def _take(self, partition: PartitionKeys, queue: str, token: str, fields: list[bytes]) -> None:
        held = held_of(partition, queue, token, fields[1], now_ms=self._clock.now())
        if held is not None:
            self._accept(held)

    def _accept(self, held: Held) -> None:
        """Run a step, or give it back: its queue may have been paused while the read waited."""
        if held.queue in self._pump.open_queues:
            self._attempts.accept(held)
        else:
            self._attempts.give_back(held)
