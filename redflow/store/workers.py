"""Questions about workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redflow.store.keys import PartitionKeys
from redflow.store.op import Op
from redflow.store.space import Space


@dataclass(frozen=True, slots=True)
class Beat:
    """Answer to a heartbeat: live workers of each queue served, every queue of the namespace.

    `paused` names paused queues, `*` for all; `drain` asks the worker to finish and end.
    """

    workers: dict[str, int]
    queues: list[str]
    paused: frozenset[str] = frozenset()
    drain: bool = False


def put_worker(
    space: Space, worker: str, *, queues: Sequence[str], about: bytes, alive: int
) -> Op[Beat]:
    """Beat for a worker; silent for `alive` ms it counts as dead, an empty `about` takes it off."""
    return space.op(
        "put_worker",
        None,
        lambda reply: Beat(
            dict(zip(queues, reply[0], strict=True)),
            sorted(name.decode() for name in reply[1]),
            frozenset(name.decode() for name in reply[2]),
            bool(reply[3]),
        ),
        worker=space.keys.worker(worker),
        namespace=space.keys.namespace_record,
        queues=space.keys.queues,
        serving=[space.keys.workers(queue) for queue in queues],
        id=worker,
        about=about,
        alive=alive,
        names=queues,
    )


def drain_worker(space: Space, worker: str) -> Op[str]:
    """Ask a worker to finish and end with its next beat; answers ok or gone."""
    return space.op(
        "drain_worker", None, lambda reply: reply.decode(), worker=space.keys.worker(worker)
    )


def forget_workers(
    space: Space,
    partition: PartitionKeys,
    *,
    queues: Sequence[str],
    alive: Sequence[str],
    idle: int,
    limit: int = 1000,
) -> Op[int]:
    """Remove consumers that hold nothing, are silent for `idle` ms and not alive; how many."""
    return space.op(
        "forget_workers",
        None,
        int,
        ready=[partition.ready(queue) for queue in queues],
        idle=idle,
        limit=limit,
        alive=alive,
    )


def put_pause(space: Space, name: str, *, on: bool, note: bytes = b"") -> Op[bool]:
    """Note for all workers that a queue, `*` for the namespace, is paused; answers any change."""
    return space.op(
        "put_pause",
        None,
        bool,
        namespace=space.keys.namespace_record,
        name=name,
        on=int(on),
        note=note,
    )
