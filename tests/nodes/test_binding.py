"""What a function is called with, by its parameters."""

from collections.abc import Callable
from typing import Any

import pytest

from redflow.model.undo import Undo
from redflow.nodes.base import UnfitInput
from redflow.nodes.context import Context
from redflow.nodes.signatures import read_signature
from tests.nodes.typed import Order, Reads, Receipt, bound, context, given_to

# What the parameters are for


def shape(call: Callable[..., Any], **options: Any) -> tuple[bool, str, list[str]]:
    found = read_signature(call, "f", **options)
    return found.context, found.takes, [one.name for one in found.parameters]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: 1, (False, "nothing", [])),
        (lambda ctx: 1, (True, "nothing", [])),
        (lambda *, option=1: 1, (False, "nothing", [])),
        (lambda order: 1, (False, "input", ["order"])),
        (lambda order, factor=2: 1, (False, "input", ["order"])),
        (lambda ctx, order: 1, (True, "input", ["order"])),
        (lambda step, order: 1, (True, "input", ["order"])),
        (lambda ctx, order=None: 1, (True, "input", ["order"])),
        (lambda ctx, order, charge=None: 1, (True, "input", ["order"])),
        (lambda *arguments: 1, (True, "input", [])),
        (lambda ctx, reserve, charge: 1, (True, "names", ["reserve", "charge"])),
        (lambda a, b, c: 1, (False, "names", ["a", "b", "c"])),
        (lambda ctx, *, charge: 1, (True, "names", ["charge"])),
        (lambda ctx, reserve, *, charge=1, more: 1, (True, "names", ["reserve", "charge", "more"])),
    ],
)
def test_parameters_without_annotations(call, expected):
    assert shape(call) == expected


def test_annotations_tell_the_context_from_an_input():
    def lone(c: Context): ...
    def text(c: "Context"): ...
    def missing(c, order): ...
    def data(context: dict): ...
    def two(c: Context, order=None): ...
    def names(reserve: Order, charge: Receipt): ...
    def anything(a: Any, b: Order): ...
    def protocol(step: Reads, order: Order): ...

    missing.__annotations__["c"] = "nowhere.Context"
    assert shape(lone) == (True, "nothing", [])
    assert shape(text) == (True, "nothing", [])
    assert shape(missing) == (True, "input", ["order"])
    assert shape(data) == (False, "input", ["context"])
    assert shape(two) == (True, "input", ["order"])
    assert shape(names) == (False, "names", ["reserve", "charge"])
    assert shape(anything) == (True, "input", ["b"])
    assert shape(protocol) == (True, "input", ["order"])


def test_known_parents_name_what_could_be_one_input():
    def pack(ctx, reserve, charge=None): ...
    def one(ctx, charge): ...

    both = ["reserve", "charge"]
    assert shape(pack, parents=both) == (True, "names", ["reserve", "charge"])
    assert shape(one, parents=both) == (True, "names", ["charge"])
    assert shape(one, parents=["charge"]) == (True, "input", ["charge"]), "one parent: its output"
    assert shape(one, parents=["a", "b"]) == (True, "input", ["charge"])


def test_without_a_context_two_parameters_are_names():
    assert shape(lambda a, b: 1, alone=True) == (False, "names", ["a", "b"])


# What they are called with


def test_nothing_stands_between_a_step_and_a_function_without_annotations():
    given = context({"a": 1})
    assert bound(lambda: 7).step("thread")(given) == 7
    assert bound(lambda ctx: ctx).step("thread")(given) is given
    assert bound(lambda value: value).step("thread")(given) is given.input
    assert bound(lambda ctx, value: (ctx, value)).step("thread")(given) == (given, {"a": 1})
    assert bound(lambda *both: both).step("thread")(given) == (given, {"a": 1})


def test_values_by_name():
    def pack(ctx, reserve: Order, charge: Receipt | None, note="none", *, size: int = 3):
        return reserve, charge, note, size

    taken = {"reserve": {"id": 1}, "charge": {"paidBy": "ada"}, "note": "n", "size": 4}
    assert given_to(pack, taken) == (Order(1), Receipt("ada"), "n", 4)
    assert given_to(pack, {"reserve": {"id": 1}}) == (Order(1), None, "none", 3)


def test_a_name_may_stand_for_one_with_dashes():
    def pack(ctx, fetch_user, charge):
        return fetch_user, charge

    assert given_to(pack, {"fetch-user": 1, "charge": 2}) == (1, 2)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"reserve": {"id": 1}}, "asks for charge, and its input has no 'charge'"),
        ({"reserve": {"id": "x"}, "charge": 1}, r"reserve: Order, .* - at `\$.id`"),
        ([1], "takes reserve, charge by name, and its input is a list, not a map"),
    ],
)
def test_values_by_name_that_are_missing_or_wrong(value, text):
    def pack(ctx, reserve: Order, charge):
        raise AssertionError("not called")

    with pytest.raises(UnfitInput, match=text):
        given_to(pack, value)


def test_what_undoes_is_given_an_undo():
    value = {"input": {"id": 1}, "output": None, "error": None, "certain": False}

    def typed(undo: Undo[Order, Receipt]):
        return undo

    assert given_to(lambda undo: undo, value, undoes=True) == Undo({"id": 1}, None, None, False)
    assert given_to(typed, value) == Undo(Order(1), None, None, False)
    assert given_to(lambda undo: undo, value) == value, "a plain function gets the dict"

    def as_dict(undo: dict):
        return undo

    def by_name(input: Order, certain: bool):
        return input, certain

    assert given_to(as_dict, value, undoes=True) is value
    assert given_to(by_name, value, undoes=True) == (Order(1), False)
