"""The workers of a namespace, as their heartbeats tell."""

from collections.abc import Iterable, Sequence

from redflow.client._async.guard import guarded
from redflow.client._async.namespace import AsyncNamespace
from redflow.client.arguments import check_text
from redflow.client.evidence import worker_of
from redflow.errors import NotFound
from redflow.model.operations import WorkerInfo
from redflow.store.explaining import read_queues, read_time, read_worker, read_workers
from redflow.store.workers import drain_worker

Infos = list[WorkerInfo]

LISTED = 100  # records read in one round trip


@guarded
class AsyncWorkers:
    """Lists workers and asks them to end."""

    def __init__(self, namespace: AsyncNamespace) -> None:
        self._namespace = namespace
        self._door = namespace.door

    async def list(self) -> Infos:
        """Return the workers that beat lately, by id; `alive` says which still do."""
        space = await self._namespace.space()
        driver = self._namespace.driver
        queues = await driver.run(read_queues(space))
        found = await self.of_queues(queues, await driver.run(read_time()))
        unique = {one.id: one for workers in found.values() for one in workers}
        return [unique[id] for id in sorted(unique)]

    async def drain(self, id: str) -> None:
        """Ask a worker to finish what it runs and end, with its next beat; raises NotFound."""
        check_text(id, "id")
        space = await self._namespace.space()
        if await self._namespace.driver.run(drain_worker(space, id)) == "gone":
            raise NotFound(
                f"worker {id!r} is not known in namespace {self._namespace.name!r}",
                hint="client.workers.list shows those that beat lately",
            )

    async def of_queues(self, queues: Sequence[str], now: int) -> dict[str, Infos]:
        """Return the workers of queues at a time in ms; those that have expired are left out."""
        space = await self._namespace.space()
        beats = await self._namespace.driver.run_many(
            [read_workers(space, queue) for queue in queues]
        )
        known = await self._known({worker for of in beats for worker in of}, now)
        return {
            queue: [known[worker] for worker in sorted(of) if worker in known]
            for queue, of in zip(queues, beats, strict=True)
        }

    async def _known(self, workers: Iterable[str], now: int) -> dict[str, WorkerInfo]:
        space = await self._namespace.space()
        ids = sorted(workers)
        found: dict[str, WorkerInfo] = {}
        for first in range(0, len(ids), LISTED):
            page = ids[first : first + LISTED]
            ops = [read_worker(space, worker) for worker in page]
            records = await self._namespace.driver.run_many(ops)
            for worker, record in zip(page, records, strict=True):
                if record is not None:
                    about, beat, draining = record
                    found[worker] = worker_of(worker, about, beat, now, draining=draining)
        return found
