"""Registering workflows: versions, every partition, repair, and what is refused unwritten."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, Connector
from redflow.errors import (
    Conflict,
    InvalidInput,
    InvalidWorkflow,
    NotFound,
    Problem,
    VersionMismatch,
)
from redflow.model.status import WorkflowStatus
from redflow.model.workflow import Edge, Node, Workflow
from tests.client.kit import chain, count_trips, nowhere


async def test_a_first_workflow_creates_the_namespace(client: AsyncClient):
    workflow = chain("order", "a", "b", name="Order", labels={"team": "x"}, metadata={"k": [1]})
    info = await client.register_workflow(workflow)
    assert (info.id, info.version, info.latest) == ("order", 1, 1)
    assert (info.name, info.labels, info.metadata) == ("Order", {"team": "x"}, {"k": [1]})
    assert info.definition == workflow
    assert info.content_hash == workflow.content_hash
    assert info.created_at.tzinfo is not None
    assert await client.get_workflow("order") == info
    (listed,) = await client.list_workflows()
    assert (listed.id, listed.latest, listed.name) == ("order", 1, "Order")


async def test_content_decides_the_version(client: AsyncClient):
    first, second = chain("order", "a"), chain("order", "a", "b")
    assert (await client.register_workflow(first)).version == 1
    assert (await client.register_workflow(second)).version == 2
    renamed = replace(first, name="Renamed")
    again = await client.register_workflow(renamed)
    assert (again.version, again.latest, again.name) == (1, 2, "Renamed")
    assert (await client.get_workflow("order")).definition == second
    assert (await client.get_workflow("order", 1)).definition == renamed
    with pytest.raises(NotFound, match="'order' has no version 3"):
        await client.get_workflow("order", 3)


async def test_the_plan_is_in_every_partition(client: AsyncClient, driver: AsyncDriver):
    info = await client.register_workflow(chain(), partitions=3)
    for partition in (await client._namespace.space()).keys:
        plan = await driver.raw("HGET", partition.plan(info.content_hash), "n")
        published = await driver.raw("HGET", partition.workflow("order"), "plan")
        assert (plan, published) == (b"1", info.content_hash.encode())
    plan = await client.get_plan(info.content_hash)
    assert (plan.hash, plan.version) == (info.content_hash, 1)


async def test_registering_again_repairs_a_partition(client: AsyncClient, driver: AsyncDriver):
    info = await client.register_workflow(chain(), partitions=3)
    (_, missed, _) = (await client._namespace.space()).keys
    for key in (missed.plan(info.content_hash), missed.workflow("order"), missed.ready("default")):
        await driver.raw("DEL", key)
    assert (await client.register_workflow(chain())).version == 1
    assert await driver.raw("HGET", missed.plan(info.content_hash), "n") == b"1"
    assert await driver.raw("HGET", missed.workflow("order"), "version") == b"1"
    assert await driver.raw("EXISTS", missed.ready("default")) == 1


async def test_a_plan_of_many_pages(client: AsyncClient, driver: AsyncDriver):
    names = [f"n{i}" for i in range(600)]
    info = await client.register_workflow(chain("long", *names), partitions=2)
    fresh = AsyncClient(client._namespace.connector, namespace=client.namespace)
    async with fresh:
        assert [step.id for step in (await fresh.get_plan(info.content_hash)).steps] == names


async def test_two_registrations_at_once(client: AsyncClient, connector: Connector):
    async with AsyncClient(connector, namespace=client.namespace) as other:
        infos = await asyncio.gather(
            client.register_workflow(chain("order", "a")),
            other.register_workflow(chain("order", "b")),
            client.register_workflow(chain("order", "a")),
        )
    assert {info.version for info in infos} == {1, 2}
    latest = (await client.get_workflow("order")).content_hash
    for partition in (await client._namespace.space()).keys:
        driver = client._namespace.driver
        assert await driver.raw("HGET", partition.workflow("order"), "plan") == latest.encode()


async def test_partitions_are_fixed(client: AsyncClient, connector: Connector):
    assert await client.create_namespace(4) == 4
    assert await client.create_namespace() == 4
    await client.register_workflow(chain())
    for partitions in (5, 16):
        with pytest.raises(Conflict, match=f"has 4 partitions, not {partitions}"):
            await client.register_workflow(chain(), partitions=partitions)
    async with AsyncClient(connector, namespace=client.namespace) as other:
        assert await other.create_namespace(4) == 4


@pytest.mark.parametrize("partitions", [0, -1, 257, True, 4.0, "4", 10**30])
async def test_a_bad_number_of_partitions(namespace: str, partitions: Any):
    client = AsyncClient(nowhere(), namespace=namespace)
    for call in (
        client.create_namespace(partitions),
        client.register_workflow(chain(), partitions=partitions),
    ):
        with pytest.raises(InvalidInput, match="partitions is not"):
            await call


async def test_nothing_is_known_of_a_missing_namespace(client: AsyncClient):
    calls = [
        client.execute("order"),
        client.get_workflow("order"),
        client.list_workflows(),
        client.get_execution("e"),
        client.list_executions(),
        client.get_plan("a" * 26),
        client.handle("e").result(),
    ]
    for call in calls:
        with pytest.raises(NotFound, match=f"namespace '{client.namespace}' does not exist"):
            await call


async def test_a_namespace_of_another_data_model(client: AsyncClient, driver: AsyncDriver):
    await client.create_namespace(1)
    key = (await client._namespace.space()).keys.namespace_record
    await driver.raw("HSET", key, "schema", 99)
    client._namespace.forget()
    with pytest.raises(VersionMismatch, match="data model 99"):
        await client.list_workflows()


async def test_every_problem_is_told_before_anything_is_asked(namespace: str):
    client = AsyncClient(nowhere(), namespace=namespace)
    bad = Workflow(id="order", nodes=(Node("a", "function"),), edges=(Edge("a", "b"),))
    with pytest.raises(InvalidWorkflow) as caught:
        await client.register_workflow(bad)
    assert [problem.code for problem in caught.value.problems] == ["unknown_node"]


async def test_the_check_of_an_engine_takes_the_place_of_the_own(namespace: str):
    client = AsyncClient(nowhere(), namespace=namespace)
    problem = Problem("/nodes/a/type", "unknown_type", "what is that")
    with pytest.raises(InvalidWorkflow) as caught:
        await client.register_workflow(chain(), check=lambda workflow: [problem])
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize("workflow", [None, "order", {}, 7, Workflow])
async def test_only_a_workflow_is_registered(namespace: str, workflow: Any):
    with pytest.raises(InvalidInput, match="not a Workflow"):
        await AsyncClient(nowhere(), namespace=namespace).register_workflow(workflow)


async def test_an_inactive_workflow_takes_no_executions(client: AsyncClient):
    await client.register_workflow(chain())
    started = await client.execute("order")
    info = await client.register_workflow(replace(chain(), status=WorkflowStatus.INACTIVE))
    assert info.status is WorkflowStatus.INACTIVE
    with pytest.raises(Conflict, match="'order' is INACTIVE"):
        await client.execute("order")
    with pytest.raises(Conflict, match="'order' is INACTIVE"):
        await client.execute_many("order", [1, 2], version=1)
    assert (await client.get_execution(started.id)).workflow == "order"
    await client.register_workflow(chain())
    await client.execute("order")


async def test_registering_needs_few_round_trips(client: AsyncClient):
    counting = count_trips(client)
    await client.register_workflow(chain())
    assert counting.asked == [
        "put_namespace",
        "put_workflow",
        "put_partition",
        "put_plan",
        "publish_workflow",
        "read_paused+read_workflow",
    ]


async def test_many_workflows_are_listed_in_order(client: AsyncClient):
    await client.create_namespace(1)
    names = [f"w{i:03}" for i in range(103)]
    for name in names:
        await client.register_workflow(chain(name))
    assert [info.id for info in await client.list_workflows()] == names


async def test_an_unknown_workflow(client: AsyncClient):
    await client.create_namespace(2)
    with pytest.raises(NotFound, match="'nope' is not registered"):
        await client.get_workflow("nope")
    assert await client.list_workflows() == []


async def test_an_unknown_plan(client: AsyncClient):
    await client.create_namespace(2)
    with pytest.raises(NotFound, match="stored nowhere"):
        await client.get_plan("a" * 26)
    with pytest.raises(InvalidInput, match="content hash"):
        await client.get_plan("a}b")
