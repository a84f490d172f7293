"""Questions about events: entries of the streams, and how far their consumers have come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, Word, command
from redflow.store.space import Space


class Entry(NamedTuple):
    """One entry of a stream: when Redis wrote it, how many records there are with it, its records.

    `total` counts every record ever emitted in the partition; `data` is a MessagePack array.
    """

    ms: int
    seq: int
    total: int
    data: bytes


class Place(NamedTuple):
    """How far a partition was read: up to `record`, which stands in the entry `<ms>-<seq>`.

    A record of -1 says that nobody counted, so that nothing is missed behind it.
    """

    ms: int
    seq: int
    record: int

    @property
    def entry(self) -> str:
        """The id of the entry."""
        return f"{self.ms}-{self.seq}"

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq} {self.record}"


OLDEST = Place(0, 0, -1)
"""Before everything that is kept."""


class Named(NamedTuple):
    """What an execution runs: its workflow, version and the hash of its plan; `created` in ms."""

    workflow: str
    version: int
    plan: str
    created: int
    ended: bool


def entry_of(token: bytes, fields: Sequence[bytes]) -> Entry:
    """Return an entry of a reply; its fields are `n` and `e`."""
    ms, _, seq = token.partition(b"-")
    return Entry(int(ms), int(seq), int(fields[1]), fields[3])


def read_entries(partition: PartitionKeys, first: str, count: int) -> Op[list[Entry]]:
    """Up to `count` entries from an id on, oldest first."""
    words = ("XRANGE", partition.permanent["events"], first, "+", "COUNT", count)
    return command("read_entries", *words, parse=_entries)


def read_newest(partition: PartitionKeys, count: int) -> Op[list[Entry]]:
    """The newest entries of a partition, newest first."""
    words = ("XREVRANGE", partition.permanent["events"], "+", "-", "COUNT", count)
    return command("read_newest", *words, parse=_entries)


def read_named(partition: PartitionKeys, execution: str) -> Op[Named | None]:
    """What an execution runs; None when it is gone."""
    words = ("HMGET", partition.execution(execution), "start", "state", "ended")
    return command("read_named", *words, parse=_named)


def read_place(partition: PartitionKeys, consumer: str) -> Op[Place | None]:
    """How far a consumer has come in a partition; None when it has never been there."""
    return command("read_place", "HGET", partition.consumers, consumer, parse=_place)


def read_consumers(space: Space) -> Op[list[str]]:
    """Names of all consumers, sorted."""
    return command("read_consumers", "HKEYS", space.keys.leaders, parse=_names)


def lead_consumers(
    space: Space, names: Sequence[str], *, process: str, lease: int
) -> Op[dict[str, int]]:
    """Take or keep the lead for so many ms, 0 gives it back; answers terms of those that it has."""
    return space.op(
        "lead_consumers",
        None,
        lambda reply: {
            name: int(term) for name, term in zip(names, reply, strict=True) if term != b""
        },
        leaders=space.keys.leaders,
        process=process,
        lease=lease,
        asked=list(names),
    )


def move_consumers(
    space: Space, partition: PartitionKeys, moves: Sequence[tuple[str, int, Place]]
) -> Op[list[str]]:
    """Write down how far consumers have come, each with its term; answers ok or stale for each."""
    rows: list[Word] = []
    for name, term, place in moves:
        rows += (name, term, str(place))
    return space.op(
        "move_consumers",
        None,
        lambda reply: [word.decode() for word in reply],
        consumers=partition.consumers,
        moves=rows,
    )


def forget_consumer(space: Space, partition: PartitionKeys | None, name: str) -> Op[bool]:
    """Forget how far a consumer has come in a partition; without one, who leads it."""
    key = space.keys.leaders if partition is None else partition.consumers
    return space.op("forget_consumer", None, bool, consumers=key, name=name)


def _entries(reply: Any) -> list[Entry]:
    return [entry_of(token, fields) for token, fields in reply]


def _named(reply: list[bytes | None]) -> Named | None:
    start, state, ended = reply
    try:
        created, workflow, version, *_ = (start or b"").decode().split(" ")
        plan = (state or b"").decode().split(" ")[3]
        return Named(workflow, int(version), plan, int(created), ended is not None)
    except (ValueError, IndexError):
        return None


def _place(reply: bytes | None) -> Place | None:
    try:
        _, entry, record = (reply or b"").decode().split(" ")
        ms, seq = entry.split("-")
        return Place(int(ms), int(seq), int(record))
    except ValueError:
        return None


def _names(reply: list[bytes]) -> list[str]:
    return sorted(name.decode() for name in reply)
