"""Starting executions one at a time: idempotence, versions, what is refused, and repairs."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, Connector
from redflow.errors import Conflict, NotFound
from redflow.model.ids import id_from_key
from redflow.model.status import ExecutionStatus
from tests.client.kit import Workers, chain, count_trips

VALUE = {
    "text": "é😀",
    "when": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
    "day": date(2026, 1, 2),
    "span": timedelta(days=1, microseconds=7),
    "price": Decimal("1.10"),
    "id": UUID(int=7),
    "raw": b"\x00\xff",
    "list": [1, 2.5, None, True, {"deep": []}],
}


async def test_a_known_workflow_is_started_in_one_round_trip(client: AsyncClient):
    await client.register_workflow(chain())
    counting = count_trips(client)
    await client.execute("order", {"x": 1})
    await client.execute("order", {"x": 2}, id="mine")
    assert counting.asked == ["start_executions"] * 2


async def test_a_client_that_knows_nothing_asks_first(client: AsyncClient, connector: Connector):
    await client.register_workflow(chain())
    async with AsyncClient(connector, namespace=client.namespace) as fresh:
        counting = count_trips(fresh)
        await fresh.execute("order")
        assert counting.trips <= 5
        await fresh.execute("order", version=1)
        counting.asked.clear()
        await fresh.execute("order")
        await fresh.execute("order", version=1)
        assert counting.asked == ["start_executions"] * 2


async def test_everything_given_is_kept(client: AsyncClient):
    await client.register_workflow(chain())
    handle = await client.execute(
        "order", VALUE, labels={"team": "x", "": ""}, metadata={"k": Decimal("1.5"), "n": [None]}
    )
    execution = await client.get_execution(handle.id)
    assert execution.id == handle.id
    assert execution.input == VALUE
    assert execution.labels == {"team": "x", "": ""}
    assert execution.metadata == {"k": Decimal("1.5"), "n": [None]}
    assert (execution.workflow, execution.version) == ("order", 1)
    assert execution.status is ExecutionStatus.RUNNING


@pytest.mark.parametrize("size", [0, 2040, 2050, 1024 * 1024 - 5])
async def test_inputs_of_any_size(client: AsyncClient, workers: Workers, size: int):
    await client.register_workflow(chain())
    handle = await client.execute("order", "x" * size)
    assert (await handle.execution()).input == "x" * size
    await workers.run()
    assert await handle.result() == "a"


async def test_the_same_id_and_input_is_the_same_execution(client: AsyncClient):
    await client.register_workflow(chain())
    first = await client.execute("order", {"a": 1, "b": {"c": 2, "d": 3}}, id="mine")
    again = await client.execute("order", {"b": {"d": 3, "c": 2}, "a": 1}, id="mine")
    assert first.id == again.id == "mine"
    assert len((await client.list_executions()).items) == 1


async def test_the_same_id_with_another_input_conflicts(client: AsyncClient):
    await client.register_workflow(chain())
    await client.register_workflow(chain("other"))
    await client.execute("order", 1, id="mine")
    with pytest.raises(Conflict, match=r"'mine' exists: it runs workflow 'order' .*, not 'order'"):
        await client.execute("order", 2, id="mine")
    with pytest.raises(Conflict, match=r"it runs workflow 'order' .* not 'other'"):
        await client.execute("other", 1, id="mine")
    assert (await client.execute("order", 2, id="mine", on_conflict="return")).id == "mine"
    assert (await client.get_execution("mine")).input == 1


async def test_an_ended_execution_is_returned_as_well(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain())
    await client.execute("order", 1, id="mine")
    await workers.run()
    assert await (await client.execute("order", 1, id="mine")).result() == "a"


async def test_an_idempotency_key_stands_for_an_id(client: AsyncClient):
    await client.register_workflow(chain())
    await client.register_workflow(chain("other"))
    key = "invoice 7/é"
    first = await client.execute("order", 1, idempotency_key=key)
    again = await client.execute("order", 1, idempotency_key=key)
    other = await client.execute("other", 1, idempotency_key=key)
    assert first.id == again.id == id_from_key(client.namespace, "order", key)
    assert other.id != first.id
    with pytest.raises(Conflict):
        await client.execute("order", 2, idempotency_key=key)


async def test_ids_are_made_and_differ(client: AsyncClient):
    await client.register_workflow(chain())
    ids = [(await client.execute("order")).id for _ in range(20)]
    assert len(set(ids)) == 20
    assert all(len(one) == 26 for one in ids)


async def test_an_unknown_workflow(client: AsyncClient):
    await client.register_workflow(chain())
    with pytest.raises(NotFound, match=r"'nope' is not registered .*register_workflow"):
        await client.execute("nope")
    with pytest.raises(NotFound, match="'order' has no version 2"):
        await client.execute("order", version=2)
    with pytest.raises(NotFound):
        await client.execute_many("nope", [1, 2])


async def test_a_new_version_is_noticed(client: AsyncClient, connector: Connector):
    await client.register_workflow(chain("order", "a"))
    async with AsyncClient(connector, namespace=client.namespace) as other:
        await other.execute("order")
        await client.register_workflow(chain("order", "a", "b"))
        counting = count_trips(other)
        handle = await other.execute("order")
        assert (await client.get_execution(handle.id)).version == 2
        assert counting.asked[0] == counting.asked[-1] == "start_executions"
        counting.asked.clear()
        await other.execute("order")
        assert counting.trips == 1
        pinned = await other.execute("order", version=1)
        assert (await client.get_execution(pinned.id)).version == 1


async def test_a_version_that_is_latest_again_in_some_partitions_only(
    client: AsyncClient, driver: AsyncDriver, connector: Connector
):
    """A registration cut short leaves partitions with different versions: each runs its own."""
    first = await client.register_workflow(chain("order", "a"), partitions=4)
    await client.register_workflow(chain("order", "a", "b"))
    behind = (await client._namespace.space()).keys.partition(2)
    fields = ("plan", first.content_hash, "version", "1")
    await driver.raw("HSET", behind.workflow("order"), *fields)
    handles = await client.execute_many("order", range(60))
    handles += [await client.execute("order") for _ in range(20)]
    versions = {(await one.execution()).version for one in handles}
    assert versions == {1, 2}


async def test_on_started_hears_of_new_executions(connector: Connector, namespace: str):
    heard: list[tuple[str, int]] = []
    listen = lambda workflow, count: heard.append((workflow, count))  # noqa: E731
    async with AsyncClient(connector, namespace=namespace, on_started=listen) as client:
        await client.register_workflow(chain(), partitions=1)
        await client.execute("order", id="a")
        await client.execute("order", id="a")
        await client.execute_many("order", [None, 2, 3], ids=["a", "b", "c"])
    assert heard == [("order", 1), ("order", 0), ("order", 2)]


async def test_prefixes_and_namespaces_keep_apart(client: AsyncClient, connector: Connector):
    await client.register_workflow(chain())
    other = AsyncClient(connector, namespace=client.namespace, prefix="zz:")
    async with other:
        with pytest.raises(NotFound):
            await other.execute("order")
    await client.execute("order", replace(chain(), name="x").name)
