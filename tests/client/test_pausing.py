"""Pausing executions, workflows, queues and the namespace, and letting them go on."""

import pytest

from redflow.client import AsyncClient
from redflow.errors import Conflict, NotFound
from redflow.model.execution import StepReason
from redflow.model.status import ExecutionStatus, Phase, StepStatus
from tests.client.kit import Workers, chain, hold


async def test_no_step_of_a_paused_execution_starts(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    await client.pause_execution(handle.id, "the bank is down")
    await handle.pause()
    execution = await handle.execution()
    assert (execution.status, execution.phase) == (ExecutionStatus.RUNNING, Phase.PAUSED)
    step = (await handle.steps())[0]
    assert (step.status, step.reason) == (StepStatus.PENDING, StepReason.HELD)
    assert await workers.run() == []

    await client.resume_execution(handle.id)
    await handle.resume()
    assert (await handle.execution()).phase is Phase.RUNNING
    assert len(await workers.run()) == 2
    assert await handle.status() is ExecutionStatus.COMPLETED


async def test_what_runs_may_finish(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    await workers.run(hold)
    await handle.pause()
    assert [step.status for step in await handle.steps()] == [
        StepStatus.RUNNING,
        StepStatus.PENDING,
    ]


@pytest.mark.parametrize("act", ["pause", "resume"])
async def test_what_has_ended_cannot_be_paused(client: AsyncClient, workers: Workers, act: str):
    await client.register_workflow(chain())
    handle = await client.execute("order", id="mine")
    await workers.run()
    with pytest.raises(Conflict, match=f"cannot {act}: execution 'mine' is COMPLETED"):
        await getattr(handle, act)()
    with pytest.raises(NotFound, match="'nope' does not exist"):
        await getattr(client, f"{act}_execution")("nope")


async def test_a_paused_workflow(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order"))
    await client.register_workflow(chain("other"))
    before = await client.execute_many("order", range(5))
    other = await client.execute("other")
    await client.workflows.pause("order", "a bad version")
    after = await client.execute("order")
    for handle in (*before, after):
        assert (await handle.execution()).phase is Phase.PAUSED
    ran = await workers.run()
    assert {claim.envelope.execution for claim in ran} == {other.id}

    await client.workflows.resume("order")
    assert len(await workers.run()) == 6
    assert (await (await client.execute("order")).execution()).phase is Phase.RUNNING


async def test_an_execution_paused_twice_goes_on_when_both_are_over(client: AsyncClient):
    await client.register_workflow(chain("order"))
    handle = await client.execute("order")
    await handle.pause()
    await client.workflows.pause("order")
    await client.workflows.resume("order")
    assert (await handle.execution()).phase is Phase.PAUSED
    await handle.resume()
    assert (await handle.execution()).phase is Phase.RUNNING


async def test_all_pages_of_a_workflow_are_paused(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("redflow.client._async.pausing.PAGE", 2)
    await client.register_workflow(chain("order"), partitions=2)
    handles = await client.execute_many("order", range(11))
    await client.workflows.pause("order")
    assert {(await handle.execution()).phase for handle in handles} == {Phase.PAUSED}


async def test_a_workflow_nobody_registered(client: AsyncClient):
    await client.register_workflow(chain("order"))
    with pytest.raises(NotFound, match="'nope' is not registered"):
        await client.workflows.pause("nope")


async def test_a_paused_queue(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order"))
    handle = await client.execute("order")
    await client.queues.pause("default", "the bank is down")
    assert await workers.run() == []
    assert (await handle.execution()).phase is Phase.RUNNING
    (queue,) = await client.queues.list()
    assert queue.paused
    assert (queue.paused.scope, queue.paused.reason) == ("queue", "the bank is down")
    assert "@" in queue.paused.by
    assert queue.paused.since

    await client.queues.resume("default")
    (queue,) = await client.queues.list()
    assert queue.paused is None
    assert len(await workers.run()) == 1


async def test_a_queue_nobody_has(client: AsyncClient):
    await client.register_workflow(chain("order"))
    for act in (client.queues.pause, client.queues.resume):
        with pytest.raises(NotFound, match="queue 'defualt' is not known") as caught:
            await act("defualt")
        assert caught.value.hint == "its queues are default"


async def test_a_paused_namespace(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order"))
    await client.execute("order")
    await client.pause_namespace("maintenance")
    await client.queues.pause("default")
    assert await workers.run() == []
    await client.resume_namespace()
    assert await workers.run() == []
    await client.queues.resume("default")
    assert len(await workers.run()) == 1
