"""The application's engine: its functions and node types are used, its server never."""

import pytest

from redflow import Engine, NodeType, Workflow
from redflow.testing import Environment
from tests.testing.kit import functions


class Double(NodeType):
    type = "double"

    async def execute(self, ctx, config):
        return ctx.input * 2


@pytest.fixture
def app() -> Engine:
    """Return an engine on a server that nobody can reach."""
    engine = Engine("redis://127.0.0.1:1/0")

    @engine.function(retry=3)
    async def charge(order):
        return {"paid": order["amount"]}

    engine.registry.register(Double())
    return engine


async def test_functions_of_the_engine_run(app: Engine):
    async with Environment(app, workflows=[functions("order", "charge")]) as env:
        assert (await env.run("order", {"amount": 42})).output == {"paid": 42}


async def test_defaults_of_its_functions_count(app: Engine):
    async with Environment(app) as env:
        env.stub("charge", raises=[ValueError(), ValueError()], returns="paid")
        run = await env.run(functions("order", "charge"))
        assert run.steps["charge"].attempt == 3


async def test_its_node_types_run_and_are_stubbed(app: Engine):
    flow = Workflow.builder("w").add_node("twice", "double").build()
    async with Environment(app.registry) as env:
        assert (await env.run(flow, 21)).output == 42
        env.stub_type("double", returns="stubbed")
        assert (await env.run(flow, 21)).output == "stubbed"


async def test_the_engine_is_left_as_it_was(app: Engine):
    types, names = dict(app.registry.types), dict(app.registry.functions)
    async with Environment(app) as env:
        env.function("more")(lambda value: value)
        env.stub("ship")
        await env.run(functions("order", "charge", "more", "ship"), {"amount": 1})
    assert (app.registry.types, app.registry.functions) == (types, names)


async def test_functions_in_child_processes_run_in_this_one(app: Engine):
    app.registry.register_function("measure", measure, run="process")
    async with Environment(app) as env:
        assert (await env.run(functions("order", "measure"), "four")).output == 4


def measure(value):
    return len(value)


async def test_flows_that_the_engine_includes_are_there(app: Engine):
    flow = Workflow.builder("parcel")

    @flow.node
    async def weigh(parcel):
        raise AssertionError("it is stubbed")

    @flow.node(needs=weigh.when("output > 5"))
    def ship(weight):
        return {"shipped": weight}

    app.include(flow)
    async with Environment(app) as env:
        env.stub("weigh", returns=7)
        run = await env.run("parcel")
    assert (run.output, run.path) == ({"shipped": 7}, ["weigh", "ship"])
