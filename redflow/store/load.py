"""One bounded read of a partition: how much work it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redflow.model.load import Load, QueueLoad
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op
from redflow.store.space import Space


@dataclass(frozen=True, slots=True)
class PartitionLoad:
    """A partition at one moment; times are milliseconds, 0 for none.

    Of each queue: entries of its stream, those that are claimed, when the oldest other one was
    ready.
    """

    now: int
    live: int
    timers_due: int
    first_due: int
    queues: list[tuple[int, int, int]]


def read_load(space: Space, partition: PartitionKeys, queues: Sequence[str]) -> Op[PartitionLoad]:
    """How much work a partition holds in these queues; costs the queues, not their steps."""
    return space.op(
        "read_load",
        None,
        _load,
        timers=partition.permanent["timers"],
        live=partition.permanent["live"],
        ready=[partition.ready(queue) for queue in queues],
    )


def _load(reply: list[int]) -> PartitionLoad:
    now, live, due, first_due, *counts = reply
    each = list(zip(counts[0::3], counts[1::3], counts[2::3], strict=True))
    return PartitionLoad(now, live, due, first_due, each)


def added_up(queues: Sequence[str], parts: Sequence[PartitionLoad], *, slots: int) -> Load:
    """The load of a namespace from that of its partitions, for workers of so many slots."""
    due = sum(part.timers_due for part in parts)
    found = []
    for at, name in enumerate(queues):
        each = [(part.now, *part.queues[at]) for part in parts]
        held = sum(length for _, length, _, _ in each)
        claimed = sum(number for _, _, number, _ in each)
        age = max((now - since for now, _, _, since in each if since), default=0)
        desired = max(-(-held // slots), int(due > 0))
        found.append(QueueLoad(name, max(0, held - claimed), claimed, max(0, age) / 1000, desired))
    delay = max((part.now - part.first_due for part in parts if part.first_due), default=0)
    return Load(tuple(found), due, delay / 1000, sum(part.live for part in parts))
