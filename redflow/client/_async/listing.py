"""Listing executions, newest first, over all partitions."""

import logging
from collections.abc import Sequence

from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.reading import AsyncReader
from redflow.client.cursors import Merge, Place, Source, cursor_of
from redflow.client.filters import Filter
from redflow.client.views import HEAD, DamagedRecord, read_look
from redflow.errors import VersionMismatch
from redflow.model.execution import ExecutionSummary, Page
from redflow.store.executions import list_executions
from redflow.store.steps import read_fields

logger = logging.getLogger(__name__)

EXAMINED = 1000  # executions looked at by one call, whatever is asked for
PAGE = 100  # looked at in one round trip, when not all of them are wanted


class AsyncLister:
    """Lists the executions of one namespace."""

    def __init__(self, namespace: AsyncNamespace, reader: AsyncReader) -> None:
        self._namespace = namespace
        self._reader = reader

    async def page(
        self, wanted: Filter, behind: Place | None, limit: int
    ) -> Page[ExecutionSummary]:
        """Return a page: unfinished executions by their start, finished ones by their end."""
        space = await self._namespace.space()
        merge = Merge(wanted.sources(space.keys.partitions, behind), oldest=wanted.since)
        items: dict[str, ExecutionSummary] = {}
        examined, left = 0, True
        while left and examined < EXAMINED and len(items) < limit:
            size = PAGE if wanted.selective else limit - len(items)
            places = await self._take(merge, min(size, EXAMINED - examined))
            for place, fields in zip(places, await self._heads(places), strict=True):
                if len(items) == limit:
                    break
                behind, examined = place, examined + 1
                # One that ends meanwhile is met twice: unfinished, then finished.
                found = None if place.id in items else await self._show(wanted, place.id, fields)
                if found is not None:
                    items[place.id] = found
            left = not merge.over or (bool(places) and behind != places[-1])
        return Page(tuple(items.values()), cursor_of(behind) if left and behind else None)

    async def _take(self, merge: Merge, size: int) -> list[Place]:
        """Return the newest places not taken yet, after reading the indexes that ran out."""
        places: list[Place] = []
        while not places and not merge.over:
            await self._read_on(merge.unread(), size)
            places = merge.take(size)
        return places

    async def _read_on(self, sources: Sequence[Source], size: int) -> None:
        space = await self._namespace.space()
        # Ids spread evenly, so each of many sources holds a small part of what is wanted.
        count = min(size, 2 * size // max(len(sources), 1) + 10)
        ops = [
            list_executions(
                space,
                space.keys.partition(one.partition),
                one.index,
                before=str(one.behind.score) if one.behind else "+inf",
                after=one.behind.id if one.behind else "",
                limit=count,
            )
            for one in sources
        ]
        found = await self._namespace.driver.run_many(ops)
        for one, page in zip(sources, found, strict=True):
            one.add([Place(score, id) for id, score in page], count)

    async def _heads(self, places: Sequence[Place]) -> list[list[bytes | None]]:
        space = await self._namespace.space()
        return await self._namespace.driver.run_many(
            [read_fields(space.keys.partition_of(one.id), one.id, HEAD) for one in places]
        )

    async def _show(
        self, wanted: Filter, execution: str, fields: Sequence[bytes | None]
    ) -> ExecutionSummary | None:
        """Show an execution if it is asked for; one that is damaged must not hide the others."""
        try:
            look = read_look(execution, fields)
            if look is None or not wanted.matches(look.raw):
                return None
            return await self._reader.summary(look.raw)
        except (DamagedRecord, VersionMismatch) as error:
            logger.warning("left out of a list: %s", error)
            return None
