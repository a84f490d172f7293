"""Stubs: what they answer, what they count, and which names they refuse."""

import pytest

from redflow import Branch, InvalidInput, Registry, Workflow
from redflow.testing import Environment
from tests.testing.kit import STEADY, functions, trip


async def test_errors_first_and_then_the_value(env: Environment):
    stub = env.stub("charge", raises=[TimeoutError("slow"), ValueError], returns={"paid": True})
    run = await env.run(functions("order", "charge", retry=STEADY), {"amount": 1})
    assert run.output == {"paid": True}
    assert [(call.attempt, call.input) for call in stub.calls] == [
        (1, {"amount": 1}),
        (2, {"amount": 1}),
        (3, {"amount": 1}),
    ]
    assert {call.idempotency_key for call in stub.calls} == {f"{run.id}:charge"}


async def test_one_error_needs_no_list(env: Environment):
    env.stub("charge", raises=ValueError("no"))
    (await env.run(functions("order", "charge"))).assert_failed("charge")


async def test_a_side_effect_gets_what_a_function_gets(env: Environment):
    async def answer(ctx, value):
        return [ctx.node_id, ctx.attempt, value]

    env.stub("charge", side_effect=answer)
    assert (await env.run(functions("order", "charge"), 7)).output == ["charge", 1, 7]


async def test_a_branch_is_chosen_as_by_a_function(env: Environment):
    flow = (
        Workflow.builder("order")
        .add_node("check", "function", function="check", labels=["yes", "no"])
        .add_node("good", "log", message="good")
        .add_node("bad", "log", message="bad")
        .connect_if("check", "good", "yes")
        .connect_if("check", "bad", "no")
        .build()
    )
    env.stub("check", returns=Branch("no"))
    assert (await env.run(flow)).path == ["check", "bad"]


async def test_a_node_goes_before_its_function_and_its_type(env: Environment):
    flow = (
        Workflow.builder("order")
        .add_node("a", "function", function="work")
        .add_node("b", "function", function="work")
        .connect("a", "b")
        .build()
    )
    env.stub_type("function", returns="type")
    work = env.stub("work", returns="function")
    node = env.stub(node="b", returns="node")
    run = await env.run(flow)
    assert (run.output, work.count, node.count) == ("node", 1, 1)


async def test_the_step_that_undoes_a_node_has_a_stub_of_its_own(env: Environment):
    for name in ("hotel", "flight", "leave_hotel", "leave_flight"):
        env.stub(name)
    env.stub("pay", raises=ValueError())
    await env.register(trip())
    undo = env.stub(node="flight~undo")
    await env.run("trip")
    assert undo.calls[0].input["certain"] is True


async def test_a_node_type_is_stubbed(env: Environment):
    flow = Workflow.builder("w").add_node("say", "log", message="hello").build()
    say = env.stub_type("log", returns="stubbed")
    assert (await env.run(flow)).output == "stubbed"
    assert say.count == 1


async def test_a_newer_stub_replaces_the_older(env: Environment):
    old = env.stub("charge", returns=1)
    new = env.stub("charge", returns=2)
    assert (await env.run(functions("order", "charge"))).output == 2
    assert (old.count, new.count) == (0, 1)
    assert repr(new) == "<Stub of function 'charge', called 1 times>"


async def test_a_function_that_is_neither_registered_nor_stubbed_is_named(env: Environment):
    env.stub("reserve")
    with pytest.raises(InvalidInput, match="node 'charge' calls function 'charge', which is nei"):
        await env.run(functions("order", "reserve", "charge"))


async def test_so_is_one_that_only_a_child_calls(env: Environment):
    await env.register(functions("child", "work"))
    parent = Workflow.builder("parent").add_node("sub", "subworkflow", workflow="child").build()
    with pytest.raises(InvalidInput, match="function 'work'"):
        await env.run(parent)


def known() -> Environment:
    registry = Registry()
    registry.register_function("charge", lambda value: value)
    return Environment(registry)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(InvalidInput, match=r"no function 'chrage' \(did you mean 'charge'\?\)"):
        known().stub("chrage")


async def test_a_name_that_nothing_has_by_then_is_refused_at_the_start(env: Environment):
    env.stub("refund")
    env.stub("charge")
    with pytest.raises(InvalidInput, match="no function 'refund'"):
        await env.run(functions("order", "charge"))


async def test_a_node_given_as_a_function_is_pointed_out(env: Environment):
    flow = Workflow.builder("w").add_node("say", "log", message="hello").build()
    await env.register(flow)
    with pytest.raises(InvalidInput, match=r"env.stub\(node='say', ...\)"):
        env.stub("say")


def test_an_unknown_node_type_is_refused():
    with pytest.raises(InvalidInput, match=r"no node type 'lgo' \(did you mean 'log'\?\)"):
        known().stub_type("lgo")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "a function or a node"),
        ({"name": "charge", "node": "charge"}, "a function or a node"),
        ({"name": "charge", "returns": 1, "side_effect": print}, "both returns and side_effect"),
        ({"name": "charge", "raises": ["no"]}, "no exception"),
    ],
    ids=["nothing", "both", "two answers", "no error"],
)
def test_a_stub_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        known().stub(**arguments)
