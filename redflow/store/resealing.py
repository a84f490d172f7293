"""Questions about sealed values: where they stand, and the script that replaces them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, Word, command
from redflow.store.space import Space


class Fields(NamedTuple):
    """A page of the fields of a hash, and where the next one begins: 0 at the end."""

    cursor: int
    fields: dict[str, bytes]


def reseal_values(space: Space, record: str, values: Sequence[tuple[str, bytes, bytes]]) -> Op[int]:
    """Replace fields of an execution or of the secrets that are still as given; how many were."""
    return space.op(
        "reseal_values",
        None,
        int,
        record=record,
        values=[word for row in values for word in _row(row)],
    )


def scan_index(
    partition: PartitionKeys, index: str, cursor: int, count: int, *, match: str = "*"
) -> Op[Any]:
    """A page of the executions an index names, and where the next one begins: 0 at the end."""
    words = ("ZSCAN", partition.index(index), cursor, "MATCH", match, "COUNT", count)
    return command("scan_index", *words, parse=_members)


def scan_fields(record: str, cursor: int, count: int) -> Op[Fields]:
    """A page of the fields of an execution or of the secrets."""
    return command("scan_fields", "HSCAN", record, cursor, "COUNT", count, parse=_fields)


def _row(row: tuple[str, bytes, bytes]) -> tuple[Word, ...]:
    return row


def _members(reply: Any) -> tuple[int, list[str]]:
    cursor, flat = reply
    return int(cursor), [name.decode() for name in flat[::2]]


def _fields(reply: Any) -> Fields:
    cursor, flat = reply
    names = [name.decode() for name in flat[::2]]
    return Fields(int(cursor), dict(zip(names, flat[1::2], strict=True)))
