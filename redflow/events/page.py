"""A few entries of a partition, decoded once for all readers; events are made when wanted."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from redflow.events.event import Event
from redflow.events.mapping import Told, implies_start, tell, time_of
from redflow.events.position import id_of
from redflow.events.source import Source
from redflow.model.event import EVENT_TYPES, EventKind, EventRecord
from redflow.model.plan import OUTPUT_NODE, Plan
from redflow.store.events import Entry, Named, Place
from redflow.store.keys import PartitionKeys

LOGGER = logging.getLogger("redflow.events")

BEGINS = frozenset((EventKind.WORKFLOW_STARTED, EventKind.WORKFLOW_SCHEDULED))
_records = msgspec.msgpack.Decoder(list[EventRecord]).decode


class Row:
    """One record and its place; `event` and `started` are made by the page."""

    __slots__ = ("event", "made", "place", "record", "started")

    def __init__(self, record: EventRecord, place: Place) -> None:
        self.record = record
        self.place = place
        self.made = False
        self.event: Event | None = None
        """None for what users do not see: the hidden output node, and kinds of a newer redflow."""
        self.started: Event | None = None
        """The `step.started` that the record implies."""


class Section:
    """The rows of one entry; `first` is the number of the first, None when it cannot be read."""

    __slots__ = ("end", "first", "rows")

    def __init__(self, partition: int, entry: Entry) -> None:
        self.end = Place(entry.ms, entry.seq, entry.total)
        self.first: int | None = None
        self.rows: list[Row] = []
        try:
            records = _records(entry.data)
        except msgspec.MsgspecError as error:
            LOGGER.warning(
                "entry %s of partition %d is not what redflow writes, its events are skipped: %s",
                self.end.entry,
                partition,
                error,
            )
            return
        self.first = entry.total - len(records) + 1
        self.rows = [
            Row(record, Place(entry.ms, entry.seq, self.first + at))
            for at, record in enumerate(records)
        ]


class Page:
    """Entries that follow each other; several readers may ask it at once."""

    def __init__(self, source: Source, partition: PartitionKeys, entries: Sequence[Entry]) -> None:
        self._source = source
        self._partition = partition
        self.sections = [Section(partition.number, entry) for entry in entries]
        self._making = asyncio.Lock()

    @property
    def end(self) -> Place:
        """The place of its last record."""
        return self.sections[-1].end

    @cached_property
    def _by_execution(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for section in self.sections:
            for row in section.rows:
                found[row.record.execution].append(row)
        return dict(found)

    def rows(self, execution: str | None) -> Iterable[Row]:
        """The rows of one execution, or all of them, in their order."""
        if execution is not None:
            return self._by_execution.get(execution, ())
        return (row for section in self.sections for row in section.rows)

    async def make(self, rows: Sequence[Row]) -> None:
        """Make the events of rows, unless they were made for another reader."""
        async with self._making:
            wanted = [row for row in rows if not row.made]
            if not wanted:
                return
            for row in wanted:
                if row.record.kind in BEGINS:
                    self._source.forget(row.record.execution)
            ids = dict.fromkeys(row.record.execution for row in wanted if row.record.execution)
            named = await self._source.learn(self._partition, ids)
            hashes = {one.plan for one in named.values()}
            plans = {one: await self._source.plan(one) for one in hashes}
            for row in wanted:
                known = named.get(row.record.execution)
                self._fill(row, known, plans[known.plan] if known is not None else None)

    def _fill(self, row: Row, named: Named | None, plan: Plan | None) -> None:
        record = row.record
        row.made = True
        node = _node(plan, record.step)
        if record.kind not in EVENT_TYPES or node == OUTPUT_NODE:
            return
        told = self._told(row, plan)
        row.event = self._event(row, EVENT_TYPES[record.kind], named, node, told)
        if implies_start(record, told):
            row.started = self._started(row, named, node, told)

    def _told(self, row: Row, plan: Plan | None) -> Told:
        try:
            return tell(row.record, lambda number: _node(plan, number))
        except (AttributeError, TypeError, ValueError):
            LOGGER.warning(
                "event %s is not what redflow writes", id_of(self._partition.number, row.place)
            )
            return Told()

    def _event(
        self, row: Row, type: str, named: Named | None, node: str | None, told: Told
    ) -> Event:
        record = row.record
        workflow = named.workflow if named is not None else None
        if workflow is None and record.kind in BEGINS:
            workflow = str(record.extra).rsplit(" ", 1)[0]
        data = told.data
        if not record.execution:
            data = data | {"partition": self._partition.number}
        return Event(
            id=id_of(self._partition.number, row.place),
            type=type,
            namespace=self._source.namespace,
            execution_id=record.execution or None,
            workflow=workflow,
            node_id=node,
            attempt=told.attempt,
            time=time_of(row.place.ms),
            sequence=record.seq if record.execution else None,
            data=data,
        )

    def _started(self, row: Row, named: Named | None, node: str | None, told: Told) -> Event:
        ended = time_of(row.place.ms)
        return Event(
            id=id_of(self._partition.number, row.place, implied=True),
            type=EventKind.STEP_STARTED.type,
            namespace=self._source.namespace,
            execution_id=row.record.execution,
            workflow=named.workflow if named is not None else None,
            node_id=node,
            attempt=told.attempt,
            time=ended if told.run is None else ended - told.run,
            sequence=None,
        )


def _node(plan: Plan | None, number: int | None) -> str | None:
    if plan is None or number is None or not 1 <= number <= len(plan.steps):
        return None
    return plan.step(number).id
