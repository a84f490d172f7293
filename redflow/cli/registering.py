"""Registers workflows through an engine: all are checked before the first is sent."""

from __future__ import annotations

import asyncio

from redflow.engine import Engine
from redflow.errors import InvalidWorkflow
from redflow.model.execution import WorkflowVersion
from redflow.model.workflow import Workflow


def register_all(
    engine: Engine, found: list[tuple[str, Workflow]], partitions: int | None
) -> list[WorkflowVersion]:
    """Register workflows, each given with the name of its source; raises InvalidWorkflow."""
    return asyncio.run(_register(engine, found, partitions))


async def _register(
    engine: Engine, found: list[tuple[str, Workflow]], partitions: int | None
) -> list[WorkflowVersion]:
    """Check all, then register all."""
    async with engine:
        for source, one in found:
            if problems := engine.registry.problems(engine.registry.complete(one)):
                raise InvalidWorkflow(problems, hint=f"in {source}; nothing was registered")
        return [await engine.register_workflow(one, partitions=partitions) for _, one in found]
