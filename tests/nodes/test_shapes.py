"""Annotations that cannot take what reaches them are problems of registration; doubt is none."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from redflow.model.outcome import Branch
from redflow.model.undo import Undo
from redflow.model.workflow import Workflow
from redflow.nodes.registry import Registry


@dataclass
class Order:
    id: int
    amount: float = 0.0


@dataclass
class Receipt:
    paid: bool
    order: Order


@dataclass
class Base:
    id: int


@dataclass
class More(Base):
    name: str


@dataclass
class Joined:
    first: Order
    second: Receipt | None


@dataclass
class Failure:
    input: Order
    error: dict[str, Any]


class Loose(TypedDict):
    id: int


class Model(pydantic.BaseModel):
    id: int


class Lenient(pydantic.BaseModel):
    id: int

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_number(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"id": value}


class Renamed(msgspec.Struct, rename="camel"):
    the_id: int


def typed(takes: Any = ..., gives: Any = ...) -> Any:
    async def work(value):
        return value

    work.__annotations__ |= {} if takes is ... else {"value": takes}
    work.__annotations__ |= {} if gives is ... else {"return": gives}
    return work


def told(flow) -> list[str]:
    registry = Registry()
    workflow = registry.include(flow)
    return [f"{one.pointer} {one.message}" for one in registry.problems(workflow)]


def after(gives: Any, takes: Any, **options: Any) -> list[str]:
    """What is told of a node that takes this behind one that gives that."""
    flow = Workflow.builder("w")
    first = flow.node("first")(typed(gives=gives))
    flow.node("second", needs=first, **options)(typed(takes))
    return told(flow)


@pytest.mark.parametrize(
    ("gives", "takes", "cause"),
    [
        (int, Order, "it is int, where Order is asked for"),
        (None, Order, "it is None, where Order is asked for"),
        (list[Order], Order, "it is list["),
        (Order, int, "it is Order, where int is asked for"),
        (Order, Receipt, "it has no field paid"),
        (Loose, list[int], "it is Loose, where list[int] is asked for"),
        (int, Model, "it is int, where Model is asked for"),
        (Model, int, "it is Model, where int is asked for"),
        (int | str, Order, "it is int, where Order is asked for"),
        (int, Order | None, "it is int, where Order is asked for"),
        (bool, int, "it is bool, where int is asked for"),
        (Literal["a"], int, "where int is asked for"),
        (Renamed, Order, "it has no field id"),
    ],
)
def test_what_can_never_fit(gives, takes, cause):
    (problem,) = after(gives, takes)
    assert problem.startswith("/nodes/second/needs/0 function 'w.second' asks for value: ")
    assert "and 'w.first' returns " in problem
    assert cause in problem
    assert "change one of the annotations" in problem


@pytest.mark.parametrize(
    ("gives", "takes"),
    [
        (..., Order),
        (Any, Order),
        (Order, ...),
        (Order, Any),
        (Order, Order),
        (Order, Loose),
        (Order, Base),
        (Order, dict),
        (Base, More),  # a More may be returned
        (Loose, More),  # a map may have more keys
        (dict, Order),
        (dict[str, int], Order),
        (Order | None, Order),
        (int | Order, Order),
        (int, float),
        (str, "datetime.datetime"),
        (Order, Model),
        (int, Lenient),
        (list[int], list[str]),  # it may be empty
        (Branch, Order),
        (Branch[Literal["a"]], Order),
        (Branch | int, Order),
    ],
)
def test_what_may_fit(gives, takes):
    assert after(gives, takes) == [] or takes == "datetime.datetime"


def test_fields_are_compared_too():
    @dataclass
    class Wrong:
        paid: bool
        order: str

    (problem,) = after(Wrong, Receipt)
    assert "its field order is str, where Order is asked for" in problem


def test_an_input_of_its_own_says_nothing_of_its_parents():
    assert after(int, Order, input={"id": "${input}"}) == []


# Several parents


def joining(call: Any, **needs: Any) -> list[str]:
    flow = Workflow.builder("w")
    sources = [flow.node(name)(typed(gives=gives)) for name, gives in needs.items()]
    flow.node("join", needs=sources)(call)
    return told(flow)


@pytest.mark.parametrize("takes", [..., Any, dict, dict[str, Any], Joined, dict[str, Order]])
def test_a_map_of_parents(takes):
    assert joining(typed(takes), first=Order, second=Receipt) == []


@pytest.mark.parametrize(
    ("takes", "cause"),
    [
        (list[Order], "it is a map by node, where list["),
        (Order, "it has no field id"),
        (Joined, "it has no field second.paid"),
    ],
)
def test_what_no_map_of_parents_fits(takes, cause):
    (problem,) = joining(typed(takes), first=Order, second=Order)
    assert problem.startswith("/nodes/join/needs function 'w.join' asks for value: ")
    assert "its parents give a map by their ids: first, second" in problem
    assert cause in problem


def test_parameters_named_after_parents():
    async def good(ctx, first: Order, second: Receipt | None, third=None): ...
    async def typo(ctx, first: Order, secnd: Receipt | None): ...
    async def wrong(ctx, first: int, second): ...

    parents = {"first": Order, "second": Receipt}
    assert joining(good, **parents) == []
    (problem,) = joining(typo, **parents)
    assert "asks for 'secnd', and no parent has that name (they are: first, second)" in problem
    assert "rename it, or give it a default" in problem
    (problem,) = joining(wrong, **parents)
    assert "asks for first: int, and 'w.first' returns Order: it is Order, where int" in problem


def test_parameters_are_fields_of_the_only_parent():
    async def fields(ctx, id: int, amount): ...
    async def wrong(ctx, id: str, order): ...

    assert joining(fields, first=Order) == []
    (problem,) = joining(wrong, first=Order)
    assert "asks for id, order, and 'w.first' returns Order: its field id is int" in problem


# Other edges


@pytest.mark.parametrize(
    ("on", "takes", "cause"),
    [
        ("failure", Order, "a failure of 'first' gives {input, error}: it has no field id"),
        ("failure", int, "where int is asked for"),
        ("always", Failure, "the end of 'first' gives {status, output, error}: it has no field"),
    ],
)
def test_handlers_and_finalizers(on, takes, cause):
    flow = Workflow.builder("w")
    first = flow.node("first")(typed(gives=Order))
    flow.node("second", needs=first.on(on))(typed(takes))
    (problem,) = told(flow)
    assert cause in problem


def test_a_handler_that_takes_the_failure():
    flow = Workflow.builder("w")
    first = flow.node("first")(typed(gives=Order))
    flow.node("second", needs=first.on("failure"))(typed(Failure))
    flow.node("third", needs=[first, first.on("failure")])(typed(Order))
    assert told(flow) == []


@pytest.mark.parametrize("takes", [..., Undo, Undo[Order, Receipt], dict, dict[str, Any]])
def test_what_undoes(takes):
    flow = Workflow.builder("w")
    first = flow.node("first")(typed(gives=Receipt))
    flow.compensation(of=first, id="undo")(typed(takes))
    assert told(flow) == []


def test_what_cannot_undo():
    flow = Workflow.builder("w")
    first = flow.node("first")(typed(gives=Receipt))
    flow.compensation(of=first, id="undo")(typed(Order))
    (problem,) = told(flow)
    assert problem.startswith("/nodes/undo function 'w.undo' asks for value: Order, and undoing")
    assert "it has no field id" in problem


# Functions of nodes by name


def test_annotations_of_registered_functions_count_as_well():
    registry = Registry()
    registry.register_function("count", typed(gives=int))
    registry.register_function("ship", typed(takes=Order))
    workflow = (
        Workflow.builder("w")
        .add_node("a", "function", function="count").then("b")
        .add_node("b", "function", function="ship").then("c")
        .add_node("c", "log", message="x").then("d")
        .add_node("d", "function", function="ship")
        .build()
    )  # fmt: skip
    (problem,) = registry.problems(workflow)
    assert problem.code == "bad_annotation"
    assert "function 'ship' asks for value: Order, and 'count' returns int" in problem.message


@pytest.mark.parametrize("takes", ["Missing", Registry])
def test_an_annotation_that_takes_nothing_at_all(takes):
    flow = Workflow.builder("w")
    flow.node("first")(typed(takes))
    (problem,) = told(flow)
    assert problem.startswith("/nodes/first the annotation ")
