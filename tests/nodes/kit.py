"""Runs one node of a type without a worker, and asks what is wrong with its config."""

from __future__ import annotations

from typing import Any

from redflow.model.workflow import Workflow
from redflow.nodes.context import Context, StepInfo
from redflow.nodes.registry import Registry

INFO = StepInfo("ns", "w", 1, "n", "worker", None)


async def answer(type: str, value: Any = None, /, **config: Any) -> Any:
    """What a node `n` of a type answers to an input."""
    return await answer_in({}, type, value, **config)


async def answer_in(scope: dict[str, Any], type: str, value: Any = None, /, **config: Any) -> Any:
    """What a node `n` of a type answers to an input, among other things that it can read."""
    registry = Registry()
    seen = {"steps": {}, "vars": {}, "execution": {}, "workflow": {}} | scope
    context = Context(INFO, "e1", 1, "1-0", value, scope=seen)
    return await registry.types[type].runner(config, registry).call(context)


def problems(type: str, /, **config: Any) -> list[tuple[str, str]]:
    """Where the config of a node `n` is wrong, and what is said of it."""
    workflow = Workflow.builder("w").add_node("n", type, **config).build()
    found = Registry().problems(workflow)
    return [(one.pointer.removeprefix("/nodes/n/config"), one.message) for one in found]
