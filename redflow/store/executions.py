"""Questions about executions: start, read, list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, Word
from redflow.store.records import RawExecution, read_raw
from redflow.store.space import Space


@dataclass(frozen=True, slots=True)
class Start:
    """One execution to start; `workflow` and `plan` are positions in the lists of the call.

    `due` is "" for now, `+<ms>` or `@<ms>`; `timeout` is in ms, 0 for none.
    """

    execution: str
    workflow: int
    plan: int
    input: bytes
    digest: str
    version: int = 0
    meta: bytes = b""
    headers: bytes = b""
    due: str = ""
    timeout: int = 0

    def words(self, limit: int) -> tuple[Word, ...]:
        """The row of start_executions; a version of 0 means the latest."""
        value = pack_value(self.input, limit)
        pinned = 1 if self.version else 0
        return (
            self.workflow,
            self.plan,
            pinned,
            self.version,
            self.digest,
            value,
            self.meta,
            self.headers,
            self.due,
            self.timeout,
        )


def pack_value(value: bytes, limit: int) -> bytes:
    """Mark a value for its place: `=` beside the record, `@` in a field of its own."""
    return (b"=" if len(value) <= limit else b"@") + value


def start_executions(
    space: Space,
    partition: PartitionKeys,
    starts: Sequence[Start],
    *,
    workflows: Sequence[str],
    plans: Sequence[str],
    queues: Sequence[str],
    claim: int = 0,
) -> Op[tuple[list[str], list[str]]]:
    """Start executions; answers a status each (see the head of the script), and orders.

    With `claim` each is a delivery that is not taken again for so many milliseconds.
    """
    limit = space.limits.inline_value
    return space.op(
        "start_executions",
        partition,
        _statuses_and_orders,
        executions=[partition.execution(start.execution) for start in starts],
        workflows=[partition.workflow(name) for name in workflows],
        plans=[partition.plan(name) for name in plans],
        ready=[partition.ready(name) for name in queues],
        deliveries=[partition.deliveries] if claim else [],
        claim=claim,
        starts=[word for start in starts for word in start.words(limit)],
    )


def read_execution(
    space: Space,
    partition: PartitionKeys,
    execution: str,
    *,
    queues: Sequence[str] = (),
    first: int = 1,
    last: int = 0,
) -> Op[RawExecution | None]:
    """An execution and steps first..last as they stand; None when there is no such execution."""
    return space.op(
        "read_execution",
        None,
        lambda reply: read_raw(execution, reply),
        execution=partition.execution(execution),
        ready=[partition.ready(queue) for queue in queues],
        **{"from": first, "to": last},
    )


def list_executions(
    space: Space, partition: PartitionKeys, index: str, *, before: str, after: str, limit: int
) -> Op[list[tuple[str, int]]]:
    """A page of ids and scores (ms) of one index, newest first."""
    return space.op(
        "list_executions",
        None,
        lambda reply: [
            (reply[i].decode(), int(float(reply[i + 1]))) for i in range(0, len(reply), 2)
        ],
        index=partition.index(index),
        before=before,
        after=after,
        limit=limit,
    )


def _statuses_and_orders(reply: list[list[bytes]]) -> tuple[list[str], list[str]]:
    statuses, orders = reply
    return [status.decode() for status in statuses], [order.decode() for order in orders]
