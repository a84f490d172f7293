"""Questions of steps that wait for something outside: signals and child executions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from redflow.store.executions import pack_value
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op
from redflow.store.space import Space
from redflow.store.steps import Ended
from redflow.store.stopping import read_stopped


class ChildStarted(NamedTuple):
    """What start_child did: a word, its detail (the plan it moved to), orders, what ended."""

    word: str
    detail: str
    orders: list[str]
    ended: list[Ended]


def deliver_signal(
    space: Space,
    partition: PartitionKeys,
    *,
    execution: str,
    plan: str,
    queues: Sequence[str],
    name: str,
    id: str,
    payload: bytes,
) -> Op[str]:
    """Deliver a signal; answers delivered, buffered, dup, late, full or gone."""
    return space.op(
        "deliver_signal",
        partition,
        lambda reply: reply.decode(),
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(execution)],
        plans=[partition.plan(plan)],
        name=name,
        id=id,
        payload=payload,
    )


def start_child(
    space: Space,
    partition: PartitionKeys,
    *,
    queues: Sequence[str],
    parent: str,
    child: str,
    plans: tuple[str, str],
    workflow: str,
    token: str,
    queue: int,
    step: int,
    meta: str,
    digest: str,
    input: bytes,
    version: int = 0,
) -> Op[ChildStarted]:
    """Start a child of a step that gives up its token; `plans` are the parent's and the child's.

    `queue` is the position of the step's queue from 1; a version of 0 means the latest.
    """
    return space.op(
        "start_child",
        partition,
        _read_started,
        ready=[partition.ready(queue) for queue in queues],
        executions=[partition.execution(parent), partition.execution(child)],
        plans=[partition.plan(plan) for plan in dict.fromkeys(plans)],
        workflows=[partition.workflow(workflow)],
        queue=queue,
        token=token,
        step=step,
        meta=meta,
        version=version,
        digest=digest,
        input=pack_value(input, space.limits.inline_value),
    )


def _read_started(reply: tuple[bytes, list[bytes], bytes]) -> ChildStarted:
    done = read_stopped(reply)
    word, _, detail = done.word.partition(" ")
    return ChildStarted(word, detail, done.orders, done.ended)
