"""Sweeps: due timers, ticks of schedules, orders and lost leases are dealt with; any worker may."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec

from redflow.driver.each import async_each
from redflow.errors import NotFound, StoreError
from redflow.model import codec
from redflow.model.outcome import ErrorInfo, OutcomeReason
from redflow.store import sweeps
from redflow.store.keys import PartitionKeys
from redflow.store.op import Word
from redflow.store.sweeps import owner_of
from redflow.store.workflows import put_partition
from redflow.worker.outage import Outage, is_refusal, lost_groups
from redflow.worker.settings import WorkerSettings
from redflow.worker.shared import Shared
from redflow.worker.ticker import Ticker

LOGGER = logging.getLogger("redflow.worker")

T = TypeVar("T")
"""A word for each item, and the orders that came of them."""

LEASE_SHARE, PERIOD_SHARE = 0.6, 0.4
"""Of `sweep`: how long a worker may keep a partition to itself, and how often it sweeps. Together
they are one sweep, so a dead sweeper delays nothing by more than that."""

GAP_SWEEPS, LONGEST_GAP_SWEEPS, GAP_LEASE_SHARE = 1.5, 3.0, 1 / 3
"""Of `sweep` and of `lease`: how long nobody sweeps until that counts as an outage, after which no
lease is taken over for one lease, since workers could not renew theirs. A sweeper that dies leaves
a gap of one sweep, which is none. What is shorter than the gap must leave enough of every lease: a
beat may have been due when it began, and takes some seconds to get through when it is over.
"""

PAGE = 100
"""Timers and schedules of a partition and tokens of a queue that one call looks at."""

MOST_PAGES = 50
"""Pages in a row before a sweep rests all the same: there are other calls to make."""


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


class Sweeper:
    """Sweeps every partition that no other worker holds."""

    def __init__(self, shared: Shared) -> None:
        self._driver = shared.driver
        self._space = shared.space
        self._settings = shared.settings
        self._plans = shared.plans
        self._counting = shared.counting
        self._clock = shared.clock
        self._soon = asyncio.Event()
        self._orders: list[tuple[PartitionKeys, list[str]]] = []
        self._next_due = 0
        self._sweep_at = 0.0
        self._lost_error = _lost_error(shared.settings.deliveries)
        self._refused: set[str] = set()
        self.ticker = Ticker(shared, self)
        self.outage = Outage("sweep")
        self.queues: list[str] = list(shared.settings.queues)
        """Every queue of the namespace: leases are reclaimed in queues nobody serves, too."""
        self.reclaimed = 0

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            try:
                await self._round()
                self.outage.over()
            except StoreError as error:
                if lost_groups(error):
                    await self.restore_groups()
                await self.outage.wait(error)
            except Exception:  # what one sweep cannot read must not end them all
                LOGGER.exception("sweep failed")
            # Not wait_for: on Python 3.11 it swallows a cancel that comes together with the event.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rest()):
                    await self._soon.wait()
            self._soon.clear()

    def carry_out(self, partition: PartitionKeys, orders: list[str]) -> None:
        """Have orders carried out now; if this worker dies, the next sweep finds them."""
        self._orders.append((partition, orders))
        self._soon.set()

    def due_at(self, milliseconds: int) -> None:
        """A timer was set: sweep when it is due, if that is sooner."""
        if not self._next_due or milliseconds < self._next_due:
            self._next_due = milliseconds
            self._soon.set()

    async def restore_groups(self) -> None:
        """Make lost groups and sentinels again."""
        queues = self.all_queues()
        try:
            await self._driver.run_many(
                [put_partition(self._space, p, queues) for p in self._space.keys]
            )
        except StoreError as error:
            LOGGER.warning("groups could not be made again: %s", error)

    async def sweep(self) -> None:
        """Sweep until nothing is due: list what is, then carry it out partition by partition."""
        for _ in range(MOST_PAGES):
            if not await self._sweep_page():
                return

    async def _sweep_page(self) -> bool:
        """One page of every partition; answers whether another may bring more.

        What fails in one group of partitions does not keep the others from being swept.
        """
        groups, queues = self._driver.together(list(self._space.keys)), self.all_queues()
        listed = await async_each([partial(self._list_due, group, queues) for group in groups])
        found = [
            (group, due)
            for group, due in zip(groups, listed, strict=True)
            if not isinstance(due, StoreError)
        ]
        if found:
            self._next_due = min((due.next_due for _, due in found if due.next_due), default=0)
        swept = await async_each([partial(self._sweep_due, *one, queues) for one in found])
        for outcome in (*listed, *swept):
            if isinstance(outcome, StoreError):
                raise outcome
        return any(swept)

    async def _list_due(
        self, partitions: Sequence[PartitionKeys], queues: Sequence[str]
    ) -> sweeps.Due:
        due = await self._driver.run(
            sweeps.list_due(
                self._space,
                partitions,
                worker=self._settings.worker_id,
                queues=queues,
                lease=_ms(self._settings.lease),
                sweep_lease=_ms(self._settings.sweep * LEASE_SHARE),
                sweep_gap=_ms(sweep_gap(self._settings)),
                records_cap=self._space.limits.events_cap,
                watermark=self._settings.memory_watermark or 0.0,
                limit=PAGE,
            )
        )
        self._clock.set(due.now)
        return due

    async def _sweep_due(
        self, partitions: Sequence[PartitionKeys], due: sweeps.Due, queues: Sequence[str]
    ) -> bool:
        """Carry out what is due; answers whether there may be more."""
        more = False
        for found in due.partitions:
            partition = partitions[found.partition - 1]
            done = await self.promote(partition, found.members)
            done += await self._reclaim(partition, queues, found.tokens)
            done += await self.ticker.fire(partition, found.schedules)
            longest = max(len(found.members), len(found.tokens), len(found.schedules))
            more = more or (done > 0 and longest >= PAGE)
        return more

    def all_queues(self) -> list[str]:
        """Every queue of the namespace, as far as this worker knows."""
        return list(dict.fromkeys((*self._settings.queues, *self.queues, *self._plans.queues)))

    def _rest(self) -> float:
        """Seconds until the next sweep: a timer that is due sooner shortens it."""
        rest = max(0.0, self._sweep_at - time.monotonic())
        if self._next_due:
            rest = min(rest, max(0.0, (self._next_due - self._clock.now()) / 1000))
        return rest

    def _timer_is_due(self) -> bool:
        return 0 < self._next_due <= self._clock.now()

    async def _round(self) -> None:
        while self._orders:
            partition, members = self._orders.pop()
            await self.promote(partition, members)
        if time.monotonic() >= self._sweep_at or self._timer_is_due():
            period = self._settings.sweep * PERIOD_SHARE * random.uniform(0.8, 1.0)
            self._sweep_at = time.monotonic() + period
            await self.sweep()

    # Carrying out

    async def promote(self, partition: PartitionKeys, members: Sequence[str]) -> int:
        """Fire members, and the orders that come of it; answers how many fired."""

        async def send(page: Sequence[str]) -> sweeps.Swept:
            ids = list(dict.fromkeys(owner_of(member) for member in page))
            found = await self._driver.run_many(
                [sweeps.read_plan_hash(partition, execution) for execution in ids]
            )
            plans = await self._readable(partition, [plan for plan in found if plan])
            rows: list[Word] = []
            for member in page:
                rows += (member, ids.index(owner_of(member)) + 1)
            op = sweeps.promote_timers(
                self._space,
                partition,
                queues=self.all_queues(),
                executions=ids,
                plans=plans,
                members=rows,
            )
            return await self._driver.run(op)

        fired, waiting = 0, list(members)
        while waiting:
            words, waiting = await self._in_pages(send, waiting)
            fired += len(words) - words.count("early")
        return fired

    async def _reclaim(
        self, partition: PartitionKeys, queues: Sequence[str], tokens: Sequence[sweeps.Silent]
    ) -> int:
        """Re-issue silent tokens; answers how many are silent no more."""

        async def send(page: Sequence[sweeps.Silent]) -> sweeps.Swept:
            envelopes = [silent.envelope for silent in page]
            known = [envelope.plan for envelope in envelopes if envelope is not None]
            plans = await self._readable(partition, known)
            executions: dict[str, int] = {}
            rows: list[Word] = []
            for silent, envelope in zip(page, envelopes, strict=True):
                name = envelope.execution if envelope else "~"
                at = executions.setdefault(name, len(executions) + 1)
                rows += (silent.token, silent.queue, at)
            op = sweeps.reclaim_leases(
                self._space,
                partition,
                lease=_ms(self._settings.lease),
                deliveries_limit=self._settings.deliveries,
                lost_error=self._lost_error,
                queues=list(dict.fromkeys((*queues, *self.all_queues()))),
                executions=list(executions),
                plans=plans,
                leases=rows,
            )
            return await self._driver.run(op)

        words, orders = await self._in_pages(send, self._undamaged(tokens))
        counts = {word: words.count(word) for word in ("moved", "lost", "cancelled", "gone")}
        self._counting.leases(expired=sum(counts.values()), moved=counts["moved"])
        if counts["moved"] or counts["lost"]:
            self.reclaimed += counts["moved"]
            LOGGER.warning(
                "leases of silent workers: %d steps moved, %d failed as worker_lost",
                counts["moved"],
                counts["lost"],
            )
        await self.promote(partition, orders)
        return sum(counts.values())

    async def _in_pages(
        self, send: Callable[[Sequence[T]], Awaitable[sweeps.Swept]], items: Sequence[T]
    ) -> tuple[list[str], list[str]]:
        """Send items page by page; a page that is refused is halved down to the one at fault."""
        pages = [items[at : at + PAGE] for at in range(0, len(items), PAGE)]
        words: list[str] = []
        orders: list[str] = []
        while pages:
            page = pages.pop()
            try:
                answered = await send(page)
            except StoreError as error:
                if not is_refusal(error):
                    raise
                half = len(page) // 2
                if half:
                    pages += [page[half:], page[:half]]
                else:
                    self._say_once(page[0], error)
            else:
                words += answered.words
                orders += answered.orders
                self._plans.count_ended(answered.ended)
        return words, orders

    def _undamaged(self, tokens: Sequence[sweeps.Silent]) -> list[sweeps.Silent]:
        """The tokens whose envelope can be read; the others stay where they are, and are said."""
        found = []
        for silent in tokens:
            try:
                _ = silent.envelope
            except msgspec.MsgspecError as error:
                self._say_once(silent, error)
            else:
                found.append(silent)
        return found

    def _say_once(self, item: object, error: Exception) -> None:
        """It will be tried again with every sweep, but one line is enough."""
        name = item.token if isinstance(item, sweeps.Silent) else str(item)
        if name not in self._refused:
            self._refused.add(name)
            LOGGER.error("sweep of %s is refused: %s", name, error)

    async def _readable(self, partition: PartitionKeys, plans: Sequence[str]) -> list[str]:
        """Those plans that are stored; reading them makes their queues known."""
        found = []
        for plan in dict.fromkeys(plans):
            with suppress(NotFound):
                await self._plans.get(partition, plan)
                found.append(plan)
        return found


def sweep_gap(settings: WorkerSettings) -> float:
    """Seconds without any sweep that count as an outage."""
    longest = min(settings.sweep * LONGEST_GAP_SWEEPS, settings.lease * GAP_LEASE_SHARE)
    return max(settings.sweep * GAP_SWEEPS, longest)


def _lost_error(deliveries: int) -> bytes:
    """What is recorded of a step whose lease was lost too often."""
    text = f"its workers died or fell silent {deliveries + 1} times in one attempt"
    info = ErrorInfo("WorkerLost", text, OutcomeReason.WORKER_LOST)
    return codec.encode(info.to_value())
