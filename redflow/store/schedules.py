"""Questions about schedules: keep, read and forget them, and start what is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from redflow.cron.decision import Decision
from redflow.cron.schedule import Definition, RawSchedule, tick_id
from redflow.store.executions import pack_value
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, Word, command
from redflow.store.space import Space

FIELDS = (
    "rule", "digest", "input", "next", "due", "created", "updated", "last", "skipped", "paused"
)  # fmt: skip
"""What is read of a schedule."""

_rule = msgspec.msgpack.Decoder(Definition).decode


class Fired(NamedTuple):
    """What fire_schedule did: a word, the plan it `moved` to, orders, and a word for each tick."""

    word: str
    detail: str
    orders: list[str]
    ticks: list[str]


def put_schedule(
    space: Space,
    partition: PartitionKeys,
    schedule: str,
    definition: Definition,
    *,
    digest: str,
    input: bytes,
    input_digest: str,
    meta: bytes,
    headers: bytes,
    next: int,
    due: int,
) -> Op[str]:
    """Keep a schedule; answers created, replaced, unchanged, or unknown for its workflow."""
    return space.op(
        "put_schedule",
        partition,
        bytes.decode,
        schedule_key=partition.schedule(schedule),
        workflow=partition.workflow(definition.workflow),
        id=schedule,
        digest=digest,
        rule=msgspec.msgpack.encode(definition),
        timing=definition.timing,
        input=pack_value(input, space.limits.inline_value),
        input_digest=input_digest,
        meta=meta,
        headers=headers,
        next=next,
        due=due,
    )


def pause_schedule(
    space: Space,
    partition: PartitionKeys,
    schedule: str,
    *,
    on: bool,
    note: bytes = b"",
    digest: str = "",
    next: int = 0,
    due: int = 0,
) -> Op[str]:
    """Hold a schedule or let it go on with a tick; answers ok, unchanged, gone or changed."""
    return space.op(
        "pause_schedule",
        partition,
        bytes.decode,
        schedule_key=partition.schedule(schedule),
        id=schedule,
        digest=digest,
        on=int(on),
        note=note,
        next=next,
        due=due,
    )


def delete_schedule(space: Space, partition: PartitionKeys, schedule: str) -> Op[bool]:
    """Forget a schedule; answers whether there was one."""
    key = partition.schedule(schedule)
    return space.op("delete_schedule", partition, bool, schedule_key=key, id=schedule)


def fire_schedule(
    space: Space,
    partition: PartitionKeys,
    schedule: RawSchedule,
    decision: Decision,
    *,
    inputs: Sequence[bytes],
    plan: str | None,
    queues: Sequence[str],
) -> Op[Fired]:
    """Start the executions of the ticks that were decided on, with an input each, and move on."""
    named = [tick_id(schedule.id, tick) for tick in decision.fire]
    overlap, limit = schedule.definition.overlap, space.limits.inline_value
    if overlap != "allow" and schedule.last is not None:
        named.append(schedule.last)
    ticks: list[Word] = []
    for tick, input in zip(decision.fire, inputs, strict=True):
        ticks += (tick, pack_value(input, limit))
    skips: list[Word] = []
    for one in decision.skipped:
        skips += (one.reason, one.first, one.last, "" if one.count is None else one.count)
    return space.op(
        "fire_schedule",
        partition,
        _fired,
        schedule_key=partition.schedule(schedule.id),
        executions=[partition.execution(one) for one in named],
        workflows=[partition.workflow(schedule.definition.workflow)],
        plans=[] if plan is None else [partition.plan(plan)],
        ready=[partition.ready(queue) for queue in queues],
        digest=schedule.digest,
        at=schedule.next,
        next=decision.next,
        due=decision.due,
        overlap=overlap,
        ticks=ticks,
        skips=skips,
    )


def read_schedule(partition: PartitionKeys, schedule: str) -> Op[RawSchedule | None]:
    """A schedule as it stands; None when there is none."""
    words = ("HMGET", partition.schedule(schedule), *FIELDS)
    return command("read_schedule", *words, parse=lambda reply: _read(schedule, reply))


def read_meta(partition: PartitionKeys, schedule: str) -> Op[tuple[bytes, bytes]]:
    """Labels with metadata, and headers, of what a schedule starts."""
    words = ("HMGET", partition.schedule(schedule), "meta", "headers")
    return command("read_meta", *words, parse=lambda reply: (reply[0] or b"", reply[1] or b""))


def list_schedules(partition: PartitionKeys) -> Op[list[str]]:
    """Ids of the schedules of a partition, by when they are due."""
    words = ("ZRANGE", partition.permanent["schedules"], 0, -1)
    return command(
        "list_schedules",
        *words,
        parse=lambda reply: [one.decode() for one in reply if one != b"~"],
    )


def _read(schedule: str, reply: Sequence[Any]) -> RawSchedule | None:
    rule, digest, input, *numbers, last, skipped, paused = reply
    if rule is None:
        return None
    next, due, created, updated = map(int, numbers)
    return RawSchedule(
        schedule,
        _rule(rule),
        digest.decode(),
        input[1:],
        next,
        due,
        created,
        updated,
        last=None if last is None else last.decode(),
        skipped=None if skipped is None else skipped.decode(),
        paused=paused,
    )


def _fired(reply: tuple[bytes, list[bytes], list[bytes]]) -> Fired:
    answer, orders, ticks = reply
    word, _, detail = answer.decode().partition(" ")
    return Fired(word, detail, [one.decode() for one in orders], [one.decode() for one in ticks])
