"""Retention: executions that ended long enough ago are removed, their payloads, and names of dead
workers.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Sequence

from redflow.errors import StoreError
from redflow.payloads.payloads import Payloads
from redflow.store.explaining import read_workers
from redflow.store.keys import PartitionKeys
from redflow.store.reruns import purge_executions
from redflow.store.steps import read_fields
from redflow.store.sweeps import read_expired, read_sweeper
from redflow.store.workers import forget_workers
from redflow.worker.outage import Outage
from redflow.worker.payloads import sweep
from redflow.worker.shared import Shared
from redflow.worker.sweeper import Sweeper

LOGGER = logging.getLogger("redflow.worker")

EVERY, SOONEST = 180.0, 0.75
"""Seconds between two rounds, and the least share of it: nobody waits for what is removed, and a
round asks five questions of each partition, and one of each queue.
"""

PAGE = 100
"""Executions removed by one call."""

SWEEP_EVERY = 3600.0
"""Seconds between two sweeps of the payload store, which is listed as a whole."""


class Retention:
    """Removes what is old, in partitions that this worker sweeps."""

    def __init__(self, shared: Shared, sweeper: Sweeper) -> None:
        self._driver = shared.driver
        self._space = shared.space
        self._settings = shared.settings
        self._clock = shared.clock
        completed, others = shared.settings.retention_completed, shared.settings.retention_others
        self._kept = {"completed": completed, "failed": others, "cancelled": others}
        self.outage = Outage("retention")
        self._sweeper = sweeper
        self._payloads = shared.values.payloads
        self._swept = float("-inf")
        self.purged = 0
        self.forgotten = 0
        self.swept = 0

    async def run(self) -> None:
        """Remove until cancelled; workers that started together do it one after the other."""
        while True:
            await asyncio.sleep(EVERY * random.uniform(SOONEST, 1.0))
            try:
                await self.purge()
                self.outage.over()
            except StoreError as error:
                await self.outage.wait(error)
            except Exception:  # what one round cannot read must not end them all
                LOGGER.exception("retention failed")

    async def purge(self) -> None:
        """One round over all partitions."""
        partitions = list(self._space.keys)
        holders = await self._driver.run_many([read_sweeper(one) for one in partitions])
        held = [
            partition
            for partition, holder in zip(partitions, holders, strict=True)
            if holder == self._settings.worker_id
        ]
        for partition in held:
            await self._purge(partition)
        await self._forget(held)
        if partitions[0] in held and self._payloads is not None:
            await self._sweep_payloads(self._payloads)

    async def _sweep_payloads(self, payloads: Payloads) -> None:
        """Remove payloads of purged executions; one worker does it, who sweeps partition 0."""
        if time.monotonic() - self._swept >= SWEEP_EVERY:
            self.swept += await sweep(self._driver, self._space, payloads)
            self._swept = time.monotonic()

    async def _forget(self, partitions: Sequence[PartitionKeys]) -> None:
        """Remove consumers of dead workers: with every restart there is another one."""
        if not partitions:
            return
        queues = self._sweeper.all_queues()
        beats = await self._driver.run_many([read_workers(self._space, q) for q in queues])
        ops = [
            forget_workers(
                self._space,
                partition,
                queues=queues,
                alive=sorted(set().union(*beats)),
                idle=round(self._settings.lease * 1000),
            )
            for partition in partitions
        ]
        self.forgotten += sum(await self._driver.run_many(ops))

    async def _purge(self, partition: PartitionKeys) -> None:
        now = self._clock.now()
        limits = {
            index: now - round(kept * 1000)
            for index, kept in self._kept.items()
            if kept is not None
        }
        for index, before in limits.items():
            passed, more = 0, True
            while more:
                ids = await self._driver.run(
                    read_expired(partition, index, before=before, offset=passed, count=PAGE)
                )
                words = await self._purge_page(partition, ids, limits) if ids else []
                gone = words.count("purged")
                self.purged += gone
                passed += len(words) - gone  # still in the index: what another one has to let go
                more = len(ids) == PAGE

    async def _purge_page(
        self, partition: PartitionKeys, ids: list[str], limits: dict[str, int]
    ) -> list[str]:
        found = await self._driver.run_many(
            [read_fields(partition, one, ["parent"]) for one in ids]
        )
        parents = [(parent or b"").decode().partition(" ")[0] for (parent,) in found]
        op = purge_executions(
            self._space,
            partition,
            executions=list(zip(ids, parents, strict=True)),
            completed_before=limits.get("completed", 0),
            others_before=limits.get("failed", 0),
        )
        return await self._driver.run(op)
