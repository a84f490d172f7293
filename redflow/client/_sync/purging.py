# GENERATED from redflow/client/_async/purging.py by tests/tools/unasync.py: change that file.
"""Removing ended executions that nobody needs any more."""

from collections.abc import Sequence

from redflow.client._sync.namespace import Namespace
from redflow.client._sync.payloads import sweep_payloads
from redflow.model.status import ExecutionStatus
from redflow.store.keys import PartitionKeys
from redflow.store.reruns import purge_executions
from redflow.store.steps import read_fields
from redflow.store.sweeps import read_expired

PAGE = 100  # executions removed by one call


class Purging:
    """Purges executions of one namespace; safe to repeat."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def purge(self, before: int, status: ExecutionStatus | None) -> int:
        """Remove what ended before a time in ms, of one status or of all; answers how many.

        A child stays as long as its parent runs. Payloads go with a sweep afterwards.
        """
        space = self._namespace.space()
        ended = [one for one in ExecutionStatus if one.terminal and status in (None, one)]
        removed = 0
        for partition in space.keys:
            # Parents end after their children, which stand in another index when they failed.
            for one in ended:
                removed += self._index(partition, one.lower(), before)
        if removed:
            sweep_payloads(self._namespace)
        return removed

    def _index(self, partition: PartitionKeys, index: str, before: int) -> int:
        removed = kept = 0
        while True:
            op = read_expired(partition, index, before=before, offset=kept, count=PAGE)
            page = self._namespace.driver.run(op)
            if not page:
                return removed
            words = self._remove(partition, page, before)
            purged = words.count("purged")
            removed, kept = removed + purged, kept + len(words) - purged

    def _remove(self, partition: PartitionKeys, page: Sequence[str], before: int) -> list[str]:
        ops = [read_fields(partition, execution, ("parent",)) for execution in page]
        parents = self._namespace.driver.run_many(ops)
        op = purge_executions(
            self._namespace.space(),
            partition,
            executions=[
                (execution, (parent or b"").decode().partition(" ")[0])
                for execution, (parent,) in zip(page, parents, strict=True)
            ],
            completed_before=before,
            others_before=before,
        )
        return self._namespace.driver.run(op)
