"""What values beside JSON's do: times, dates, durations, decimals, UUIDs, bytes."""

from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from redflow.expressions import ExpressionError, parse_expression

NINE = datetime(2030, 1, 31, 9, tzinfo=UTC)
SCOPE = {
    "at": NINE,
    "naive": datetime(2030, 1, 31, 9),
    "day": date(2030, 1, 31),
    "span": timedelta(minutes=90),
    "price": Decimal("1.19"),
    "id": UUID(int=5),
    "raw": b"\x00\xff",
}


def evaluated(text, **more):
    return parse_expression(text).evaluate({"input": SCOPE, **more})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input.at + input.span", NINE + timedelta(minutes=90)),
        ("input.at - date('2030-01-31')", timedelta(hours=9)),
        ("date(input.day) < input.at", True),
        ("date(input.naive) == input.at", True),
        ("date(1893456000)", datetime(2030, 1, 1, tzinfo=UTC)),
        ("input.day + duration('1d')", date(2030, 2, 1)),
        ("input.span / duration('1h')", 1.5),
        ("-input.span + input.span * 2", timedelta(minutes=90)),
        ("sum([input.span, input.span])", timedelta(hours=3)),
        ("abs(-input.span) == +input.span", True),
        ("float(input.span)", 5400.0),
        ("input.price * 2", Decimal("2.38")),
        ("input.price + 0.01", Decimal("1.20")),
        ("input.price == 1.19 and input.price < 1.2", True),
        ("[input.price] == [1.19]", True),
        ("round(input.price, 1)", Decimal("1.2")),
        ("round(input.price)", 1),
        ("int(input.price)", 1),
        ("abs(-input.price)", Decimal("1.19")),
        ("max([1, input.price, 1.5])", 1.5),
        ("sum([input.price, 1])", Decimal("2.19")),
        ("unique([input.price, 1.19, input.price])", [Decimal("1.19")]),
        ("unique([input.at, input.at, input.naive])", [NINE, datetime(2030, 1, 31, 9)]),
        ("str(input.id)", "00000000-0000-0000-0000-000000000005"),
        ("len(input.raw)", 2),
        ("input.raw == input.raw", True),
        ("input.at == input.naive", False),
        ("str(input.at)", "2030-01-31T09:00:00Z"),
        ("str(input.day) + ' ' + str(input.span)", "2030-01-31 5400s"),
        ("json([input.at, input.span, input.price, input.raw])",
         '["2030-01-31T09:00:00Z", 5400.0, "1.19", "AP8="]'),
        ("sorted([input.at, input.at - input.span])[1]", NINE),
        ("input.price ** 2", Decimal("1.4161")),
        ("sum([])", 0),
        ("sum([True, True])", 2),
        ("any([0, 1])", True),
        ("0 or '' or 5", 5),
        ("0 < 1 > 2", False),
        ("{'a': 1} == {'b': 1} or [1] == [1, 2]", False),
        ("[x for x in [1, 2, 3] if x > 1 if x < 3]", [2]),
        ("get(5, 'a', 1)", 1),
        ("get([1], 'a', 2)", 2),
    ],
)  # fmt: skip
def test_result(text, expected):
    found = evaluated(text)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("input.at < input.naive", "a time with a zone and one without"),
        ("input.at - input.naive", "a time with a zone and one without"),
        ("input.at < input.day", "< cannot compare a time with a date"),
        ("input.at > '2030'", "date(x) makes a time of a date, and of text"),
        ("input.at + input.at", "+ cannot take a time and a time"),
        ("input.at + 5", "+ cannot take a time and a number"),
        ("input.at + duration('3650d') * 1000", "out of range"),
        ("input.price / 0", "division by zero"),
        ("input.price ** 65", "the exponent is over 64"),
        ("sorted([input.id])", "sorted cannot order a UUID"),
        ("input.raw + input.raw", "+ cannot take bytes and bytes"),
        ("input.at.year", "input.at is a time, which has no fields"),
        ("duration('soon')", "duration 'soon' is not a duration"),
        ("abs('a')", "abs takes a number, not text"),
        ("round(1, 99)", "the digits of round"),
        ("len(5)", "a number has no length"),
        ("keys([1])", "keys takes a map, not a list"),
        ("5 in 5", "nothing is in a number"),
        ("get(input, 5)", "a path is text"),
        ("{str(x): 1 for x in input.raw}", "a comprehension walks over a list or a map, not bytes"),
        ("{x: 1 for x in [1]}", "the keys of a map are text, not a number"),
        ("input[1]", "the keys of input are text, not a number"),
        ("[1][0:'a']", "the ends of a slice are whole numbers"),
        ("[1][::0]", "the step of a slice cannot be 0"),
        ("split('a', '')", "split cannot cut at an empty text"),
        ("sorted([{}], by='a')", "sorted found an item without 'a'"),
        ("min([])", "min of no items (min(items, default=0) gives a default)"),
        ("round('1')", "round takes a number, not text"),
        ("int(None)", "int takes a number or text, not None"),
        ("float('x')", "'x' is not a number"),
        ("float([])", "float takes a number or text, not a list"),
        ("sum({})", "sum takes a list, not a map (keys(x) and values(x) make lists of a map)"),
        ("1 // 'a'", "// cannot take a number and text"),
        ("1 / 'a'", "/ cannot take a number and text"),
        ("[] % 2", "% cannot take a list and a number"),
        ("{} | []", "| joins two maps, not a map and a list (write or)"),
        ("(-8) ** 0.5", "a root of a negative number is not a number"),
        ("1e308 * 10", "a number would be too large"),
        ("+'a'", "+ cannot take text"),
        ("1 in 'a'", "only text can be in text, not a number"),
        ("1 in {}", "the keys of a map are text, not a number"),
        ("5['a']", "5 is a number, which has no fields"),
        ("5[0]", "5 is a number, which has no items"),
        ("5[0:1]", "5 is a number, which has no items"),
        ("0 < 1 < 'a'", "< cannot compare a number with text"),
        ("join('a', [])", 'join takes a list, not text (write join(items, ", "))'),
        ("split('a', 'b', -1)", "the limit of split is a whole number of 0 or more"),
        ("strip('a', 'b' * 201)", "strip takes at most 200 characters"),
        ("lower(5)", "lower takes text, not a number (str(x) makes text of a value)"),
        ("date('2030-02-31')", "'2030-02-31' is not a date"),
        ("date(10 ** 18)", "a number is not a date"),
    ],
)
def test_refusal(text, error):
    with pytest.raises(ExpressionError) as refused:
        evaluated(text)
    assert error in str(refused.value).splitlines()[0]


def test_a_value_is_not_nested_without_end():
    value: list = []
    for _ in range(120):
        value = [value]
    for text in ("json(input)", "[input]", "input == other"):
        with pytest.raises(ExpressionError, match="nested deeper than 100 levels"):
            evaluated(text.replace("other", "vars.other"), input=value, vars={"other": copy(value)})


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([0] * 150_000, "a value would have over 200,000 items"),
        (["a" * 1_000_000] * 3, "the texts of a value would have over 4,194,304 characters"),
    ],
)
def test_what_an_expression_makes_has_an_end(value, error):
    assert evaluated("input", input=value) is value
    assert evaluated("[input]", input=value) == [value]
    with pytest.raises(ExpressionError, match=error):
        evaluated("[input, input]", input=value)


def copy(value):
    return [copy(item) for item in value]


def test_the_scope_may_say_what_time_it_is():
    assert evaluated("now()", now=NINE) == NINE
    assert abs(evaluated("now()") - datetime.now(UTC)) < timedelta(minutes=1)


def test_any_mapping_is_a_map():
    scope = {"input": OrderedDict(a=OrderedDict(b=1))}
    found = parse_expression('[input.a.b, "a" in input, json(input)]').evaluate(scope)
    assert found == [1, True, '{"a": {"b": 1}}']


def test_the_budget_is_of_each_evaluation():
    expression = parse_expression("len([x for x in input])")
    assert [expression.evaluate({"input": [0] * 9_000}) for _ in range(3)] == [9_000] * 3
    with pytest.raises(ExpressionError, match="the budget of 10,000 steps is used up"):
        expression.evaluate({"input": [0] * 10_001})


def test_a_search_stops_at_the_first_element_that_decides():
    assert evaluated("any(x.a > 1 for x in [{'a': 2}, {}])") is True
    assert evaluated("all(x.a > 2 for x in [{'a': 2}, {}] if x)") is False


def test_names_of_comprehensions_end_with_them():
    assert evaluated("[[x for x in [x, x]] + [x] for x in [1]]") == [[1, 1, 1]]
    with pytest.raises(ExpressionError, match="there is no name 'x'"):
        parse_expression("[x for x in [1]] + [x]")


def test_what_is_given_is_handed_out_as_it_is():
    value = {"a": [1]}
    assert parse_expression("input.a").evaluate({"input": value}) is value["a"]
