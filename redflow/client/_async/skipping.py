"""Skipping steps: an operator gives the output that a step will not produce itself."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from redflow import defaults
from redflow.client._async.acting import AsyncActing, Target
from redflow.client._async.storing import fetched, packed
from redflow.client.refusals import not_skippable, unknown_node
from redflow.crypto.values import Field, Values
from redflow.errors import InvalidInput
from redflow.expressions import EDGE_NAMES, ExpressionError
from redflow.expressions.truth import holds
from redflow.model.inputs import scope_of
from redflow.model.routing import not_taken
from redflow.store.recorded import Source, about_execution, apart_from, recorded
from redflow.store.steps import read_fields
from redflow.store.stopping import skip_step


class AsyncSkipping:
    """Skips steps of executions of one namespace; safe to repeat while the step is live."""

    def __init__(self, acting: AsyncActing, values: Values) -> None:
        self._acting = acting
        self._values = values

    async def skip(self, execution: str, node: str, output: Any, label: str | None) -> None:
        """Settle a live step with an output; raises NotFound, Conflict, InvalidInput."""
        encoded = self._values.encode(output)
        target = await self._acting.find(execution)
        number = target.plan.numbers.get(node, 0)
        if not 0 < number <= target.plan.forward:
            raise unknown_node(target.plan, node)
        refused = await self._refused_edges(target, number, output, label)
        op = skip_step(
            target.space,
            target.partition,
            execution=execution,
            plan=target.plan.hash,
            queues=target.plan.queues,
            step=number,
            value=await packed(self._values, encoded, execution, Field.OUTPUT, node),
            not_taken=refused,
        )
        word, orders, _ = await self._acting.ask(target.partition, target.plan, op)
        await self._acting.carry_out(target, orders)
        await self._acting.accept(f"skip node {node!r}", target, word)
        if word != "ok":
            raise not_skippable(execution, node, word)

    async def _refused_edges(
        self, target: Target, number: int, output: Any, label: str | None
    ) -> str:
        """Say which edges the label and the expressions refuse, as the step's worker would."""
        step = target.plan.step(number)
        scope: dict[str, Any] = {}
        if any(edge.when is not None for edge in step.edges):
            scope = await self._scope(target, number, output)

        try:
            return not_taken(step, label, lambda text: holds(text, scope, EDGE_NAMES))
        except ExpressionError as error:
            raise InvalidInput(error.args[0], field="output") from error
        except InvalidInput as error:
            raise InvalidInput(error.args[0], field="label") from error

    async def _scope(self, target: Target, number: int, output: Any) -> dict[str, Any]:
        """Read what the expressions of a step's edges may read, all but the input it never had."""
        plan, namespace = target.plan, target.space.keys.namespace
        fields = plan.step(number).reads
        found = await self._read(target, fields)
        large = apart_from(fields, found)
        apart = await self._read(target, [f"big:{name}" for name in large])
        records = recorded(
            Source(self._values, target.execution, plan),
            fields,
            found,
            dict(zip(large, apart, strict=True)),
            limit=defaults.JOIN_LIMIT,
            node=plan.step(number).id,
        )
        for name, record in records.items():
            value = await fetched(self._values, record.value, target.execution)
            records[name] = replace(record, value=value)
        return {
            **scope_of(plan, number, records),
            "execution": about_execution(namespace, target.execution, fields, records),
            "workflow": {"id": plan.workflow, "version": plan.version},
            "output": output,
        }

    async def _read(self, target: Target, fields: Sequence[str]) -> list[bytes | None]:
        if not fields:
            return []
        return await self._acting.read(read_fields(target.partition, target.execution, fields))
