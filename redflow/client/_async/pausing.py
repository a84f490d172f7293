"""Pausing executions, workflows, queues and the namespace, and letting them go on."""

from collections.abc import AsyncIterator, Sequence

from redflow.client._async.acting import AsyncActing
from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.orders import AsyncOrders
from redflow.client._async.plans import AsyncPlans
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


class AsyncPausing:
    """Pauses what runs in one namespace; safe to repeat."""

    def __init__(
        self,
        namespace: AsyncNamespace,
        plans: AsyncPlans,
        acting: AsyncActing,
        orders: AsyncOrders,
    ) -> None:
        self._namespace = namespace
        self._plans = plans
        self._acting = acting
        self._orders = orders

    async def pause(self, execution: str, reason: str) -> None:
        """Start no more steps of an execution; raises NotFound, Conflict."""
        await self._switch(execution, on=True, note=pause_note(reason))

    async def resume(self, execution: str) -> None:
        """Let a paused execution go on; raises NotFound, Conflict."""
        await self._switch(execution, on=False, note=b"")

    async def _switch(self, execution: str, *, on: bool, note: bytes) -> None:
        target = await self._acting.find(execution)
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
        (word,), orders = await self._acting.ask(target.partition, target.plan, op)
        await self._acting.carry_out(target, orders)
        await self._acting.accept("pause" if on else "resume", target, word)

    # Queues and the namespace

    async def claims(self, queue: str, *, on: bool, reason: str = "") -> None:
        """Let workers claim nothing from a queue, `*` for any queue, or claim again."""
        space = await self._namespace.space()
        note = pause_note(reason) if on else b""
        what = "namespace" if queue == EVERYTHING else "queue"
        await self._namespace.driver.run(put_pause(space, queue, on=on, note=note))
        await self._namespace.driver.run_many(
            [
                pause_partition(space, partition, what=what, name=queue, on=on, note=note)
                for partition in space.keys
            ]
        )

    # Workflows

    async def workflow(self, workflow: str, *, on: bool, reason: str = "") -> None:
        """Pause all executions of a workflow and those to come; raises NotFound."""
        space = await self._namespace.space()
        note = pause_note(reason) if on else b""
        # First the news, so that what starts meanwhile begins as it should.
        words = await self._namespace.driver.run_many(
            [
                pause_partition(space, partition, what="workflow", name=workflow, on=on, note=note)
                for partition in space.keys
            ]
        )
        if set(words) == {"unknown"}:
            raise unknown_workflow(workflow, self._namespace.name)
        for partition in space.keys:
            async for page in self._live(partition, workflow):
                await self._switch_page(partition, page, on=on)

    async def _live(
        self, partition: PartitionKeys, workflow: str
    ) -> AsyncIterator[dict[str, Plan]]:
        """Yield the unfinished executions of a workflow with their plans, newest first."""
        space = await self._namespace.space()
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
            found = await self._namespace.driver.run(op)
            if not found:
                return
            behind = Place(found[-1][1], found[-1][0])
            yield await self._of_workflow(partition, workflow, [id for id, _ in found])

    async def _of_workflow(
        self, partition: PartitionKeys, workflow: str, executions: Sequence[str]
    ) -> dict[str, Plan]:
        ops = [read_fields(partition, one, ("start", "state")) for one in executions]
        plans: dict[str, Plan] = {}
        heads = await self._namespace.driver.run_many(ops)
        for execution, (start, state) in zip(executions, heads, strict=True):
            if start and state and start.decode().split(" ")[1] == workflow:
                plans[execution] = await self._plans.get(state.decode().split(" ")[3])
        return plans

    async def _switch_page(
        self, partition: PartitionKeys, page: dict[str, Plan], *, on: bool
    ) -> None:
        if not page:
            return
        used = {plan.hash: plan for plan in page.values()}
        op = pause_execution(
            await self._namespace.space(),
            partition,
            executions=list(page),
            plans=sorted(used),
            queues=sorted({queue for plan in used.values() for queue in plan.queues}),
            on=on,
            letter="w",
        )
        _, orders = await self._namespace.driver.run(op)
        await self._orders.carry_out(partition, orders, page)
