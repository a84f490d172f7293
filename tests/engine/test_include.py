"""Including a flow: its functions at once, its workflow when it is first needed."""

import inspect
from collections.abc import AsyncIterator

import pytest

from redflow.client import AsyncClient
from redflow.driver import Connector
from redflow.engine import Engine
from redflow.errors import InvalidInput, InvalidWorkflow, NotFound
from redflow.model.workflow import Workflow

SECONDS = 10.0


@pytest.fixture
async def engine(connector: Connector, namespace: str, monkeypatch) -> AsyncIterator[Engine]:
    """Return an engine whose namespace has few partitions."""
    monkeypatch.setattr("redflow.client._async.namespace.PARTITIONS", 2)
    async with Engine(connector, namespace=namespace) as made:
        yield made


def doubling(id: str = "double"):
    flow = Workflow.builder(id)

    @flow.node
    async def double(number: int) -> int:
        return number * 2

    return flow


async def test_including_and_executing_is_all_it_takes(engine):
    engine.include(doubling())
    handle = await engine.execute("double", 4)
    async with engine.worker():
        assert await handle.result(SECONDS) == 8
    assert [one.id for one in await engine.list_workflows()] == ["double"]


async def test_many_executions_alike(engine):
    engine.include(doubling())
    handles = await engine.execute_many("double", [1, 2])
    async with engine.worker():
        assert [await handle.result(SECONDS) for handle in handles] == [2, 4]


async def test_a_worker_registers_what_is_included(engine, connector, namespace):
    engine.include(doubling())
    async with engine.worker(), Engine(connector, namespace=namespace) as producer:
        handle = await producer.execute("double", 4)
        assert await handle.result(SECONDS) == 8


async def test_nothing_is_registered_before_it_is_needed(engine):
    included = engine.include(doubling())
    assert engine.included == (included,)
    assert sorted(engine.registry.functions) == ["double.double"]
    with pytest.raises(NotFound):
        await engine.list_workflows()
    await engine.register_included()
    assert (await engine.get_workflow("double")).version == 1


async def test_registering_again_changes_nothing(engine):
    engine.include(doubling())
    await engine.execute("double", 1)
    await engine.close()
    await engine.execute("double", 1)
    assert (await engine.get_workflow("double")).version == 1


async def test_what_is_added_to_a_flow_before_it_is_needed_counts(engine):
    flow = doubling()
    engine.include(flow)

    @flow.node(needs="double")
    async def again(number: int) -> int:
        return number * 2

    handle = await engine.execute("double", 4)
    async with engine.worker():
        assert await handle.result(SECONDS) == 16


async def test_a_flow_is_registered_without_being_included(engine):
    made = await engine.register_workflow(doubling())
    assert (made.id, made.version) == ("double", 1)
    assert sorted(engine.registry.functions) == ["double.double"]


async def test_two_flows_may_have_nodes_of_one_name(engine):
    flows = [doubling("one"), doubling("two")]
    for flow in flows:
        engine.include(flow)
    engine.include(flows[0])
    engine.include(Workflow.builder("built").add_node("a", "log", message="x").build())
    assert sorted(engine.registry.functions) == ["one.double", "two.double"]
    await engine.register_included()
    ids = [one.id for one in await engine.list_workflows()]
    assert ids == ["one", "two", "built"]


def test_an_id_is_taken_once():
    engine = Engine.memory()
    engine.include(doubling())
    with pytest.raises(InvalidInput, match=r"function 'double.double' is already registered"):
        engine.include(doubling())
    with pytest.raises(InvalidInput, match="another workflow 'double' is included already"):
        engine.include(Workflow.builder("double").add_node("a", "log", message="x").build())


async def test_what_is_wrong_is_told_before_anything_is_sent(engine):
    with pytest.raises(InvalidWorkflow, match="no nodes"):
        engine.include(Workflow.builder("empty"))
    flow = doubling()

    @flow.node(needs="double")
    async def name(order: dict): ...

    engine.include(flow)
    with pytest.raises(InvalidWorkflow, match=r"asks for order: dict, and 'double.double' returns"):
        await engine.execute("double", 1)
    with pytest.raises(NotFound):
        await engine.list_workflows()


async def test_execute_keeps_its_own_signature(engine):
    for name in ("execute", "execute_many"):
        own, base = getattr(Engine, name), getattr(AsyncClient, name)
        assert inspect.signature(own) == inspect.signature(base)
        assert own.__doc__ == base.__doc__
