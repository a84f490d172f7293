"""Questions of a worker about steps: advance, leases, values read by reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, Word, command
from redflow.store.space import Space


class Envelope(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a token carries; `data` holds raw values in the plan's order, or None: read them.

    `resume` says what ended the step's wait: its raw parts as in lua/README.md, an extension when
    they are too large to travel (then field `r<step>`), None for a step that has not waited.
    """

    attempt: int
    deliveries: int
    releases: int
    execution: str
    step: int
    plan: str
    data: list[msgspec.Raw] | None
    headers: bytes | None
    resume: list[msgspec.Raw] | msgspec.msgpack.Ext | None = None


class Claim(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One claimed step; `queue` is a position in the call's list, `drop`: its execution stops."""

    token: str
    queue: int
    drop: int
    envelope: Envelope


class Ended(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An execution that ended in this call, `took` ms after its start; `letter` is C, F or X."""

    execution: str
    letter: str
    plan: str
    took: int = 0


class Advanced(msgspec.Struct, array_like=True, frozen=True):
    """Reply of `advance`: a code per outcome, claims, orders, what ended, Redis' ms."""

    codes: list[int]
    claims: list[Claim]
    orders: list[str]
    ended: list[Ended]
    now: int


RECORDED, STALE, DUPLICATE, GONE, CANCELLED, STOPPING = 1, 0, 2, 3, 4, 5
"""Codes of `advance`; see its head."""

_advanced = msgspec.msgpack.Decoder(Advanced)
_envelope = msgspec.msgpack.Decoder(Envelope)
ABSENT = b"\xd4\x00\x00"
"""The raw value of a parent that gave nothing, or of one too large to travel."""


def read_envelope(entry: bytes) -> Envelope:
    """Decode the field `e` of a ready entry."""
    return _envelope.decode(entry)


def advance(
    space: Space,
    partition: PartitionKeys,
    *,
    consumer: str,
    queues: Sequence[str],
    executions: Sequence[str],
    plans: Sequence[str],
    outcomes: Sequence[Word],
    claims: Sequence[Word],
    notes: bytes = b"",
    notes_count: int = 0,
) -> Op[Advanced]:
    """Record outcomes and claim steps.

    `outcomes` are flat rows (token, queue, execution, step, kind, meta, value, detail) and `claims`
    (queue, count); queues and executions are positions from 1. Kinds: c completed (detail: edges
    not taken), f failed (detail: u when cut off), r retry, l released and n released unrun (detail:
    delay in ms), t sleep (detail: `+<ms>` or `@<ms>`), s wait for a signal (value: its name,
    detail: timeout in ms or ''). Idempotent by token.
    """
    return space.op(
        "advance",
        partition,
        _advanced.decode,
        consumer=consumer,
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution) for execution in executions],
        plans=[partition.plan(plan) for plan in plans],
        outcomes=outcomes,
        claims=claims,
        notes=notes,
        notes_count=notes_count,
    )


def extend_leases(
    space: Space,
    partition: PartitionKeys,
    *,
    consumer: str,
    queues: Sequence[str],
    leases: Sequence[Word],
) -> Op[list[str]]:
    """Renew leases, rows (token, queue, execution id); answers ok, lost or stop each."""
    return space.op(
        "extend_leases",
        partition,
        _words,
        consumer=consumer,
        ready=[partition.ready(queue) for queue in queues],
        leases=leases,
    )


def read_fields(
    partition: PartitionKeys, execution: str, fields: Sequence[str]
) -> Op[list[bytes | None]]:
    """Recorded fields of an execution, as stored."""
    return command(
        "read_fields", "HMGET", partition.execution(execution), *fields, parse=lambda reply: reply
    )


def _words(reply: list[Any]) -> list[str]:
    return [word.decode() for word in reply]


def read_pending(
    partition: PartitionKeys, queue: str, consumer: str, *, after: str, count: int
) -> Op[list[tuple[str, bytes | None]]]:
    """Entries pending under a worker's own name behind `after`; None for one that is deleted."""
    words = (
        *("XREADGROUP", "GROUP", "workers", consumer, "COUNT", count),
        *("STREAMS", partition.ready(queue), after),
    )
    return command("read_pending", *words, parse=_pending)


def _pending(reply: Any) -> list[tuple[str, bytes | None]]:
    if not reply:
        return []
    return [(token.decode(), fields[1] if fields else None) for token, fields in reply[0][1]]
