"""Questions of a sweep: what is due, carry it out, and check what must hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from redflow.model import codec
from redflow.model.outcome import ErrorInfo, OutcomeReason
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, Word, command
from redflow.store.space import Space
from redflow.store.steps import Ended, Envelope, read_envelope


class Silent(msgspec.Struct, array_like=True, frozen=True):
    """A pending token whose lease ran out; its entry is gone, or holds an envelope's bytes."""

    token: str
    queue: int
    entry: bytes | None

    @property
    def envelope(self) -> Envelope | None:
        """What the step is; raises MsgspecError when the entry is damaged."""
        return None if self.entry is None else read_envelope(self.entry)


class PartitionDue(msgspec.Struct, array_like=True, frozen=True):
    """What is due in one partition, by position in the call."""

    partition: int
    members: list[str]
    tokens: list[Silent]
    schedules: list[str] = []


class Due(msgspec.Struct, array_like=True, frozen=True):
    """Reply of `list_due`; `next_due` is in ms, 0 when nothing is scheduled."""

    now: int
    next_due: int
    partitions: list[PartitionDue]


class Swept(NamedTuple):
    """What a sweep's script did: a word per row, orders that came of it, what ended."""

    words: list[str]
    orders: list[str]
    ended: list[Ended]


NOBODY = "!"
"""Stands for the execution of a timer that names none; no execution has such an id."""

TIMEOUT_ERROR = codec.encode(
    ErrorInfo("TimeoutError", "its deadline has passed", OutcomeReason.TIMEOUT).to_value()
)
"""What is recorded of a step or an execution that its deadline ends."""

_due = msgspec.msgpack.Decoder(Due)
_ended = msgspec.msgpack.Decoder(list[Ended])
_STATE = re.compile(rb"[srfcud] \d+ \d+ (\S+)(?: [a-z]*)?")


def list_due(
    space: Space,
    partitions: Sequence[PartitionKeys],
    *,
    worker: str,
    queues: Sequence[str],
    lease: int,
    sweep_lease: int,
    sweep_gap: int,
    records_cap: int,
    watermark: float = 0.0,
    limit: int = 100,
) -> Op[Due]:
    """What a sweep has to do in partitions that no other worker sweeps; times are milliseconds.

    From the share `watermark` of maxmemory on, 0 for never, the partitions take in no executions
    for as long as sweeps say so.
    """
    return space.op(
        "list_due",
        None,
        _due.decode,
        sweepers=[p.permanent["sweeper"] for p in partitions],
        events=[p.permanent["events"] for p in partitions],
        timers=[p.permanent["timers"] for p in partitions],
        schedules=[p.permanent["schedules"] for p in partitions],
        ready=[p.ready(queue) for p in partitions for queue in queues],
        worker=worker,
        queues=len(queues),
        sweep_lease=sweep_lease,
        sweep_gap=sweep_gap,
        lease=lease,
        limit=limit,
        records_cap=records_cap,
        watermark=round(watermark * 1000),
    )


def reclaim_leases(
    space: Space,
    partition: PartitionKeys,
    *,
    lease: int,
    deliveries_limit: int,
    lost_error: bytes,
    queues: Sequence[str],
    executions: Sequence[str],
    plans: Sequence[str],
    leases: Sequence[Word],
) -> Op[Swept]:
    """Re-issue steps whose lease ran out, rows (token, queue, execution) by position from 1."""
    return space.op(
        "reclaim_leases",
        partition,
        read_swept,
        lease=lease,
        deliveries_limit=deliveries_limit,
        lost_error=b"=" + lost_error,
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution) for execution in executions],
        plans=[partition.plan(plan) for plan in plans],
        leases=leases,
    )


def promote_timers(
    space: Space,
    partition: PartitionKeys,
    *,
    queues: Sequence[str],
    executions: Sequence[str],
    plans: Sequence[str],
    members: Sequence[Word],
    timeout_error: bytes = TIMEOUT_ERROR,
) -> Op[Swept]:
    """Fire timers and carry out orders, rows (member, execution by position from 1)."""
    return space.op(
        "promote_timers",
        partition,
        read_swept,
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution) for execution in executions],
        plans=[partition.plan(plan) for plan in plans],
        members=members,
        timeout_error=b"=" + timeout_error,
    )


def check_partition(
    space: Space,
    partition: PartitionKeys,
    *,
    queues: Sequence[str],
    executions: Sequence[str],
    plans: Sequence[str],
    tokens: Sequence[Word] = (),
    members: Sequence[Word] = (),
) -> Op[list[str]]:
    """Verify a page of executions, tokens and timers; answers one sentence per problem."""
    return space.op(
        "check_partition",
        partition,
        lambda reply: [sentence.decode() for sentence in reply],
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution) for execution in executions],
        plans=[partition.plan(plan) for plan in plans],
        tokens=tokens,
        members=members,
    )


def read_plan_hash(partition: PartitionKeys, execution: str) -> Op[str | None]:
    """The plan an execution runs; None without a state, "" where that cannot be read."""
    words = ("HGET", partition.execution(execution), "state")
    return command("read_plan_hash", *words, parse=_plan_of_state)


def owner_of(member: str) -> str:
    """The execution a timer names: `<kind>:<execution>`, and `:<step>` for one of its steps."""
    parts = member.split(":")
    return parts[1] if len(parts) in (2, 3) and parts[1] else NOBODY


def read_members(partition: PartitionKeys, index: str, first: int, last: int) -> Op[list[str]]:
    """Members of a zset of the partition by rank, without the sentinel."""
    words = ("ZRANGE", partition.permanent[index], first, last)
    return command(
        "read_members", *words, parse=lambda reply: [m.decode() for m in reply if m != b"~"]
    )


def read_sweeper(partition: PartitionKeys) -> Op[str | None]:
    """The worker that sweeps a partition, or swept it last."""
    words = ("HGET", partition.permanent["sweeper"], "holder")
    return command(
        "read_sweeper", *words, parse=lambda reply: None if reply is None else reply.decode()
    )


def read_expired(
    partition: PartitionKeys, index: str, *, before: int, offset: int, count: int
) -> Op[list[str]]:
    """Executions of one `finished` index that ended before a time (ms), oldest first."""
    bounds = ("-inf", f"({before}", "LIMIT", offset, count)
    words = ("ZRANGEBYSCORE", partition.permanent[index], *bounds)
    return command("read_expired", *words, parse=lambda reply: [one.decode() for one in reply])


def read_tokens(
    partition: PartitionKeys, queue: str, after: str, count: int
) -> Op[list[tuple[str, bytes]]]:
    """Tokens of a ready stream behind `after`, with their envelopes."""
    words = ("XRANGE", partition.ready(queue), f"({after}" if after else "-", "+", "COUNT", count)
    return command("read_tokens", *words, parse=_entries)


def read_swept(reply: tuple[list[bytes], list[bytes], bytes]) -> Swept:
    """The reply of a script that answers words, orders and ends."""
    words, orders, ended = reply
    return Swept(
        [word.decode() for word in words],
        [order.decode() for order in orders],
        _ended.decode(ended),
    )


def _plan_of_state(state: bytes | None) -> str | None:
    if state is None:
        return None
    found = _STATE.fullmatch(state)
    return found[1].decode(errors="replace") if found else ""


def _entries(reply: list[Any]) -> list[tuple[str, bytes]]:
    return [(token.decode(), fields[1]) for token, fields in reply]
