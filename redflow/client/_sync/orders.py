# GENERATED from redflow/client/_async/orders.py by tests/tools/unasync.py: change that file.
"""Orders: what did not fit into a call is carried out here at once, or by the next sweep."""

import logging
from collections.abc import Mapping, Sequence

from redflow.client._sync.namespace import Namespace
from redflow.client._sync.plans import Plans
from redflow.errors import NotFound, StoreError
from redflow.model.plan import Plan
from redflow.store.keys import PartitionKeys
from redflow.store.op import Word
from redflow.store.sweeps import owner_of, promote_timers, read_plan_hash

logger = logging.getLogger(__name__)

PAGE = 10  # orders carried out by one call; each may settle 1,000 edges
CALLS = 100  # made for one request; what is left is done by the next sweep of a worker


class Orders:
    """Carries out the orders that scripts answer."""

    def __init__(self, namespace: Namespace, plans: Plans) -> None:
        self._namespace = namespace
        self._plans = plans

    def carry_out(
        self, partition: PartitionKeys, orders: Sequence[str], known: Mapping[str, Plan]
    ) -> None:
        """Do what is ordered, and what comes of it; `known` are plans of executions."""
        left, plans = list(orders), dict(known)
        try:
            for _ in range(CALLS):
                page, left = left[:PAGE], left[PAGE:]
                if not page:
                    return
                left += self._promote(partition, page, plans)
        except (StoreError, NotFound) as error:
            logger.warning("orders wait for a sweep: %s", error)

    def _promote(
        self, partition: PartitionKeys, page: Sequence[str], plans: dict[str, Plan]
    ) -> list[str]:
        executions = list(dict.fromkeys(owner_of(member) for member in page))
        self._learn(partition, [one for one in executions if one not in plans], plans)
        used = [plans[one] for one in executions if one in plans]
        rows: list[Word] = []
        for member in page:
            rows += (member, executions.index(owner_of(member)) + 1)
        op = promote_timers(
            self._namespace.space(),
            partition,
            queues=sorted({queue for plan in used for queue in plan.queues}),
            executions=executions,
            plans=sorted({plan.hash for plan in used}),
            members=rows,
        )
        return (self._namespace.driver.run(op)).orders

    def _learn(
        self, partition: PartitionKeys, executions: Sequence[str], plans: dict[str, Plan]
    ) -> None:
        """Read the plans of executions that come in by orders: children and parents."""
        ops = [read_plan_hash(partition, execution) for execution in executions]
        found = self._namespace.driver.run_many(ops)
        for execution, content_hash in zip(executions, found, strict=True):
            if content_hash:
                plans[execution] = self._plans.get(content_hash)
