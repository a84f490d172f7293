# GENERATED from redflow/client/_async/queues.py by tests/tools/unasync.py: change that file.
"""The queues of a namespace: what waits in them, and whether workers may claim it."""

from redflow.client._sync.guard import guarded
from redflow.client._sync.namespace import Namespace
from redflow.client._sync.pausing import Pausing
from redflow.client._sync.workers import Workers
from redflow.client.arguments import check_slots, check_text
from redflow.client.evidence import pause_of
from redflow.defaults import SLOTS
from redflow.errors import NotFound
from redflow.model.ids import check_queue
from redflow.model.load import Load
from redflow.model.operations import QueueInfo
from redflow.store.explaining import (
    read_claimed,
    read_length,
    read_pauses,
    read_queues,
    read_time,
)
from redflow.store.load import added_up, read_load

Infos = list[QueueInfo]


@guarded
class Queues:
    """Lists queues and pauses them."""

    def __init__(self, namespace: Namespace, pausing: Pausing, workers: Workers) -> None:
        self._namespace = namespace
        self._door = namespace.door
        self._pausing = pausing
        self._workers = workers

    def list(self) -> Infos:
        """Return all queues by name; what waits and runs is counted over all partitions."""
        space = self._namespace.space()
        driver = self._namespace.driver
        names = driver.run(read_queues(space))
        pauses = driver.run(read_pauses(space))
        serving = self._workers.of_queues(names, driver.run(read_time()))
        found = []
        for name in names:
            ready, running = self._count(name)
            found.append(
                QueueInfo(
                    name=name,
                    waiting=ready - running,
                    running=running,
                    workers=sum(one.alive for one in serving[name]),
                    paused=pause_of("queue", name, pauses[name]) if name in pauses else None,
                )
            )
        return found

    def load(self, slots: int = SLOTS) -> Load:
        """Return how much work there is, and how many workers of so many slots that would fill.

        Two round trips, whatever there is: one bounded read of each partition.
        """
        return load_of(self._namespace, check_slots(slots))

    def pause(self, name: str, reason: str = "") -> None:
        """Let no worker claim steps of a queue; those that run may finish. Raises NotFound."""
        self._known(name)
        self._pausing.claims(name, on=True, reason=check_text(reason, "reason"))

    def resume(self, name: str) -> None:
        """Let workers claim steps of a queue again; raises NotFound."""
        self._known(name)
        self._pausing.claims(name, on=False)

    def _known(self, name: str) -> None:
        check_queue(name, field="name")
        names = self._namespace.driver.run(read_queues(self._namespace.space()))
        if name not in names:
            raise NotFound(
                f"queue {name!r} is not known in namespace {self._namespace.name!r}",
                hint=f"its queues are {', '.join(names[:20]) or 'not there yet'}",
            )

    def _count(self, queue: str) -> tuple[int, int]:
        """Return how many steps a queue holds, and how many of them workers have claimed."""
        space = self._namespace.space()
        driver = self._namespace.driver
        lengths = driver.run_many([read_length(one, queue) for one in space.keys])
        used = [one for one, length in zip(space.keys, lengths, strict=True) if length]
        return sum(lengths), sum(driver.run_many([read_claimed(one, queue) for one in used]))


def load_of(namespace: Namespace, slots: int = SLOTS) -> Load:
    """Read how much work there is; asks nobody for the right to."""
    space, driver = namespace.space(), namespace.driver
    names = driver.run(read_queues(space))
    parts = driver.run_many([read_load(space, one, names) for one in space.keys])
    return added_up(names, parts, slots=slots)
