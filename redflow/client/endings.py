"""How executions end, as waiters see it: the `done` streams, deadlines and results."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from redflow.client.views import cancel_reason_of, error_of, failed_node
from redflow.crypto.values import Values
from redflow.errors import ExecutionCancelled, ExecutionFailed
from redflow.model.outcome import ErrorInfo
from redflow.model.plan import Plan
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, command
from redflow.store.records import RawExecution

REREAD = 5.0
"""Seconds after which a waiter looks for itself: an entry may have been trimmed or lost."""
ENTRIES = 1000
"""Entries of one stream taken by one read."""


def read_position(partition: PartitionKeys) -> Op[str]:
    """Ask for the newest entry of a partition's `done` stream: what follows is news."""
    words = ("XREVRANGE", partition.permanent["done"], "+", "-", "COUNT", 1)
    return command("read_position", *words, parse=_newest)


def _newest(reply: Any) -> str:
    return reply[0][0].decode() if reply else "0-0"


def ended_in(entries: Iterable[tuple[bytes, Sequence[bytes]]]) -> Iterator[str]:
    """Yield the ids of the executions that entries end: lines `<id> <letter>`."""
    for _, fields in entries:
        for line in fields[1].decode().splitlines():
            yield line.partition(" ")[0]


class Deadline:
    """The end of a wait; `seconds` may be infinite."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, execution: str) -> float:
        """Return the seconds that are left; raise TimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(
                f"execution {execution!r} has not ended within {self._seconds:g} s"
                " (it goes on: ask for its result again, or wait longer)"
            )
        return left


def failure_of(
    raw: RawExecution, plan: Plan, values: Values
) -> ExecutionFailed | ExecutionCancelled:
    """Return the error that stands for an execution that FAILED or was CANCELLED."""
    if raw.ended_as != "F":
        return ExecutionCancelled(raw.id, cancel_reason_of(raw) or "")
    node = failed_node(raw, plan) or ""
    error = ErrorInfo("UnknownError", "no error is recorded")
    if raw.error:
        error = error_of(raw.error, values, raw.id, node)
    return ExecutionFailed(raw.id, node, error.reason, f"{error.type}: {error.message}")
