"""What happened in an execution, in order, with the times of the environment's clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from redflow.driver import AsyncDriver
from redflow.model.event import EVENT_TYPES, EventKind, EventRecord
from redflow.store.keys import PartitionKeys

PAGE = 1000
"""Entries read by one call."""

COMPLETED = "step.completed"

ENDS = frozenset(
    {EventKind.WORKFLOW_COMPLETED, EventKind.WORKFLOW_FAILED, EventKind.WORKFLOW_CANCELLED}
)

_records = msgspec.msgpack.Decoder(list[EventRecord])


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `type` is its name for handlers, `node` None for the execution."""

    at: datetime
    type: str
    node: str | None = None

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.type}" + (f" {self.node}" if self.node else "")


class History(Sequence[Event]):
    """The events of one execution, the first one first."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = tuple(events)

    def __getitem__(self, at: Any) -> Any:
        return self._events[at]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def of(self, node: str) -> list[Event]:
        """Events of one node."""
        return [event for event in self if event.node == node]

    @property
    def path(self) -> list[str]:
        """Nodes that completed, in order; what undoes a node is `<node>~undo`."""
        return [event.node for event in self if event.type == COMPLETED and event.node is not None]

    def assert_before(self, first: str, *then: str) -> None:
        """Check that these nodes completed one after the other, whatever came in between."""
        path, names = self.path, (first, *then)
        missing = [name for name in names if name not in path]
        if missing:
            said = f"did not complete: {', '.join(missing)}; completed: {_list(path)}"
            raise AssertionError(said)
        places = [path.index(name) for name in names]
        if places != sorted(places):
            said = f"expected {' before '.join(names)}; completed in this order: {_list(path)}"
            raise AssertionError(said)

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "nothing happened"


class Journal:
    """Reads the event streams of a namespace; what it finds happened at the time of reading."""

    def __init__(self, driver: AsyncDriver, partitions: Iterable[PartitionKeys]) -> None:
        self._driver = driver
        self._after = {one.permanent["events"]: "0" for one in partitions}
        self._found: dict[str, list[tuple[datetime, EventRecord]]] = {}

    async def read(self, now: datetime) -> None:
        """Read what was not read before."""
        more = True
        while more:
            found = []
            for group in self._driver.together(list(self._after)):
                after = {stream: self._after[stream] for stream in group}
                found += await self._driver.read_streams(after, count=PAGE, block_ms=0)
            more = any(len(entries) == PAGE for _, entries in found)
            for stream, entries in found:
                for token, fields in entries:
                    self._after[stream] = token.decode()
                    self._take(now, dict(zip(fields[::2], fields[1::2], strict=True)))

    def of(self, execution: str, nodes: Sequence[str]) -> History:
        """What is known of an execution; `nodes` are the ids of its plan's steps from 1."""
        return History(
            Event(at, EVENT_TYPES[one.kind], None if one.step is None else nodes[one.step - 1])
            for at, one in self._found.get(execution, ())
            if one.step is None or not nodes[one.step - 1].startswith("~")
        )

    def ended(self, execution: str) -> bool:
        """Whether an execution has ended."""
        return any(one.kind in ENDS for _, one in self._found.get(execution, ()))

    def _take(self, now: datetime, fields: dict[bytes, bytes]) -> None:
        for record in _records.decode(fields[b"e"]):
            # A note that a step has begun, which has no number, comes only with slow steps.
            if record.execution and record.seq is not None and record.kind in EVENT_TYPES:
                self._found.setdefault(record.execution, []).append((now, record))


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
