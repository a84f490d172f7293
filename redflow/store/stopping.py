"""Questions that stop, pause or settle what runs, from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from redflow.store.executions import pack_value
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op
from redflow.store.space import Space
from redflow.store.steps import Ended

_ended = msgspec.msgpack.Decoder(list[Ended])


class Stopped(NamedTuple):
    """What a script did to one execution: a word, orders that came of it, what ended."""

    word: str
    orders: list[str]
    ended: list[Ended]


def stop_execution(
    space: Space,
    partition: PartitionKeys,
    *,
    kind: str,
    body: bytes,
    execution: str,
    plan: str,
    queues: Sequence[str],
) -> Op[Stopped]:
    """Cancel (`c`, body: MessagePack {reason, by}) or fail (`f`, body: an error) an execution."""
    return space.op(
        "stop_execution",
        partition,
        read_stopped,
        kind=kind,
        body=body if kind == "c" else b"=" + body,
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution)],
        plans=[partition.plan(plan)],
    )


def skip_step(
    space: Space,
    partition: PartitionKeys,
    *,
    execution: str,
    plan: str,
    queues: Sequence[str],
    step: int,
    value: bytes,
    not_taken: str = "",
) -> Op[Stopped]:
    """Settle a live step with an output, whatever it waits for; see the head for the words."""
    return space.op(
        "skip_step",
        partition,
        read_stopped,
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution)],
        plans=[partition.plan(plan)],
        step=step,
        value=pack_value(value, space.limits.inline_value),
        not_taken=not_taken,
    )


def pause_execution(
    space: Space,
    partition: PartitionKeys,
    *,
    executions: Sequence[str],
    plans: Sequence[str],
    queues: Sequence[str],
    on: bool,
    letter: str = "p",
    note: bytes = b"",
) -> Op[tuple[list[str], list[str]]]:
    """Pause executions or let them go on, by themselves (p) or with their workflow (w).

    Answers a word each, and orders.
    """
    return space.op(
        "pause_execution",
        partition,
        lambda reply: (_texts(reply[0]), _texts(reply[1])),
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution) for execution in executions],
        plans=[partition.plan(plan) for plan in plans],
        on=int(on),
        letter=letter,
        note=note,
    )


def pause_partition(
    space: Space, partition: PartitionKeys, *, what: str, name: str, on: bool, note: bytes = b""
) -> Op[str]:
    """Pause a queue, a workflow or (`*`) the namespace in one partition, or let it go on."""
    return space.op(
        "pause_partition",
        partition,
        lambda reply: reply.decode(),
        ready=[],
        workflow=partition.workflow(name),
        what=what,
        name=name,
        on=int(on),
        note=note,
    )


def read_stopped(reply: tuple[bytes, list[bytes], bytes]) -> Stopped:
    """The reply of a script that answers a word, orders and ends."""
    word, orders, ended = reply
    return Stopped(word.decode(), _texts(orders), _ended.decode(ended))


def _texts(words: Sequence[bytes]) -> list[str]:
    return [word.decode() for word in words]
