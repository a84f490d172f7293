"""The audit: whoever sweeps a partition goes slowly through what is unfinished and mends it."""

from __future__ import annotations

import asyncio
import logging
import random
import time

from redflow.driver.each import is_spread
from redflow.errors import StoreError
from redflow.store.auditor import Auditor
from redflow.store.census import Census
from redflow.store.keys import PartitionKeys
from redflow.store.questions import Questions, next_of
from redflow.store.report import Lost
from redflow.worker.outage import Outage
from redflow.worker.shared import Shared
from redflow.worker.sweeper import Sweeper

LOGGER = logging.getLogger("redflow.worker")

EVERY, SOONEST = 90.0, 0.9
"""Seconds of a round over all partitions, and the least share of it. A round asks one question of
each partition, and more only where something is unfinished.
"""


class Audit:
    """Mends what is unfinished, in partitions that this worker sweeps."""

    def __init__(self, shared: Shared, sweeper: Sweeper) -> None:
        self._driver = shared.driver
        self._space = shared.space
        self._settings = shared.settings
        self._plans = shared.plans
        self._sweeper = sweeper
        self._namespace = shared.space.keys.namespace
        self._counter = shared.metrics.orphans
        self._lost: dict[int, dict[Lost, float]] = {}
        self._said: set[str] = set()
        self.outage = Outage("audit")
        self.repaired = 0

    async def run(self) -> None:
        """Audit until cancelled, partition by partition, evenly over the time of a round."""
        if self._settings.audit is None:
            return
        partitions = list(self._space.keys)
        random.shuffle(partitions)
        while True:
            for partition in partitions:
                await asyncio.sleep(EVERY * random.uniform(SOONEST, 1.0) / len(partitions))
                try:
                    await self.look_at(partition)
                    await self.mend_lost()
                    self.outage.over()
                except StoreError as error:
                    await self.outage.wait(error)
                except Exception:  # what cannot be read here must not end all audits
                    LOGGER.exception("audit failed")

    async def look_at(self, partition: PartitionKeys) -> None:
        """Audit one partition, if this worker sweeps it."""
        auditor = self._auditor(partition)
        try:
            await self._ask(auditor.walk_unfinished(self._settings.worker_id))
            if any(one.where == "key live" for one in auditor.report.findings):
                await self._search(auditor)
        finally:
            self._take(auditor)

    async def mend_lost(self) -> None:
        """Issue steps again whose tokens were missing a lease ago: nobody runs them any more."""
        now = time.monotonic()
        for number, lost in list(self._lost.items()):
            due = [one for one, seen in lost.items() if now - seen >= self._settings.lease]
            if due:
                auditor = self._auditor(self._space.keys.partition(number))
                await self._ask(auditor.mend_lost(sorted(due)))
                for one in due:
                    del lost[one]
                self._take(auditor)

    async def _search(self, auditor: Auditor) -> None:
        """Find executions by their keys: the index was lost, and some have neither token nor timer.

        A cluster lists the keys of each node for itself; there `redflow fsck` names the rest.
        """
        if not is_spread(self._driver):
            number = auditor.partition.number
            await self._ask(Census(self._space.keys, {number: auditor}).walk(number))

    def _auditor(self, partition: PartitionKeys) -> Auditor:
        return Auditor(self._space, partition, self._sweeper.all_queues(), repair=True)

    async def _ask(self, questions: Questions) -> None:
        """Ask what a generator asks, and rest for the steps that Redis went through."""
        pace = self._settings.audit or float("inf")
        answers = error = None
        while (asked := next_of(questions, answers, error)) is not None:
            answers = error = None
            try:
                answers = await self._driver.run_many(asked.ops)
            except StoreError as refused:
                error = refused
            if asked.steps:
                await asyncio.sleep(asked.steps * 60 / pace)

    def _take(self, auditor: Auditor) -> None:
        """Carry out what came of repairs, and tell of what was found: once of what stays."""
        report, partition = auditor.report, auditor.partition
        if report.orders:
            self._sweeper.carry_out(partition, report.orders)
        self._plans.count_ended(report.ended)
        known = self._lost.setdefault(partition.number, {})
        for lost in report.lost:
            known.setdefault(lost, time.monotonic())
        for one in report.findings:
            if one.repaired:
                self.repaired += 1
                self._counter.labels(self._namespace).inc()
                LOGGER.warning("partition %d: %s; repaired", partition.number, one)
            elif str(one) not in self._said and "has no token" not in one.what:
                self._said.add(str(one))
                LOGGER.error("partition %d: %s; see redflow fsck", partition.number, one)
