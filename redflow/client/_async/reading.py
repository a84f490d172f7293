"""Reading executions: how one stands, its values, its steps."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from redflow.client._async.namespace import AsyncNamespace
from redflow.client._async.plans import AsyncPlans
from redflow.client._async.storing import fetched, shown
from redflow.client.endings import failure_of
from redflow.client.refusals import unknown_execution
from redflow.client.views import (
    HEAD,
    Look,
    Owner,
    before,
    execution_of,
    is_kept_apart,
    is_shown,
    outputs_of,
    parent_node,
    read_look,
    readable,
    step_of,
    summary_of,
)
from redflow.errors import NotFound
from redflow.model.codec import Stored
from redflow.model.execution import Execution, ExecutionSummary, Step
from redflow.model.inputs import execution_output
from redflow.model.plan import Plan
from redflow.store.executions import read_execution
from redflow.store.keys import PartitionKeys
from redflow.store.records import RawExecution, RawStep, read_step
from redflow.store.steps import Envelope, read_envelope, read_fields
from redflow.store.sweeps import read_tokens

STEPS = 100  # read by one call
SINKS = 100  # fields read by one call


class AsyncReader:
    """Reads the executions of one namespace."""

    def __init__(self, namespace: AsyncNamespace, plans: AsyncPlans) -> None:
        self._namespace = namespace
        self._values = namespace.values
        self._plans = plans

    async def look(self, execution: str, plan: Plan | None = None) -> Look:
        """Return how an execution stands; with its plan, the outputs of its sinks as well.

        Raises NotFound. One small read: neither input nor large values are touched.
        """
        partition = await self._namespace.partition_of(execution)
        sinks = plan.sinks[:SINKS] if plan else []
        fields = [*HEAD, *(f"s{number}" for number in sinks)]
        found = await self._namespace.driver.run(read_fields(partition, execution, fields))
        look = read_look(execution, found, sinks)
        if look is None:
            raise self._unknown(execution)
        return look

    async def plan_of(self, raw: RawExecution) -> Plan:
        """Return the plan an execution runs."""
        return await self._plans.of_execution(raw.workflow, raw.version, raw.plan)

    async def output(
        self, raw: RawExecution, plan: Plan, known: Mapping[int, bytes | None], *, strict: bool
    ) -> Any:
        """Return the output of a COMPLETED execution; `known` are records of sinks read before.

        With `strict` a payload that is missing is an error; else it is shown as Stored.
        """
        partition = await self._namespace.partition_of(raw.id)
        records = dict(known)
        missing = [number for number in plan.sinks if number not in records]
        records |= await self.fields(partition, raw.id, "s", missing)
        apart = [number for number, record in records.items() if record and is_kept_apart(record)]
        large = await self.fields(partition, raw.id, "big:s", apart)
        outputs = outputs_of(raw.id, plan, records, large, self._values)
        bring = fetched if strict else shown
        for number, one in outputs.items():
            value = await bring(self._values, one.value, raw.id)
            outputs[number] = replace(one, value=value)
        return execution_output(plan, outputs.get)

    async def result(self, look: Look) -> Any:
        """Return the output of an execution that has ended.

        Raises ExecutionFailed or ExecutionCancelled if it ended so; PayloadMissing.
        """
        plan = await self.plan_of(look.raw)
        if look.raw.ended_as != "C":
            raise failure_of(look.raw, plan, self._values)
        return await self.output(look.raw, plan, look.sinks, strict=True)

    async def execution(self, execution: str) -> Execution:
        """Return an execution with its values; raises NotFound."""
        space = await self._namespace.space()
        partition = space.keys.partition_of(execution)
        with readable(execution):
            raw = await self._namespace.driver.run(read_execution(space, partition, execution))
        if raw is None:
            raise self._unknown(execution)
        plan = await self.plan_of(raw)
        ended = raw.ended_as == "C"
        output = await self.output(raw, plan, {}, strict=False) if ended else None
        undone = await self._undone(raw, plan)
        node = await self._parent_node(raw)
        found = execution_of(raw, plan, output, undone, node=node, values=self._values)
        return replace(found, input=await shown(self._values, found.input, raw.id))

    async def _undone(self, raw: RawExecution, plan: Plan) -> list[RawStep]:
        """Return the records of compensations, once all of them are over."""
        if raw.ended_as in (None, "C") or not raw.undo_total:
            return []
        return await self.records(raw, range(plan.forward + 1, len(plan.steps) + 1))

    async def _parent_node(self, raw: RawExecution) -> str | None:
        """Return the node that started a child; a long id does not tell it."""
        node = parent_node(raw)
        if node is not None or raw.parent is None or raw.parent_step is None:
            return node
        try:
            plan = await self.plan_of((await self.look(raw.parent)).raw)
        except NotFound:
            return None
        return plan.step(raw.parent_step).id

    async def summary(self, raw: RawExecution) -> ExecutionSummary:
        """Return an execution as lists show it."""
        plan = None if raw.failed_step is None else await self.plan_of(raw)
        return summary_of(raw, plan, self._values)

    async def steps(self, execution: str) -> list[Step]:
        """Return the steps, parents first; each page of 100 as it stands at one moment."""
        look = await self.look(execution)
        plan = await self.plan_of(look.raw)
        space = await self._namespace.space()
        partition = space.keys.partition_of(execution)
        steps: list[Step] = []
        for first in range(1, len(plan.steps) + 1, STEPS):
            last = min(first + STEPS - 1, len(plan.steps))
            op = read_execution(
                space, partition, execution, queues=plan.queues, first=first, last=last
            )
            with readable(execution):
                page = await self._namespace.driver.run(op)
            if page is None:
                raise self._unknown(execution)
            tokens = await self._tokens(partition, page.steps)
            records = {one.step: one for one in page.steps}
            owner = Owner(execution, plan, self._values, page.ended is not None)
            with readable(execution):
                steps += [
                    step_of(owner, number, records.get(number), tokens.get(number))
                    for number in range(first, last + 1)
                    if is_shown(plan, number, records.get(number))
                ]
        return [
            replace(one, output=await shown(self._values, one.output, execution))
            if type(one.output) is Stored
            else one
            for one in steps
        ]

    async def _tokens(self, partition: PartitionKeys, steps: list[RawStep]) -> dict[int, Envelope]:
        """Return what the tokens of live steps carry; one consumed meanwhile is left out."""
        live = [one for one in steps if one.kind == "q"]
        ops = [read_tokens(partition, one.queue, before(one.token), 1) for one in live]
        found = await self._namespace.driver.run_many(ops)
        return {
            one.step: read_envelope(entry)
            for one, entries in zip(live, found, strict=True)
            for token, entry in entries
            if token == one.token
        }

    async def records(self, raw: RawExecution, numbers: Iterable[int]) -> list[RawStep]:
        """Return the records of steps that have one; values that are kept apart are left out."""
        partition = await self._namespace.partition_of(raw.id)
        found = await self.fields(partition, raw.id, "s", list(numbers))
        with readable(raw.id):
            return [read_step(number, record) for number, record in found.items() if record]

    async def fields(
        self, partition: PartitionKeys, execution: str, prefix: str, numbers: list[int]
    ) -> dict[int, bytes | None]:
        """Return numbered fields of an execution, None for one that is not there."""
        pages = [numbers[first : first + SINKS] for first in range(0, len(numbers), SINKS)]
        ops = [read_fields(partition, execution, [f"{prefix}{n}" for n in page]) for page in pages]
        found = await self._namespace.driver.run_many(ops)
        values = [value for page in found for value in page]
        return dict(zip(numbers, values, strict=True))

    def _unknown(self, execution: str) -> NotFound:
        return unknown_execution(execution, self._namespace.name)
