"""What users of parevo/flow call there has its place here."""

import asyncio
from typing import Any

import pytest

from redflow import Conflict, Engine, ExecutionStatus, RetryPolicy, Workflow
from redflow.model.status import Phase


@pytest.fixture
async def engine():
    """`NewEngine(NewMemoryStorage(), NewRegistry())`."""
    async with Engine.memory() as made:
        yield made


def order() -> Workflow:
    """`NewWorkflow(...).AddNode(...).WithConfig(...).WithRetry(...).WithSaga(...).Connect(...)`."""
    return (
        Workflow.builder("order", "Order")
        .add_node("charge", "function")
        .with_config("function", "charge")
        .with_retry(RetryPolicy(max_attempts=2, initial_interval=0.01))
        .with_saga("refund")
        .add_node("approve", "signal")
        .add_node("ship", "function")
        .with_config("function", "ship")
        .add_node("refund", "function")
        .with_config("function", "refund")
        .connect("charge", "approve")
        .connect("approve", "ship")
        .build()
    )


async def waiting(engine: Engine, id: str) -> None:
    """Return when the execution waits for its signal."""
    while "WAITING" not in {step.status for step in await engine.get_execution_steps(id)}:
        await asyncio.sleep(0)


async def test_the_calls_of_the_seed(engine: Engine):
    refunded: list[Any] = []
    engine.registry.register_function("charge", lambda order: {**order, "paid": True})
    engine.registry.register_function("ship", lambda order: {**order, "shipped": True})
    engine.registry.register_function("refund", refunded.append)
    await engine.register_workflow(order())
    worker = asyncio.create_task(engine.start_worker("worker-1"))
    try:
        # Execute, SignalExecution, GetExecution, GetExecutionSteps
        shipped = await engine.execute("order", {"amount": 42})
        await waiting(engine, shipped.id)
        await engine.signal_execution(shipped.id, "approve", {"by": "ann"})
        assert await shipped.result(timeout=20) == {"by": "ann", "shipped": True}
        assert (await engine.get_execution(shipped.id)).status is ExecutionStatus.COMPLETED

        # CancelExecution, and the saga behind it
        unwanted = await engine.execute("order", {"amount": 1})
        await waiting(engine, unwanted.id)
        await engine.cancel_execution(unwanted.id)
        while not (await unwanted.status()).terminal:
            await asyncio.sleep(0)
        assert [one["output"] for one in refunded] == [{"amount": 1, "paid": True}]

        # FailExecution
        broken = await engine.execute("order", {"amount": 2})
        await waiting(engine, broken.id)
        await engine.fail_execution(broken.id, "stolen card")
        with pytest.raises(Conflict):
            await engine.signal_execution(broken.id, "approve")
        while not (await broken.status()).terminal:
            await asyncio.sleep(0)
        execution = await broken.execution()
        assert (execution.status, execution.phase) == (ExecutionStatus.FAILED, Phase.DONE)
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def test_the_managers_of_the_engine(engine: Engine):
    engine.registry.register_function("charge", lambda order: order)
    await engine.register_workflow(
        Workflow.builder("order")
        .add_node("a", "function")
        .with_config("function", "charge")
        .build()
    )
    assert [one.id for one in await engine.workflows.list()] == ["order"]
    assert [one.name for one in await engine.queues.list()] == ["default"]
    assert await engine.workers.list() == []
