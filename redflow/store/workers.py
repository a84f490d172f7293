"""Questions about workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from redflow.store.op import Op
from redflow.store.space import Space


@dataclass(frozen=True, slots=True)
class Beat:
    """Answer to a heartbeat: live workers of each queue served, every queue of the namespace."""

    workers: dict[str, int]
    queues: list[str]


def put_worker(
    space: Space, worker: str, *, queues: Sequence[str], about: bytes, alive: int
) -> Op[Beat]:
    """Beat for a worker; silent for `alive` ms it counts as dead, an empty `about` takes it off."""
    return space.op(
        "put_worker",
        None,
        lambda reply: Beat(
            dict(zip(queues, reply[0], strict=True)), sorted(name.decode() for name in reply[1])
        ),
        worker=space.keys.worker(worker),
        queues=space.keys.queues,
        serving=[space.keys.workers(queue) for queue in queues],
        id=worker,
        about=about,
        alive=alive,
        names=queues,
    )
