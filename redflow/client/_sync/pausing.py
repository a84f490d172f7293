# GENERATED from redflow/client/_async/pausing.py by tests/tools/unasync.py: change that file.
"""Pausing executions, workflows, queues and the namespace, and letting them go on."""

from collections.abc import Iterator, Sequence

from redflow.client._sync.acting import Acting
from redflow.client._sync.namespace import Namespace
from redflow.client._sync.orders import Orders
from redflow.client._sync.plans import Plans
from redflow.client.actor import pause_note
from redflow.client.cursors import Place
from redflow.client.registered import unknown_workflow
from redflow.model.plan import Plan
from redflow.store.executions import list_executions
from redflow.store.keys import PartitionKeys
from redflow.store.steps import read_fields
from redflow.store.stopping import pause_execution, pause_partition
from redflow.store.workers import put_pause

PAGE = 100  # executions paused by one call
EVERYTHING = "*"


class Pausing:
    """Pauses what runs in one namespace; safe to repeat."""

    def __init__(
        self,
        namespace: Namespace,
        plans: Plans,
        acting: Acting,
        orders: Orders,
    ) -> None:
        self._namespace = namespace
        self._plans = plans
        self._acting = acting
        self._orders = orders

    def pause(self, execution: str, reason: str) -> None:
        """Start no more steps of an execution; raises NotFound, Conflict."""
        self._switch(execution, on=True, note=pause_note(reason))

    def resume(self, execution: str) -> None:
        """Let a paused execution go on; raises NotFound, Conflict."""
        self._switch(execution, on=False, note=b"")

    def _switch(self, execution: str, *, on: bool, note: bytes) -> None:
        target = self._acting.find(execution)
        op = pause_execution(
            target.space,
            target.partition,
            executions=[execution],
            plans=[target.plan.hash],
            queues=target.plan.queues,
            on=on,
            letter="p",
            note=note,
        )
        (word,), orders = self._acting.ask(target.partition, target.plan, op)
        self._acting.carry_out(target, orders)
        self._acting.accept("pause" if on else "resume", target, word)

    # Queues and the namespace

    def claims(self, queue: str, *, on: bool, reason: str = "") -> None:
        """Let workers claim nothing from a queue, `*` for any queue, or claim again."""
        space = self._namespace.space()
        note = pause_note(reason) if on else b""
        what = "namespace" if queue == EVERYTHING else "queue"
        self._namespace.driver.run(put_pause(space, queue, on=on, note=note))
        self._namespace.driver.run_many(
            [
                pause_partition(space, partition, what=what, name=queue, on=on, note=note)
                for partition in space.keys
            ]
        )

    # Workflows

    def workflow(self, workflow: str, *, on: bool, reason: str = "") -> None:
        """Pause all executions of a workflow and those to come; raises NotFound."""
        space = self._namespace.space()
        note = pause_note(reason) if on else b""
        # First the news, so that what starts meanwhile begins as it should.
        words = self._namespace.driver.run_many(
            [
                pause_partition(space, partition, what="workflow", name=workflow, on=on, note=note)
                for partition in space.keys
            ]
        )
        if set(words) == {"unknown"}:
            raise unknown_workflow(workflow, self._namespace.name)
        for partition in space.keys:
            for page in self._live(partition, workflow):
                self._switch_page(partition, page, on=on)

    def _live(self, partition: PartitionKeys, workflow: str) -> Iterator[dict[str, Plan]]:
        """Yield the unfinished executions of a workflow with their plans, newest first."""
        space = self._namespace.space()
        behind: Place | None = None
        while True:
            op = list_executions(
                space,
                partition,
                "live",
                before=str(behind.score) if behind else "+inf",
                after=behind.id if behind else "",
                limit=PAGE,
            )
            found = self._namespace.driver.run(op)
            if not found:
                return
            behind = Place(found[-1][1], found[-1][0])
            yield self._of_workflow(partition, workflow, [id for id, _ in found])

    def _of_workflow(
        self, partition: PartitionKeys, workflow: str, executions: Sequence[str]
    ) -> dict[str, Plan]:
        ops = [read_fields(partition, one, ("start", "state")) for one in executions]
        plans: dict[str, Plan] = {}
        heads = self._namespace.driver.run_many(ops)
        for execution, (start, state) in zip(executions, heads, strict=True):
            if start and state and start.decode().split(" ")[1] == workflow:
                plans[execution] = self._plans.get(state.decode().split(" ")[3])
        return plans

    def _switch_page(self, partition: PartitionKeys, page: dict[str, Plan], *, on: bool) -> None:
        if not page:
            return
        used = {plan.hash: plan for plan in page.values()}
        op = pause_execution(
            self._namespace.space(),
            partition,
            executions=list(page),
            plans=sorted(used),
            queues=sorted({queue for plan in used.values() for queue in plan.queues}),
            on=on,
            letter="w",
        )
        _, orders = self._namespace.driver.run(op)
        self._orders.carry_out(partition, orders, page)
