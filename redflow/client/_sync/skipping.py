# GENERATED from redflow/client/_async/skipping.py by tests/tools/unasync.py: change that file.
"""Skipping steps: an operator gives the output that a step will not produce itself."""

from typing import Any

from redflow.client._sync.acting import Acting
from redflow.client.refusals import not_skippable, unknown_node
from redflow.errors import InvalidInput
from redflow.model import codec
from redflow.model.plan import PlanStep
from redflow.model.routing import not_taken
from redflow.store.stopping import skip_step


class Skipping:
    """Skips steps of executions of one namespace; safe to repeat while the step is live."""

    def __init__(self, acting: Acting) -> None:
        self._acting = acting

    def skip(self, execution: str, node: str, output: Any, label: str | None) -> None:
        """Settle a live step with an output; raises NotFound, Conflict, InvalidInput."""
        value = codec.encode(output)
        target = self._acting.find(execution)
        number = target.plan.numbers.get(node, 0)
        if not 0 < number <= target.plan.forward:
            raise unknown_node(target.plan, node)
        op = skip_step(
            target.space,
            target.partition,
            execution=execution,
            plan=target.plan.hash,
            queues=target.plan.queues,
            step=number,
            value=value,
            not_taken=_refused_edges(target.plan.step(number), label),
        )
        word, orders, _ = self._acting.ask(target.partition, target.plan, op)
        self._acting.carry_out(target, orders)
        self._acting.accept(f"skip node {node!r}", target, word)
        if word != "ok":
            raise not_skippable(execution, node, word)


def _refused_edges(step: PlanStep, label: str | None) -> str:
    try:
        return not_taken(step, label)
    except InvalidInput as error:
        raise InvalidInput(error.args[0], field="label") from error
