"""What annotations make of an input, and results of a plain value."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.model import codec
from redflow.model.outcome import Branch, ErrorInfo, Failed, Sleeping
from redflow.nodes.base import UnfitInput
from redflow.nodes.converting import converter, is_plain, plain
from tests.nodes.typed import (
    ID,
    Colour,
    Customer,
    Mixed,
    Opaque,
    Order,
    Parcel,
    Reads,
    Receipt,
    T,
    bound,
    context,
    given_to,
)

# Types

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CONVERTED = [
    (Order, {"id": 1, "amount": 2}, Order(1, 2.0)),
    (Receipt, {"paidBy": "ada", "when": NOW.isoformat()}, Receipt("ada", NOW)),
    (Receipt, {"paidBy": "ada", "when": NOW}, Receipt("ada", NOW)),
    (Parcel, {"shelf": "a"}, {"shelf": "a"}),
    (Customer, {"name": "ada", "years": 36}, Customer(name="ada", years=36)),
    (list[Customer], [{"name": "a", "years": 1}], [Customer(name="a", years=1)]),
    (Order | None, None, None),
    (Order | None, {"id": 1}, Order(1)),
    (Order | Parcel, {"shelf": "a"}, {"shelf": "a"}),
    (Customer | Order, {"id": 1}, Order(1)),
    (list[Order], [{"id": 1}], [Order(1)]),
    (dict[str, Order], {"a": {"id": 1}}, {"a": Order(1)}),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (tuple[int, ...], [1, 2], (1, 2)),
    (set[int], [1, 1], {1}),
    (float, 1, 1.0),
    (int | str, "a", "a"),
    (Literal["a"], "a", "a"),
    (Annotated[int, msgspec.Meta(gt=0)], 1, 1),
    (Colour, "red", Colour.RED),
    (datetime, NOW.isoformat(), NOW),
    (date, date(2026, 1, 2), date(2026, 1, 2)),
    (timedelta, timedelta(1), timedelta(1)),
    (Decimal, "1.50", Decimal("1.50")),
    (Decimal, 1.5, Decimal("1.5")),
    (UUID, str(ID), ID),
    (UUID, ID, ID),
    (bytes, b"a", b"a"),
    (None, None, None),
]


@pytest.mark.parametrize(("annotation", "value", "expected"), CONVERTED)
def test_an_annotation_converts(annotation, value, expected):
    convert = converter(annotation)
    assert convert is not None
    made = convert(value)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize("annotation", [Any, object, T, Reads])
def test_these_say_nothing(annotation):
    assert converter(annotation) is None


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (dict, {"a": [1]}),
        (dict[str, Any], {"a": [1]}),
        (Mapping[str, Any], {"a": [1]}),
        (list, [{}]),
        (list[Any], [{}]),
        (Sequence[Any], [{}]),
        (Iterable[int], [1]),
        (str, "a"),
    ],
)
def test_what_fits_as_it_is_is_not_copied(annotation, value):
    convert = converter(annotation)
    assert convert is not None
    assert convert(value) is value


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (Order, {"id": "1"}, r"Expected `int`, got `str` - at `\$.id`"),
        (Order, {}, "missing required field `id`"),
        (Order, 7, "Expected `object`, got `int`"),
        (list[Order], [{"id": 1}, {"id": None}], r"at `\$\[1\].id`"),
        (list[Customer], [{"name": "a", "years": -1}], r"years: .* equal to 0 - at `\$\[0\]`"),
        (dict, None, "Expected `object`, got `null`"),
        (str, 1, "Expected `str`, got `int`"),
        (Order | Parcel, {}, "Order: .*missing.*; Parcel: .*missing"),
        (Callable[[], int], 1, "Expected `Callable`, got `int`"),
    ],
)
def test_what_does_not_fit_names_the_path(annotation, value, text):
    def work(order):
        raise AssertionError("not called")

    work.__annotations__["order"] = annotation

    with pytest.raises(UnfitInput, match=text) as caught:
        given_to(work, value)
    assert caught.value.field == "order"
    assert "function 'f' asks for order: " in str(caught.value)


def test_what_a_class_of_the_author_raises_is_told_too():
    @dataclass
    class Even:
        number: int

        def __post_init__(self):
            if self.number % 2:
                raise KeyError("odd")

    def work(value: Even):
        return value.number

    assert given_to(work, {"number": 2}) == 2
    with pytest.raises(UnfitInput, match="odd"):
        given_to(work, {"number": 1})


@pytest.mark.parametrize("annotation", [Opaque, list[Opaque], Opaque | None, list[Reads]])
def test_an_annotation_that_nothing_makes_is_refused_before_any_step(annotation):
    def work(order): ...

    work.__annotations__["order"] = annotation

    with pytest.raises(InvalidInput, match=r"no way to make a (Opaque|Reads)"):
        bound(work).step("thread")


def test_an_annotation_that_cannot_be_looked_up_is_refused_before_any_step():
    def work(order): ...

    work.__annotations__["order"] = "Missing"

    with pytest.raises(InvalidInput, match=r"'Missing' of parameter 'order' .* looked up"):
        bound(work).step("thread")


def test_annotations_are_looked_up_late_and_among_what_a_function_holds_on_to(monkeypatch):
    @dataclass
    class Local:
        id: int

    def work(order: "Local") -> "Local":
        return Local(order.id + 1)

    def late(order):
        return order

    late.__annotations__["order"] = "Later"
    binding = bound(late)
    monkeypatch.setitem(globals(), "Later", Order)
    assert binding.step("thread")(context({"id": 1})) == Order(1)
    assert given_to(work, {"id": 1}) == {"id": 2}


# Results


def returning(annotation: Any, value: Any) -> Callable[[Any], Any]:
    def work(given):
        return value

    work.__annotations__["return"] = annotation
    return work


MIXED = Mixed(Customer(name="a", years=1), Colour.RED, [Order(1)], {3}, {4: "d"})
WRITTEN = {
    "customer": {"name": "a", "years": 1},
    "colour": "red",
    "orders": [{"id": 1, "amount": 0.0}],
    "seen": [3],
    "by_number": {"4": "d"},
}


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (Order, Order(1), {"id": 1, "amount": 0.0}),
        (Receipt, Receipt("ada", NOW), {"paidBy": "ada", "when": NOW}),
        (Customer, Customer(name="a", years=1), {"name": "a", "years": 1}),
        (list[Customer], [Customer(name="a", years=1)], [{"name": "a", "years": 1}]),
        (Mixed, MIXED, WRITTEN),
        (Colour, Colour.RED, "red"),
        (Order | None, None, None),
        (Branch, Branch("x", Order(1)), Branch("x", {"id": 1, "amount": 0.0})),
        (Order, Sleeping(delay=1.0), Sleeping(delay=1.0)),
        (Order, Failed(ErrorInfo("E", "m")), Failed(ErrorInfo("E", "m"))),
        (Order, {"wrong": {1}}, {"wrong": [1]}),
        (None, None, None),
    ],
)
async def test_results_are_written_as_plain_values(annotation, value, expected):
    call = returning(annotation, value)
    assert given_to(call, 1) == expected
    assert bound(call).in_child()(1) == expected

    async def coroutine(given):
        return value

    coroutine.__annotations__["return"] = annotation
    assert await bound(coroutine).step("loop")(context(1)) == expected


@pytest.mark.parametrize(
    "annotation", [dict, dict[str, Any], list[int], int | None, Literal["a"], set[int], Any, None]
)
def test_plain_results_are_passed_on_as_they_are(annotation):
    assert is_plain(annotation)
    value = object()
    assert given_to(returning(annotation, value), 1) is value


def test_a_result_that_nothing_writes_is_left_to_the_codec():
    refers = Mixed(Customer(name="a", years=1), Colour.RED, [], set(), {})
    refers.orders.append(refers)
    assert plain(refers) is refers
    assert plain([Opaque]) == [Opaque]


types = st.sampled_from([Order, Receipt, Mixed, Customer])
numbers = st.integers(-(2**53), 2**53)
customers = st.builds(
    lambda name, years: Customer(name=name, years=years), st.text(), st.integers(0, 9)
)
orders = st.builds(Order, numbers, st.floats(allow_nan=False, allow_infinity=False))
receipts = st.builds(Receipt, st.text(), st.none() | st.datetimes(timezones=st.just(UTC)))
mixed = st.builds(
    Mixed,
    customers,
    st.sampled_from(Colour),
    st.lists(orders, max_size=2),
    st.sets(numbers, max_size=2),
    st.dictionaries(numbers, st.text(), max_size=2),
)


@given(orders | receipts | customers | mixed)
def test_what_one_function_returns_another_of_the_same_type_is_given(value):
    convert = converter(type(value))
    assert convert is not None
    stored = codec.encode(plain(value))
    assert convert(codec.decode(stored)) == value
