"""Executions that begin later, and executions that may take only so long."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from redflow.client import AsyncClient
from redflow.errors import ExecutionFailed, InvalidInput
from redflow.model.execution import instant
from redflow.model.status import ExecutionStatus, Phase
from tests.client.kit import Workers, chain, nowhere, pass_time, set_clock

NOON = 1_900_000_000_000


@pytest.fixture
async def ready(client: AsyncClient) -> AsyncClient:
    set_clock(client, NOON)
    await client.register_workflow(chain("order", "a"), partitions=1)
    return client


async def test_a_delay_begins_it_later(ready: AsyncClient, workers: Workers):
    handle = await ready.execute("order", delay="1m")
    execution = await handle.execution()
    assert await handle.status() is ExecutionStatus.PENDING
    assert (execution.status, execution.phase) == (ExecutionStatus.PENDING, Phase.SCHEDULED)
    assert execution.scheduled_for == instant(NOON + 60_000)
    assert await workers.run() == []

    pass_time(ready, 60_000)
    await workers.sweep()
    assert await handle.status() is ExecutionStatus.RUNNING
    assert len(await workers.run()) == 1
    assert await handle.status() is ExecutionStatus.COMPLETED


async def test_a_time_in_any_zone(ready: AsyncClient):
    at = (instant(NOON) + timedelta(hours=1)).astimezone(timezone(timedelta(hours=9)))
    execution = await (await ready.execute("order", at=at)).execution()
    assert execution.scheduled_for == at
    assert execution.phase is Phase.SCHEDULED


@pytest.mark.parametrize("at", [instant(NOON), datetime(1950, 1, 1, tzinfo=UTC)])
async def test_a_time_in_the_past_is_now(ready: AsyncClient, at: datetime):
    execution = await (await ready.execute("order", at=at)).execution()
    assert (execution.phase, execution.scheduled_for) == (Phase.RUNNING, None)


@pytest.mark.parametrize("delay", [0, "0s", timedelta(0), 0.0001])
async def test_no_delay_is_now(ready: AsyncClient, delay: float):
    execution = await (await ready.execute("order", delay=delay)).execution()
    assert execution.phase is Phase.RUNNING


async def test_many_begin_together(ready: AsyncClient, workers: Workers):
    handles = await ready.execute_many("order", range(3), delay=5, timeout="1h")
    for handle in handles:
        execution = await handle.execution()
        assert execution.scheduled_for == instant(NOON + 5_000)
        assert execution.timeout == 3600
    pass_time(ready, 5_000)
    await workers.sweep()
    assert len(await workers.run()) == 3


async def test_the_list_of_those_that_have_not_begun(ready: AsyncClient):
    later = await ready.execute("order", delay=5)
    now = await ready.execute("order")
    pending = await ready.list_executions(status="PENDING")
    running = await ready.list_executions(status="RUNNING")
    assert [one.id for one in pending.items] == [later.id]
    assert [one.id for one in running.items] == [now.id]


async def test_an_execution_that_takes_too_long_fails(ready: AsyncClient, workers: Workers):
    handle = await ready.execute("order", timeout=2)
    pass_time(ready, 2_000)
    await workers.sweep()
    with pytest.raises(ExecutionFailed) as caught:
        await handle.result(1)
    assert (caught.value.node, caught.value.reason) == ("", "timeout")
    execution = await handle.execution()
    assert (execution.failed_node, execution.timeout) == (None, 2.0)
    assert execution.error
    assert execution.error.reason == "timeout"


async def test_the_timeout_counts_from_the_begin(ready: AsyncClient, workers: Workers):
    handle = await ready.execute("order", delay=10, timeout=2)
    pass_time(ready, 10_000)
    await workers.sweep()
    pass_time(ready, 1_999)
    await workers.sweep()
    assert await handle.status() is ExecutionStatus.RUNNING
    pass_time(ready, 1)
    await workers.sweep()
    assert await handle.status() is ExecutionStatus.FAILED


async def test_the_same_id_answers_the_first_whatever_its_time(ready: AsyncClient):
    await ready.execute("order", 1, id="mine", delay=60)
    await ready.execute("order", 1, id="mine")
    assert (await ready.get_execution("mine")).phase is Phase.SCHEDULED


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"at": datetime(2030, 1, 1)}, "at"),
        ({"at": "2030-01-01T00:00:00Z"}, "at"),
        ({"at": 5}, "at"),
        ({"at": instant(NOON), "delay": 5}, "delay"),
        ({"delay": -1}, "delay"),
        ({"delay": "soon"}, "delay"),
        ({"delay": True}, "delay"),
        ({"delay": float("nan")}, "delay"),
        ({"delay": 1e12}, "delay"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": "5 minutes"}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"timeout": []}, "timeout"),
    ],
)
async def test_what_is_refused_is_named_and_nothing_is_asked(arguments: dict, field: str):
    client = AsyncClient(nowhere(), namespace="ns")
    for call in (client.execute("order", **arguments), client.execute_many("o", [1], **arguments)):
        with pytest.raises(InvalidInput) as caught:
            await call
        assert caught.value.field == field
