"""One reader's walk through the partitions: what it wants, where it is, what it has missed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from redflow.events.event import GAP, Event
from redflow.events.mapping import ENDS_ATTEMPT, WAITS, time_of
from redflow.events.page import Page, Row, Section
from redflow.events.position import Places, id_of
from redflow.events.starts import ENDS_CLAIM, Starts
from redflow.model.event import EventKind
from redflow.store.events import Place

if TYPE_CHECKING:
    from redflow.events.feed import Feed

STARTED = EventKind.STEP_STARTED.value
ABOUT_STARTS = ENDS_ATTEMPT | WAITS | ENDS_CLAIM | {EventKind.STEP_CANCELLED}
TERMINAL = frozenset(
    (EventKind.WORKFLOW_COMPLETED, EventKind.WORKFLOW_FAILED, EventKind.WORKFLOW_CANCELLED)
)

Wanted = Collection[int] | None
"""Codes of the kinds a reader wants; None for all."""


class Item(NamedTuple):
    """An event, and where its reader stands once it is handled."""

    event: Event
    place: Place


@dataclass(slots=True)
class Batch:
    """What one page holds for a reader; `over`: the execution it follows has ended."""

    items: list[Item]
    end: Place
    over: bool = False


class _Cursor:
    """The id of the first entry that is not read, and how many records came before it."""

    __slots__ = ("first", "record")

    def __init__(self, place: Place) -> None:
        self.first = place.ms, place.seq  # again: it may have been read in part
        self.record = place.record

    def pass_by(self, end: Place) -> None:
        self.first = end.ms, end.seq + 1
        self.record = end.record


class Subscription:
    """Reads pages of its partitions when told that there is news; made by the feed."""

    def __init__(
        self, feed: Feed, places: Places, wanted: Wanted, *, execution: str | None
    ) -> None:
        self._feed = feed
        self._cursors = {number: _Cursor(place) for number, place in places.items()}
        self._wanted = None if wanted is None else frozenset(wanted)
        self._execution = execution
        self._starts = Starts() if wanted is None or STARTED in wanted else None
        self._doubted: set[int] = set()
        self.ready: set[int] = set(places)
        """Partitions that may have more."""
        self._news = asyncio.Event()

    @property
    def partitions(self) -> Collection[int]:
        """Numbers of the partitions it walks through."""
        return self._cursors.keys()

    def wake(self, number: int) -> None:
        """Take note that a partition has more."""
        self.ready.add(number)
        self._news.set()

    def doubt(self, number: int) -> None:
        """Check where it is before the next read: the server may have lost what it had read."""
        self._doubted.add(number)
        self.wake(number)

    async def wait(self, *, but: Collection[int] = ()) -> None:
        """Return when a partition but for some is ready, or when `stir` was called."""
        if not self.ready.difference(but):
            await self._news.wait()
        self._news.clear()

    def stir(self) -> None:
        """Have `wait` return."""
        self._news.set()

    async def read(self, number: int) -> Batch | None:
        """Return what the next page holds; None, and the partition rests, when there is none."""
        if number in self._doubted:
            await self._recover(number)
        cursor = self._cursors[number]
        self.ready.discard(number)  # before the read: what comes meanwhile wakes it again
        try:
            page = await self._feed.page(number, cursor.first)
        except BaseException:
            self.ready.add(number)
            raise
        if page is None:
            return None
        self.ready.add(number)
        chosen, gaps = self._choose(page, cursor)
        await page.make(chosen)
        batch = Batch(self._items(number, chosen, gaps), page.end)
        batch.over = self._execution is not None and any(
            row.record.kind in TERMINAL for row in chosen
        )
        cursor.pass_by(page.end)
        return batch

    async def close(self) -> None:
        """Read no more."""
        await self._feed.leave(self)

    async def _recover(self, number: int) -> None:
        """Step back to the newest entry of a server that has lost the ones behind it."""
        newest = await self._feed.newest(number)
        if (newest.ms, newest.seq) < self._cursors[number].first:
            self._cursors[number] = cursor = _Cursor(newest)
            cursor.pass_by(newest)
        self._doubted.discard(number)

    def _choose(self, page: Page, cursor: _Cursor) -> tuple[list[Row], dict[Place, int]]:
        """Rows that are not read yet and are wanted; gaps by the place they were found at."""
        record, first = cursor.record, cursor.first
        gaps: dict[Place, int] = {}
        skipped: int | None = None
        for section in page.sections:
            missed = _missed(section, record)
            if missed and section.first is not None:
                gaps[section.end._replace(record=section.first - 1)] = missed
            if (section.end.ms, section.end.seq) == first:
                skipped = record
            record = section.end.record
        rows = [row for row in page.rows(self._execution) if self._looks_at(row)]
        if skipped is not None:
            rows = [
                row
                for row in rows
                if (row.place.ms, row.place.seq) != first or row.place.record > skipped
            ]
        return rows, gaps

    def _looks_at(self, row: Row) -> bool:
        kind = row.record.kind
        if self._wanted is None or kind in self._wanted:
            return True
        if self._execution is not None and kind in TERMINAL:
            return True
        return self._starts is not None and kind in ABOUT_STARTS

    def _items(self, number: int, rows: list[Row], gaps: dict[Place, int]) -> list[Item]:
        items = [Item(self._gap(number, place, missed), place) for place, missed in gaps.items()]
        for row in rows:
            items += self._told(row)
        if gaps:
            items.sort(key=_order)
        return items

    def _told(self, row: Row) -> list[Item]:
        """The events of a row that this reader wants and was not told yet."""
        found: list[Item] = []
        event, record = row.event, row.record
        if event is None:
            return found
        before = row.place._replace(record=row.place.record - 1)
        starts = self._starts
        if starts is not None:
            if record.kind == STARTED and not starts.is_news(record, event.attempt):
                return found
            if row.started is not None and starts.is_news(record, event.attempt):
                found.append(Item(row.started, before))
            starts.ended(record, event.attempt)
        if self._wanted is None or record.kind in self._wanted:
            found.append(Item(event, row.place))
        return found

    def _gap(self, number: int, place: Place, missed: int) -> Event:
        return Event(
            id=id_of(number, place),
            type=GAP,
            namespace=self._feed.source.namespace,
            execution_id=None,
            workflow=None,
            node_id=None,
            attempt=None,
            time=time_of(place.ms),
            sequence=None,
            data={
                "partition": number,
                "missed": missed,
                "first": place.record - missed + 1,
                "last": place.record,
            },
        )


def _missed(section: Section, record: int) -> int:
    """How many records are missing between a count and a section; 0 where nobody counted."""
    if section.first is None or record < 0:
        return 0
    return max(0, section.first - record - 1)


def _order(item: Item) -> tuple[int, int, int]:
    return item.place.ms, item.place.seq, item.place.record
