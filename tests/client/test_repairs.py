"""Starting when something is missing or changes meanwhile: plans, partitions, orders."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, Connector
from redflow.errors import Conflict, NotFound, StoreError, Unavailable
from redflow.store.keys import PartitionKeys
from redflow.store.space import Limits
from tests.client.kit import chain, refusing, wide


async def keys_of(client: AsyncClient, execution: str) -> PartitionKeys:
    return (await client._namespace.space()).keys.partition_of(execution)


async def test_a_plan_that_a_partition_lost_is_restored(client: AsyncClient, driver: AsyncDriver):
    info = await client.register_workflow(chain())
    partition = await keys_of(client, "mine")
    await driver.raw("DEL", partition.plan(info.content_hash))
    await client.execute("order", id="mine")
    assert await driver.raw("HGET", partition.plan(info.content_hash), "n") == b"1"


async def test_a_plan_that_all_partitions_lost_is_compiled_again(
    client: AsyncClient, driver: AsyncDriver, connector: Connector
):
    info = await client.register_workflow(chain(), partitions=2)
    for partition in (await client._namespace.space()).keys:
        await driver.raw("DEL", partition.plan(info.content_hash))
    async with AsyncClient(connector, namespace=client.namespace) as fresh:
        handle = await fresh.execute("order")
        assert (await fresh.get_execution(handle.id)).version == 1
        assert len(await handle.steps()) == 1


@pytest.mark.parametrize("known", [True, False])
async def test_a_namespace_that_is_gone(
    client: AsyncClient, driver: AsyncDriver, connector: Connector, known: bool
):
    info = await client.register_workflow(chain(), partitions=1)
    if known:
        await client.execute("order")
    keys = (await client._namespace.space()).keys
    (partition,) = keys
    for key in (keys.namespace_record, partition.workflow("order"), keys.workflow("order")):
        await driver.raw("DEL", key)
    await driver.raw("DEL", partition.plan(info.content_hash))
    with pytest.raises(NotFound, match="does not exist"):
        await client.execute("order")
    assert await driver.raw("EXISTS", partition.plan(info.content_hash)) == 0


async def test_a_partition_that_missed_the_registration(client: AsyncClient, driver: AsyncDriver):
    await client.register_workflow(chain())
    partition = await keys_of(client, "mine")
    await driver.raw("DEL", partition.workflow("order"))
    with pytest.raises(NotFound, match="again, if a registration was cut short"):
        await client.execute("order", id="mine")
    await client.register_workflow(chain())
    await client.execute("order", id="mine")


@pytest.fixture
async def small(connector: Connector, namespace: str) -> AsyncIterator[AsyncClient]:
    """Return a client whose calls settle 10 edges at the most: the others become orders."""
    limits = Limits(edge_budget=10)
    async with AsyncClient(connector, namespace=namespace, limits=limits) as made:
        yield made


async def test_a_wide_workflow_is_spread_at_once(small: AsyncClient, driver: AsyncDriver):
    await small.register_workflow(wide("wide", 55))
    handles = [await small.execute("wide"), *await small.execute_many("wide", range(7))]
    for handle in handles:
        assert sum(step.attempt == 1 for step in await handle.steps()) == 55
    for partition in (await small._namespace.space()).keys:
        assert await driver.raw("ZCARD", partition.permanent["timers"]) == 1  # the sentinel


async def test_orders_that_fail_are_left_to_a_sweep(
    small: AsyncClient, driver: AsyncDriver, monkeypatch: pytest.MonkeyPatch
):
    client = small
    await client.register_workflow(wide("wide", 15))
    run = client._namespace.driver.run

    async def failing(op: Any, **options: Any) -> Any:
        if op.name == "promote_timers":
            raise Unavailable("gone")
        return await run(op, **options)

    monkeypatch.setattr(client._namespace.driver, "run", failing)
    handle = await client.execute("wide")
    partition = await keys_of(client, handle.id)
    due = await driver.raw("ZRANGE", partition.permanent["timers"], 0, -1)
    assert due == [f"f:{handle.id}:0".encode(), b"~"]


async def test_a_plan_that_cannot_be_restored(client: AsyncClient, monkeypatch: pytest.MonkeyPatch):
    await client.register_workflow(chain())
    driver = client._namespace.driver
    error = StoreError("start_executions: answered with an error: PLAN x is not stored")
    fail = refusing(error, lambda op: op.name == "start_executions")
    monkeypatch.setattr(driver, "run_many", fail(driver.run_many))
    with pytest.raises(StoreError, match="PLAN"):
        await client.execute("order")


async def test_a_workflow_that_changes_at_every_try(
    client: AsyncClient, driver: AsyncDriver, monkeypatch: pytest.MonkeyPatch
):
    infos = [await client.register_workflow(chain("order", "a"), partitions=1)]
    infos.append(await client.register_workflow(chain("order", "b")))
    (partition,) = (await client._namespace.space()).keys
    run_many = client._namespace.driver.run_many
    tries = 0

    async def changing(ops: Any, **options: Any) -> Any:
        nonlocal tries
        tries += 1
        await driver.raw("HSET", partition.workflow("order"), "plan", infos[tries % 2].content_hash)
        return await run_many(ops, **options)

    await client.execute("order")
    client._rooms.plans.set_latest("order", infos[0].content_hash)
    monkeypatch.setattr(client._namespace.driver, "run_many", changing)
    with pytest.raises(Conflict, match="new version at every try"):
        await client.execute("order")
    assert tries == 5
