"""Renewing leases: the question of the heartbeat, and of whoever cannot wait for it."""

from __future__ import annotations

from collections.abc import Sequence

from redflow.store.op import Op, Word
from redflow.store.space import Space
from redflow.store.steps import extend_leases
from redflow.worker.claims import Held
from redflow.worker.settings import WorkerSettings

MOST_LEASES = 500
"""Leases of one call."""


def renewal_of(
    space: Space, settings: WorkerSettings, number: int, held: Sequence[Held]
) -> Op[list[str]]:
    """Renew leases in a partition; answers ok, lost or stop each."""
    queues = list(settings.queues)
    position = {queue: at for at, queue in enumerate(queues, 1)}
    leases: list[Word] = []
    for one in held:
        leases += (one.token, position[one.queue], one.envelope.execution)
    return extend_leases(
        space,
        space.keys.partition(number),
        consumer=settings.worker_id,
        queues=queues,
        leases=leases,
    )
