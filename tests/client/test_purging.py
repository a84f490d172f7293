"""Removing ended executions: never one that still runs."""

from datetime import datetime, timedelta

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver
from redflow.errors import InvalidInput
from redflow.model.execution import instant
from redflow.model.status import ExecutionStatus
from tests.client.kit import Workers, act_by, chain, failed, hold, nowhere, pass_time, set_clock

NOON = 1_900_000_000_000


async def left(client: AsyncClient) -> set[str]:
    return {one.id for one in (await client.list_executions(limit=1000)).items}


async def ended(client: AsyncClient, workers: Workers) -> None:
    """One of each end, and one that runs."""
    set_clock(client, NOON)
    await client.register_workflow(chain(), partitions=2)
    for name in ("done", "failed", "cancelled", "running"):
        await client.execute("order", id=name)
    await client.cancel_execution("cancelled")
    claims = await workers.run(hold)
    space = await client._namespace.space()
    for claim in claims:
        which = claim.envelope.execution
        outcome = {"done": act_by(), "failed": act_by(a=failed())}.get(which)
        if outcome is not None:
            held, rows = await workers._outcomes([claim], outcome)
            await workers.advance(space.keys.partition_of(which), held, rows, 0)


async def test_all_that_has_ended(client: AsyncClient, workers: Workers):
    await ended(client, workers)
    pass_time(client, 1)
    assert await client.purge() == 3
    assert await left(client) == {"running"}
    assert await client.purge() == 0


@pytest.mark.parametrize(
    ("status", "goes"),
    [
        (ExecutionStatus.COMPLETED, "done"),
        (ExecutionStatus.FAILED, "failed"),
        ("CANCELLED", "cancelled"),
    ],
)
async def test_of_one_status(client: AsyncClient, workers: Workers, status: str, goes: str):
    await ended(client, workers)
    assert await client.purge(status=status) == 1
    assert await left(client) == {"done", "failed", "cancelled", "running"} - {goes}


async def test_what_ended_before_a_time(client: AsyncClient, workers: Workers):
    await ended(client, workers)
    assert await client.purge(instant(NOON)) == 0
    assert await client.purge(instant(NOON) + timedelta(milliseconds=1)) == 3


async def test_a_child_stays_as_long_as_its_parent_runs(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("child"))
    await client.register_workflow(chain("order"))
    await client.execute("order", id="mine")
    (claim,) = await workers.run(hold)
    child = await workers.start_child(claim, "child")
    await workers.run()
    assert await client.purge() == 0
    assert await left(client) == {"mine", child}
    await workers.sweep()
    await workers.run()
    pass_time(client, 1_000)
    assert await client.purge() == 2


async def test_many_in_pages(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("redflow.client._async.purging.PAGE", 3)
    await client.register_workflow(chain(), partitions=1)
    await client.execute_many("order", range(10))
    await workers.run()
    assert await client.purge() == 10
    assert await left(client) == set()


async def test_an_entry_without_an_execution_is_passed_over(
    client: AsyncClient, workers: Workers, driver: AsyncDriver
):
    await client.register_workflow(chain(), partitions=1)
    await client.execute_many("order", range(3), ids=["a", "b", "c"])
    await workers.run()
    partition = await client._namespace.partition_of("a")
    await driver.raw("DEL", partition.execution("a"))
    assert await client.purge() == 2


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"before": datetime(2030, 1, 1)}, "before"),
        ({"before": 5}, "before"),
        ({"before": "yesterday"}, "before"),
        ({"status": "RUNNING"}, "status"),
        ({"status": "PENDING"}, "status"),
        ({"status": "gone"}, "status"),
    ],
)
async def test_what_is_refused_is_named_and_nothing_is_asked(arguments: dict, field: str):
    with pytest.raises(InvalidInput) as caught:
        await AsyncClient(nowhere(), namespace="ns").purge(**arguments)
    assert caught.value.field == field
