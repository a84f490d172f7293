"""The one blocking read of a process, for all who read events of a client; pages are shared."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from redflow.client import AsyncClient
from redflow.driver.timer import AsyncTimer
from redflow.errors import StoreError
from redflow.events.page import Page
from redflow.events.position import Places
from redflow.events.source import Source
from redflow.events.subscription import Subscription, Wanted
from redflow.store.events import Place, entry_of, read_entries, read_newest
from redflow.store.keys import PartitionKeys

LOGGER = logging.getLogger("redflow.events")

ENTRIES = 16
"""Entries of one page; each holds what one call of a worker did, some hundred records at most."""

KEPT = 2
"""Pages kept of each partition, for readers that are about as far as each other."""

BLOCK = 5.0
PAUSE = 0.5  # after a read that failed


class Feed:
    """Reads the streams while anybody subscribes, and tells subscribers where there is news.

    Memory is bounded: pages are small, and who is slow reads them again from Redis.
    """

    def __init__(self, source: Source, timer: AsyncTimer | None = None) -> None:
        self.source = source
        self.timer = timer or AsyncTimer()
        self.totals: dict[int, int] = {}
        """Records ever emitted, as last seen, by partition."""
        self._partitions: list[PartitionKeys] = []
        self._pages: dict[int, OrderedDict[tuple[int, int], Page]] = defaultdict(OrderedDict)
        self._reading: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._subscribed: dict[int, set[Subscription]] = defaultdict(set)
        self._tails: list[asyncio.Task[None]] = []

    # Subscribers

    async def subscribe(
        self, places: Places, wanted: Wanted, *, execution: str | None = None
    ) -> Subscription:
        """Return what walks on from places; close it. Raises NotFound without the namespace."""
        await self.prepare()
        made = Subscription(self, places, wanted, execution=execution)
        for number in places:
            self._subscribed[number].add(made)
        if all(tail.done() for tail in self._tails):  # none yet, or those of a loop that has ended
            groups = self.source.driver.together(self._partitions)
            self._tails = [asyncio.create_task(self._follow(group)) for group in groups]
        return made

    async def prepare(self) -> None:
        """Learn the partitions; raises NotFound without the namespace."""
        if not self._partitions:
            self._partitions = list((await self.source.space()).keys)

    async def leave(self, subscription: Subscription) -> None:
        """Drop a subscriber; the read ends with the last."""
        for number in subscription.partitions:
            self._subscribed[number].discard(subscription)
        if not any(self._subscribed.values()):
            tails, self._tails = self._tails, []
            for tail in tails:
                tail.cancel()
            await asyncio.gather(*tails, return_exceptions=True)
            self._pages.clear()
            self._reading.clear()  # the next use may be in another event loop

    async def page(self, number: int, first: tuple[int, int]) -> Page | None:
        """Return entries from an id on; None when there are none yet."""
        async with self._reading[number]:
            known = self._pages[number].get(first)
            if known is not None:
                return known
            partition = self._partitions[number]
            op = read_entries(partition, f"{first[0]}-{first[1]}", ENTRIES)
            entries = await self.source.driver.run(op)
            if not entries:
                return None
            return self._keep(number, first, Page(self.source, partition, entries))

    async def newest(self, number: int) -> Place:
        """Return the place of the newest record of a partition."""
        found = await self.source.driver.run(read_newest(self._partitions[number], 1))
        return Place(found[0].ms, found[0].seq, found[0].total) if found else Place(0, 0, 0)

    def _keep(self, number: int, first: tuple[int, int], page: Page) -> Page:
        pages = self._pages[number]
        pages[first] = page
        while len(pages) > KEPT:
            pages.popitem(last=False)
        self._saw(number, page.end)
        return page

    def _saw(self, number: int, end: Place) -> None:
        self.totals[number] = max(self.totals.get(number, 0), end.record)

    # The blocking read

    async def _follow(self, group: Sequence[PartitionKeys]) -> None:
        """Read partitions that one call may name, until cancelled."""
        places: dict[str, Place] = {}
        failing = False
        while True:
            try:
                if not places:
                    places = await self._begin(group)
                await self._read(group, places)
                failing = False
            except StoreError as error:
                if not failing:
                    LOGGER.warning("events cannot be read, this goes on by itself: %s", error)
                failing = True
                places = {}
                self._doubt(group)
                await self.timer.sleep(PAUSE)

    async def _begin(self, group: Sequence[PartitionKeys]) -> dict[str, Place]:
        """Start behind the newest entries; what lies before them subscribers read themselves."""
        places: dict[str, Place] = {}
        for partition in group:
            place = await self.newest(partition.number)
            places[partition.permanent["events"]] = place
            self.totals[partition.number] = place.record
            self._wake(partition.number)
        return places

    async def _read(self, group: Sequence[PartitionKeys], places: dict[str, Place]) -> None:
        after = {stream: place.entry for stream, place in places.items()}
        found = await self.source.driver.read_streams(
            after, count=ENTRIES, block_ms=round(BLOCK * 1000)
        )
        partitions = {partition.permanent["events"]: partition for partition in group}
        for stream, entries in found:
            partition = partitions[stream]
            page = Page(self.source, partition, [entry_of(*entry) for entry in entries])
            place = places[stream]
            self._keep(partition.number, (place.ms, place.seq + 1), page)
            places[stream] = page.end
            self._wake(partition.number)

    def _wake(self, number: int) -> None:
        for subscription in self._subscribed[number]:
            subscription.wake(number)

    def _doubt(self, group: Sequence[PartitionKeys]) -> None:
        """Whatever answers next may have another history: let nobody trust where it is."""
        for partition in group:
            self._pages.pop(partition.number, None)
            for subscription in self._subscribed[partition.number]:
                subscription.doubt(partition.number)


_feeds: WeakKeyDictionary[AsyncClient, Feed] = WeakKeyDictionary()


def feed_of(client: AsyncClient) -> Feed:
    """Return the one feed of a client, made when first asked for."""
    feed = _feeds.get(client)
    if feed is None:
        feed = _feeds[client] = Feed(Source(client))
    return feed
