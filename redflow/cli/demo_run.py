"""Runs the demo: finds a server, starts a worker and executions, shows them until they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from redflow.cli.base import State
from redflow.cli.demo_summary import write_summary
from redflow.cli.demo_view import DemoView, Run, view_of
from redflow.cli.demo_workflow import ORDER, ORDERS, SIGNAL, register_functions
from redflow.cli.output import as_json, note, wants_json
from redflow.engine import Engine
from redflow.errors import Misconfigured

NAMESPACE = "demo"
LIMIT = 20.0
"""Seconds for the whole; it takes a fifth of that."""
LOOK_SECONDS = 0.08
APPROVAL_SECONDS = 1.0
"""How long a large order waits before the demo approves it."""


def run_demo(state: State) -> None:
    """Run the demo and write its summary."""
    asyncio.run(_demo(state))


async def _demo(state: State) -> None:
    async with _engine(state) as (engine, where):
        if not wants_json(state):
            note(f"redflow demo on {where}")
        try:
            async with asyncio.timeout(LIMIT):
                runs = await run_orders(engine, view_of(state))
        except TimeoutError:
            raise TimeoutError(f"the demo has not ended within {LIMIT:g} s") from None
        write_summary(state, runs, kept=state.url is not None, namespace=engine.namespace)


async def run_orders(engine: Engine, view: DemoView, *, pace: float = 1.0) -> Sequence[Run]:
    """Register the workflow, start an execution for each order, show them until all have ended."""
    register_functions(engine.registry, pace=pace)
    await engine.register_workflow(ORDER)
    async with engine.worker():
        handles = await engine.execute_many("order", [order.to_input() for order in ORDERS])
        runs = [Run(order, handle) for order, handle in zip(ORDERS, handles, strict=True)]
        clock = asyncio.get_running_loop()
        due = clock.time() + APPROVAL_SECONDS * pace
        with view:
            while not all([await run.look() for run in runs]):
                if clock.time() >= due:
                    await _approve(engine, runs)
                view.show(runs)
                await asyncio.sleep(LOOK_SECONDS)
            view.show(runs)
    return runs


async def _approve(engine: Engine, runs: Sequence[Run]) -> None:
    """Send the signal to the orders that wait for it, once, and say so."""
    for run in runs:
        if run.waits_for(SIGNAL) and not run.sent:
            data = {"approved_by": "redflow demo"}
            await engine.signal_execution(run.handle.id, SIGNAL, data, signal_id="demo")
            run.sent = f"the demo sends the signal {SIGNAL}: {as_json(data)}"


@asynccontextmanager
async def _engine(state: State) -> AsyncIterator[tuple[Engine, str]]:
    """Open an engine on the server that was named, else on an embedded one, else on a fake."""
    namespace = state.namespace if "namespace" in state.given else NAMESPACE
    if state.server is not None or state.url is not None:
        address = state.address()
        async with Engine(address, namespace=namespace) as engine:
            yield engine, f"the Redis of --redis or REDFLOW_URL, namespace {namespace!r}"
        return
    try:
        engine = Engine.local(namespace=namespace)
        await engine.create_namespace()
    except Misconfigured as error:
        note(f"warning: no server of its own could be started: {error.args[0]}")
        note("warning: running on fakeredis, in this process; Redis itself is not involved")
        try:
            engine = Engine.memory(namespace=namespace)
        except Misconfigured:
            raise error from None
    async with engine:
        yield engine, engine.connector.where
