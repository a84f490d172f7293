"""The worker process of `redflow dev`: loads the application, waits for its turn, works."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from redflow.cli.application import load_engine, placed, workflows_of
from redflow.cli.base import State
from redflow.cli.dev_logs import configure
from redflow.cli.output import note
from redflow.cli.serve import serve
from redflow.errors import InvalidWorkflow

if TYPE_CHECKING:
    from redflow.engine import Engine
    from redflow.model.workflow import Workflow

DRAIN = 5.0
"""Seconds for steps under way: whoever waits for new code waits for them."""


def work(state: State, app: str, *, ready: int, level: str) -> None:
    """Load the application, say so on the descriptor `ready`, and work once standard input says so.

    Whatever is wrong with it is raised before that: no workflow has been registered then.
    """
    configure(state, level)
    os.set_inheritable(ready, False)
    engine, module = load_engine(app)
    flows = [engine.registry.complete(one) for one in workflows_of(module, engine)]
    for flow in flows:
        if problems := engine.registry.problems(flow):
            raise InvalidWorkflow(problems, hint=f"in workflow {flow.id!r} of {app}")
    asyncio.run(_prepare(placed(state, engine, app)))
    os.write(ready, b"\n")
    os.close(ready)
    if not os.read(sys.stdin.fileno(), 1):
        return  # who started this has gone
    asyncio.run(_register(placed(state, engine, app), flows))
    settings: dict[str, object] = {"queues": _queues(flows), "drain": DRAIN}
    serve(placed(state, engine, app), settings, supervised=True)


async def _prepare(engine: Engine) -> None:
    """Reach the server, and create the namespace if it is missing."""
    async with engine:
        await engine.create_namespace()


async def _register(engine: Engine, flows: list[Workflow]) -> None:
    """Register workflows; the code's version becomes the latest, even one that had been before."""
    async with engine:
        for flow in flows:
            made = await engine.register_workflow(flow)
            if (await engine.workflows.get(flow.id)).version != made.version:
                await engine.workflows.activate(flow.id, made.version)
            note(f"workflow {flow.id}: version {made.version}")
    if not flows:
        note("the module binds no workflow and its engine includes none: nothing was registered")


def _queues(flows: list[Workflow]) -> tuple[str, ...]:
    """Return every queue that a step may wait in: no other worker would come for it."""
    return tuple(dict.fromkeys(["default", *(node.queue for flow in flows for node in flow.nodes)]))
