"""What all actions on one execution share: find it, ask, carry out what is ordered, refuse."""

from dataclasses import dataclass
from typing import TypeVar

from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.orders import AsyncOrders
from redflow.client._async.plans import AsyncPlans
from redflow.client._async.reading import AsyncReader
from redflow.client.refusals import too_late, unknown_execution
from redflow.errors import StoreError
from redflow.model.plan import Plan
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op
from redflow.store.space import Space

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """An execution that something is to be done to."""

    execution: str
    space: Space
    partition: PartitionKeys
    plan: Plan


class AsyncActing:
    """Asks the scripts that change one execution."""

    def __init__(
        self,
        namespace: AsyncNamespace,
        plans: AsyncPlans,
        reader: AsyncReader,
        orders: AsyncOrders,
    ) -> None:
        self._namespace = namespace
        self._plans = plans
        self._reader = reader
        self._orders = orders

    async def find(self, execution: str) -> Target:
        """Return an execution with its plan; raises NotFound."""
        look = await self._reader.look(execution)
        space = await self._namespace.space()
        plan = await self._reader.plan_of(look.raw)
        return Target(execution, space, space.keys.partition_of(execution), plan)

    async def ask(self, partition: PartitionKeys, plan: Plan, op: Op[T]) -> T:
        """Ask a script; a partition that has lost the plan gets it again."""
        try:
            return await self._namespace.driver.run(op)
        except StoreError as error:
            if "PLAN" not in str(error):
                raise
        await self._plans.put(plan, [partition])
        return await self._namespace.driver.run(op)

    async def read(self, op: Op[T]) -> T:
        """Ask what changes nothing."""
        return await self._namespace.driver.run(op)

    async def carry_out(self, target: Target, orders: list[str]) -> None:
        """Do what a script has ordered; what fails is left to a sweep."""
        if orders:
            known = {target.execution: target.plan}
            await self._orders.carry_out(target.partition, orders, known)

    async def accept(self, action: str, target: Target, word: str) -> None:
        """Raise NotFound for `gone` and Conflict for `late`, whatever the action is."""
        if word == "gone":
            raise unknown_execution(target.execution, self._namespace.name)
        if word == "late":
            raise too_late(action, (await self._reader.look(target.execution)).raw)
