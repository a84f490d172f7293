# GENERATED from redflow/client/_async/explaining.py by tests/tools/unasync.py: change that file.
"""Gathering what holds up an execution: its steps, queues, workers and children."""

from collections.abc import Sequence

from redflow.client._sync.namespace import Namespace
from redflow.client._sync.reading import Reader
from redflow.client._sync.workers import Workers
from redflow.client.evidence import children, facts_of, waiting_queues
from redflow.client.refusals import unknown_execution, unknown_node
from redflow.client.views import HEAD, read_look, readable, status_of
from redflow.model.explain import Reason, explain_execution, explain_node
from redflow.model.facts import Facts
from redflow.model.operations import WorkerInfo
from redflow.model.plan import Plan
from redflow.store.explaining import Explained, Held, explain_step
from redflow.store.keys import PartitionKeys
from redflow.store.records import RawExecution
from redflow.store.steps import read_fields

PAGE = 100  # steps looked at by one call


class Explaining:
    """Says why executions of one namespace do not go on."""

    def __init__(self, namespace: Namespace, reader: Reader, workers: Workers) -> None:
        self._namespace = namespace
        self._reader = reader
        self._workers = workers

    def explain(self, execution: str, node: str | None) -> list[Reason]:
        """Return all reasons, in order; raises NotFound, InvalidInput for an unknown node."""
        raw = (self._reader.look(execution)).raw
        plan = self._reader.plan_of(raw)
        if node is None:
            steps = range(1, len(plan.steps) + 1)
            return explain_execution(plan, self._gather(raw, plan, steps))
        number = plan.numbers.get(node)
        if number is None:
            raise unknown_node(plan, node)
        parents = {parent.step for parent in plan.step(number).parents}
        facts = self._gather(raw, plan, sorted({*parents, number}))
        return explain_node(plan, facts, number)

    def _gather(self, raw: RawExecution, plan: Plan, steps: Sequence[int]) -> Facts:
        """Read page by page, parents first, and last how the execution itself stands."""
        partition = self._namespace.partition_of(raw.id)
        pages = [
            self._page(partition, raw, plan, steps[first : first + PAGE])
            for first in range(0, len(steps), PAGE)
        ]
        held = [one for page in pages for one in page.steps]
        workers = self._serving(waiting_queues(held), pages[-1].now)
        ends = self._ends(partition, held)
        now = (self._reader.look(raw.id)).raw
        return facts_of(now, pages, workers, ends, self._namespace.values)

    def _page(
        self, partition: PartitionKeys, raw: RawExecution, plan: Plan, steps: Sequence[int]
    ) -> Explained:
        op = explain_step(
            self._namespace.space(),
            partition,
            execution=raw.id,
            workflow=raw.workflow,
            queues=plan.queues,
            steps=steps,
        )
        with readable(raw.id):
            page = self._namespace.driver.run(op)
        if page is None:
            raise unknown_execution(raw.id, self._namespace.name)
        return page

    def _serving(self, queues: Sequence[str], now: int) -> dict[str, list[WorkerInfo]]:
        """Return the live workers of queues, as they were at that moment."""
        found = self._workers.of_queues(queues, now)
        return {queue: [one for one in of if one.alive] for queue, of in found.items()}

    def _ends(self, partition: PartitionKeys, held: Sequence[Held]) -> dict[str, str]:
        """Return the statuses of the executions that steps wait for."""
        ids = children(held)
        ops = [read_fields(partition, child, HEAD) for child in ids]
        looks = self._namespace.driver.run_many(ops)
        found = {}
        for child, fields in zip(ids, looks, strict=True):
            look = read_look(child, fields)
            found[child] = "gone" if look is None else str(status_of(look.raw))
        return found
