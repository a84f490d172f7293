"""Events as an async iterator: from now on, from the oldest kept, or behind a position."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from redflow.client import AsyncClient
from redflow.errors import Unavailable
from redflow.events.choosing import BEGINNING, NOW, check_types, named, places_from
from redflow.events.event import Event
from redflow.events.feed import PAUSE, Feed, feed_of
from redflow.events.position import encode_position, id_of
from redflow.events.subscription import Item, Subscription, Wanted
from redflow.store.events import OLDEST, Place, read_newest


def follow(
    client: AsyncClient,
    *,
    execution: str | None = None,
    types: Iterable[str] | str | None = None,
    after: str = NOW,
) -> Following:
    """Iterate over the events of a namespace, or of one execution, without end.

    Those of one execution come in their order, and end with it; executions of different partitions
    do not wait for each other. `after` is "now", "oldest", or a `position` from before; for one
    execution the id of its event does as well. Where records were trimmed before they were read, an
    `events.gap` comes first. Outages of Redis are waited out. The first `anext` raises
    InvalidInput, NotFound and AccessDenied.
    """
    return Following(feed_of(client), check_types(types), execution, after)


async def recent(
    client: AsyncClient,
    limit: int,
    *,
    execution: str | None = None,
    types: Iterable[str] | str | None = None,
) -> list[Event]:
    """Return the newest events that are kept, the oldest of them first.

    Looks at the newest `limit` entries of each partition, for one execution at all since it began.
    Raises InvalidInput, NotFound.
    """
    feed, wanted = feed_of(client), check_types(types)
    await feed.source.ask_to_read(execution)
    places = await places_from(feed, BEGINNING, execution)
    if execution is None:
        keys = (await feed.source.space()).keys
        for number in places:
            op = read_newest(keys.partition(number), limit)
            oldest = (await feed.source.driver.run(op))[-1:]
            places[number] = Place(oldest[0].ms, oldest[0].seq, -1) if oldest else OLDEST
    subscription = await feed.subscribe(places, wanted, execution=execution)
    found: dict[int, deque[Item]] = {number: deque(maxlen=limit) for number in places}
    try:
        for number in places:
            while batch := await subscription.read(number):
                found[number] += batch.items
    finally:
        await subscription.close()
    rows = [(one.event.time, number, one) for number in found for one in found[number]]
    rows.sort(key=lambda row: (row[2].place.ms, row[1], row[2].place))
    return [one.event for _, _, one in rows][-limit:]


class Following:
    """Iterates; `async with` or `aclose` ends the reading."""

    def __init__(self, feed: Feed, wanted: Wanted, execution: str | None, after: str) -> None:
        self._feed = feed
        self._wanted = wanted
        self._execution = execution
        self._after = after
        self._places: dict[int, Place] = {}
        self._items: deque[tuple[int, Item]] = deque()
        self._subscription: Subscription | None = None
        self._closed = False
        self._over = False
        self._ended = False
        self._turn = -1

    @property
    def position(self) -> str:
        """Where to go on behind the last event, as `after` of a later call; "now" before it began.

        Fit for the Last-Event-ID of server-sent events.
        """
        if not self._places:
            return self._after
        if self._execution is not None:
            ((number, place),) = self._places.items()
            return id_of(number, place)
        return encode_position(self._places)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._items:
            if self._closed or self._over:
                await self.aclose()
                raise StopAsyncIteration
            await self._fill()
        number, item = self._items.popleft()
        self._places[number] = item.place
        return item.event

    async def aclose(self) -> None:
        """End the reading; a later `anext` ends the iteration."""
        self._closed = True
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            await subscription.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def open(self) -> Subscription:
        """Begin to read where `after` says, unless it was begun; raises InvalidInput, NotFound."""
        if self._subscription is None:
            await self._feed.source.ask_to_read(self._execution)
            self._places = await places_from(self._feed, self._after, self._execution)
            if self._execution is not None:  # behind its place: what ends it later is read
                self._ended = (await named(self._feed, self._execution)).ended
            self._subscription = await self._feed.subscribe(
                self._places, self._wanted, execution=self._execution
            )
        return self._subscription

    async def _fill(self) -> None:
        """Read one page, or wait for news; an outage is waited out."""
        subscription = await self.open()
        if not subscription.ready:
            if self._ended:
                self._over = True
                return
            await subscription.wait()
        for number in sorted(subscription.ready, key=lambda one: (one <= self._turn, one)):
            self._turn = number
            try:
                batch = await subscription.read(number)
            except Unavailable:
                await self._feed.timer.sleep(PAUSE)
                return
            if batch is not None:
                self._items += [(number, item) for item in batch.items]
                self._over = batch.over
                if self._items:
                    return  # one page at a time: that is all that is held
                self._places[number] = batch.end
