"""Cancelling and failing executions from outside, and what is undone then."""

from datetime import timedelta

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver
from redflow.errors import Conflict, ExecutionCancelled, ExecutionFailed, NotFound, StoreError
from redflow.model.status import ExecutionStatus, Phase, StepStatus
from redflow.model.workflow import Workflow
from redflow.store.space import Limits
from tests.client.kit import (
    Workers,
    act_by,
    awaiting,
    chain,
    count_trips,
    failed,
    hold,
    sleeping,
    wide,
)


def saga(*, on_cancel: str = "compensate") -> Workflow:
    """Two nodes that can be undone, then one that cannot."""
    builder = Workflow.builder("trip")
    for node in ("book", "pay", "end", "unbook", "refund"):
        builder = builder.add_node(node, "function").with_config("function", "f")
        if node == "book":
            builder = builder.with_saga("unbook")
        if node == "pay":
            builder = builder.with_saga("refund")
    return builder.connect("book", "pay").connect("pay", "end").on_cancel(on_cancel).build()


async def test_cancel_ends_what_waits_at_once(client: AsyncClient):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    await client.cancel_execution(handle.id, "not wanted")
    execution = await handle.execution()
    assert (execution.status, execution.phase) == (ExecutionStatus.CANCELLED, Phase.DONE)
    assert execution.cancel_reason == "not wanted"
    assert {step.status for step in await handle.steps()} == {StepStatus.CANCELLED}
    with pytest.raises(ExecutionCancelled, match="not wanted") as caught:
        await handle.result(1)
    assert caught.value.reason == "not wanted"


@pytest.mark.parametrize("outcome", [sleeping(60_000), awaiting("go"), awaiting("go", 60_000)])
async def test_cancel_ends_what_sleeps_and_what_waits_for_a_signal(
    client: AsyncClient, workers: Workers, outcome: tuple[str, bytes, str]
):
    await client.register_workflow(chain("order"))
    handle = await client.execute("order")
    await workers.run(act_by(a=outcome))
    await handle.cancel()
    assert await handle.status() is ExecutionStatus.CANCELLED


async def test_cancel_waits_for_what_runs(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    await workers.run(hold)
    await handle.cancel()
    await handle.cancel()
    execution = await handle.execution()
    assert (execution.status, execution.phase) == (ExecutionStatus.RUNNING, Phase.CANCELLING)


async def test_cancel_of_one_that_has_not_begun(client: AsyncClient):
    await client.register_workflow(chain())
    handle = await client.execute("order", delay=timedelta(days=1))
    await handle.cancel("changed my mind")
    assert await handle.status() is ExecutionStatus.CANCELLED


async def test_cancel_undoes_what_was_done(client: AsyncClient, workers: Workers):
    await client.register_workflow(saga())
    handle = await client.execute("trip")
    await workers.run(act_by(end=sleeping(60_000)))
    await handle.cancel()
    execution = await handle.execution()
    assert execution.phase is Phase.COMPENSATING
    assert execution.compensation is None
    await workers.run()
    execution = await handle.execution()
    assert (execution.status, execution.compensation) == (ExecutionStatus.CANCELLED, "completed")
    steps = {step.node_id: step.status for step in await handle.steps()}
    assert steps["book~undo"] is steps["pay~undo"] is StepStatus.COMPLETED


async def test_a_workflow_that_abandons_what_was_done(client: AsyncClient, workers: Workers):
    await client.register_workflow(saga(on_cancel="abandon"))
    handle = await client.execute("trip")
    await workers.run(act_by(end=sleeping(60_000)))
    await handle.cancel()
    execution = await handle.execution()
    assert (execution.status, execution.compensation) == (ExecutionStatus.CANCELLED, "abandoned")
    assert "book~undo" not in {step.node_id for step in await handle.steps()}


async def test_compensations_that_fail_are_named(client: AsyncClient, workers: Workers):
    await client.register_workflow(saga())
    handle = await client.execute("trip")
    await workers.run(act_by(end=failed("no seat"), **{"pay~undo": failed("bank is closed")}))
    execution = await handle.execution()
    assert (execution.status, execution.failed_node) == (ExecutionStatus.FAILED, "end")
    assert (execution.compensation, execution.failed_compensations) == ("failed", ("pay",))


async def test_nothing_is_undone_of_one_that_completed(client: AsyncClient, workers: Workers):
    await client.register_workflow(saga())
    handle = await client.execute("trip")
    await workers.run()
    assert (await handle.execution()).compensation is None


async def test_an_operator_fails_an_execution(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    await client.fail_execution(handle.id, "the customer is unknown")
    await handle_has_failed(client, handle.id)
    with pytest.raises(ExecutionFailed) as caught:
        await handle.result(1)
    assert (caught.value.node, caught.value.reason) == ("", "operator")
    assert caught.value.error == "Failed: the customer is unknown"


async def handle_has_failed(client: AsyncClient, id: str) -> None:
    execution = await client.get_execution(id)
    assert (execution.status, execution.failed_node) == (ExecutionStatus.FAILED, None)
    assert execution.error
    assert (execution.error.message, execution.error.reason) == (
        "the customer is unknown",
        "operator",
    )


@pytest.mark.parametrize("act", ["cancel", "fail"])
async def test_what_has_ended_stays_as_it_is(client: AsyncClient, workers: Workers, act: str):
    await client.register_workflow(chain())
    handle = await client.execute("order", id="mine")
    await workers.run()
    with pytest.raises(Conflict, match="'mine' is COMPLETED in the phase done") as caught:
        await (handle.cancel() if act == "cancel" else handle.fail("late"))
    assert "rerun_execution" in caught.value.hint


async def test_what_is_cancelling_cannot_be_failed(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain())
    handle = await client.execute("order", id="mine")
    await workers.run(hold)
    await handle.cancel()
    with pytest.raises(Conflict, match="cannot fail: execution 'mine' is RUNNING in the phase can"):
        await handle.fail("me too")


async def test_what_is_not_there(client: AsyncClient):
    await client.register_workflow(chain())
    with pytest.raises(NotFound, match="execution 'nope' does not exist"):
        await client.cancel_execution("nope")
    with pytest.raises(NotFound, match="execution 'nope' does not exist"):
        await client.fail_execution("nope", "gone")


async def test_a_child_ends_with_its_parent(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("child"))
    await client.register_workflow(chain("order"))
    handle = await client.execute("order", id="mine")
    (claim,) = await workers.run(hold)
    child = await workers.start_child(claim, "child", {"n": 1})
    assert child == "mine.a"
    execution = await client.get_execution(child)
    assert (execution.parent, execution.parent_node) == ("mine", "a")
    step = (await handle.steps())[0]
    assert (step.status, step.waiting_for) == (StepStatus.WAITING, "mine.a")

    await handle.cancel()
    assert await client.handle(child).status() is ExecutionStatus.CANCELLED
    assert await handle.status() is ExecutionStatus.CANCELLED


async def test_children_of_children_with_long_ids(client: AsyncClient, workers: Workers):
    node = "n" * 64
    await client.register_workflow(chain("order", node))
    id = "x" * 128
    await client.execute("order", id=id)
    (claim,) = await workers.run(hold)
    child = await workers.start_child(claim, "order")
    (claim,) = await workers.run(hold)
    grandchild = await workers.start_child(claim, "order")
    assert len(grandchild) < len(child) == 193
    execution = await client.get_execution(grandchild)
    assert (execution.parent, execution.parent_node) == (child, node)
    (summary,) = (one for one in (await client.list_executions()).items if one.id == grandchild)
    assert (summary.parent, summary.parent_node) == (child, None)  # that costs a read

    await client.cancel_execution(id)
    assert await client.handle(grandchild).status() is ExecutionStatus.CANCELLED


async def test_every_page_of_a_wide_execution_is_stopped(
    client: AsyncClient, workers: Workers, connector, namespace: str
):
    async with AsyncClient(connector, namespace=namespace, limits=Limits(page=3)) as small:
        await small.register_workflow(wide("wide", 10))
        handle = await small.execute("wide")
        await handle.cancel()
        assert await handle.status() is ExecutionStatus.CANCELLED


async def test_orders_that_fail_are_left_to_a_sweep(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch, caplog
):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    driver = client._namespace.driver
    run = driver.run

    async def failing(op, **options):
        if op.name == "promote_timers":
            raise StoreError("no more")
        return await run(op, **options)

    monkeypatch.setattr(driver, "run", failing)
    await handle.cancel()
    assert (await handle.execution()).phase is Phase.CANCELLING
    assert "orders wait for a sweep: no more" in caplog.text
    monkeypatch.undo()
    await workers.sweep()
    assert await handle.status() is ExecutionStatus.CANCELLED


async def test_a_plan_that_a_partition_has_lost_is_given_again(
    client: AsyncClient, driver: AsyncDriver
):
    info = await client.register_workflow(chain())
    handle = await client.execute("order")
    partition = await client._namespace.partition_of(handle.id)
    await driver.raw("DEL", partition.plan(info.content_hash))
    await handle.cancel()
    assert await handle.status() is ExecutionStatus.CANCELLED


async def test_it_takes_few_round_trips(client: AsyncClient):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    counting = count_trips(client)
    await handle.cancel()
    assert counting.asked == ["read_fields", "stop_execution", "promote_timers"]
