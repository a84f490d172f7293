"""The `condition` node: what each operator says, what it refuses, and how its config is checked."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.expressions import ExpressionError
from redflow.model.outcome import Branch
from redflow.model.workflow import Workflow
from redflow.nodes.comparing import SYMBOLS, compare, identity
from redflow.nodes.registry import Registry
from tests.nodes.kit import answer, answer_in, problems

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)

HOLD = [
    (5, "==", 5),
    (5, "eq", 5.0),
    (Decimal("1.19"), "==", 1.19),
    ("a", "==", "a"),
    (None, "==", None),
    ([1, {"a": 2}], "==", [1, {"a": 2}]),
    ({"a": 1, "b": 2}, "==", {"b": 2, "a": 1}),
    (True, "==", True),
    (5, "!=", 6),
    (None, "ne", 5),
    ("", "!=", None),
    (6, ">", 5),
    (5, ">=", 5),
    (4.5, "lt", 5),
    (5, "<=", 5),
    (10, "gt", 9),
    ("10", "lt", "9"),
    (date(2030, 1, 2), ">", date(2030, 1, 1)),
    (timedelta(hours=1), ">", timedelta(minutes=59)),
    (NOON, ">=", NOON),
    ("a", "in", ["a", "b"]),
    (1, "in", [1.0]),
    ({"a": 1}, "in", [{"a": 1}]),
    ("a", "in", {"a": 1}),
    ("ell", "in", "hello"),
    ("5", "not_in", [5, None]),
    (["a", "b"], "contains", "a"),
    ({"a": 1}, "contains", "a"),
    ("hello", "contains", "ell"),
    ([5], "not_contains", "5"),
    ("hello", "starts_with", "he"),
    ("hello", "ends_with", "lo"),
    ("order-17", "matches", "^order-[0-9]+$"),
]


@pytest.mark.parametrize(("left", "operator", "right"), HOLD)
async def test_what_holds_takes_true_and_passes_the_input_through(left, operator, right):
    config = {"variable": "input.x", "operator": operator, "value": right}
    assert await answer("condition", {"x": left}, **config) == Branch("true", {"x": left})


@pytest.mark.parametrize(
    ("left", "operator", "right"),
    [
        (5, "==", 6),
        (None, "==", 0),
        (5, "!=", 5.0),
        (5, ">", 5),
        (5, "<", 5),
        ("a", "in", []),
        ("b", "in", {"a": "b"}),
        ("a", "not_in", ["a"]),
        ([], "contains", None),
        ("hello", "not_contains", "h"),
        ("hello", "starts_with", "lo"),
        ("hello", "ends_with", "he"),
        ("order-x", "matches", "^order-[0-9]+$"),
    ],
)
async def test_what_does_not_hold_takes_false(left, operator, right):
    given = await answer("condition", left, variable="input", operator=operator, value=right)
    assert given == Branch("false", left)


@pytest.mark.parametrize(
    ("left", "operator", "right", "says"),
    [
        (5, "==", "5", "a number 5, and value is text '5'"),
        ("5", "!=", 5, "text '5', and value is a number 5"),
        (True, "==", 1, "a bool True, and value is a number 1"),
        ("10", ">", 9, "unlike kinds are not compared by gt"),
        (None, "<", 5, "None, and value is a number 5"),
        ([1], "==", {"a": 1}, "a list, and value is a map"),
        ({}, ">", {}, ">"),
        ([], "<", [], "<"),
        (NOON, ">", datetime(2030, 1, 31), "zone"),
        (5, "in", 5, "in"),
        (5, "in", "12345", "text"),
        (5, "contains", 5, "contains"),
        (5, "starts_with", "5", "starts_with"),
        ("5", "ends_with", 5, "ends_with"),
        (None, "matches", "a", "matches"),
        ("a", "matches", "(?=a)", "not a pattern"),
    ],
)
async def test_what_cannot_be_compared_is_an_error_that_names_both(left, operator, right, says):
    with pytest.raises(ExpressionError) as caught:
        await answer("condition", {"x": left}, variable="input.x", operator=operator, value=right)
    assert says in str(caught.value)
    assert "input.x\n  ^^^^^^^" in str(caught.value), "the place in the definition, not in ours"


@pytest.mark.parametrize(
    ("value", "exists", "empty"),
    [
        ({"x": 0}, "true", "false"),
        ({"x": False}, "true", "false"),
        ({"x": "a"}, "true", "false"),
        ({"x": [None]}, "true", "false"),
        ({"x": ""}, "true", "true"),
        ({"x": []}, "true", "true"),
        ({"x": {}}, "true", "true"),
        ({"x": None}, "true", "true"),
        ({}, "false", "true"),
        (None, "false", "true"),
        ("text", "false", "true"),
    ],
)
async def test_what_is_missing_is_no_error_for_operators_that_ask_for_it(value, exists, empty):
    asked = {
        operator: (await answer("condition", value, variable="input.x", operator=operator)).label
        for operator in ("exists", "not_exists", "empty", "not_empty")
    }
    opposite = {"true": "false", "false": "true"}
    assert asked == {
        "exists": exists,
        "not_exists": opposite[exists],
        "empty": empty,
        "not_empty": opposite[empty],
    }


@pytest.mark.parametrize("operator", ["exists", "empty"])
async def test_another_error_than_a_missing_path_stays_one(operator):
    with pytest.raises(ExpressionError, match="division by zero"):
        await answer("condition", 1, variable="input / 0", operator=operator)


async def test_a_missing_path_is_an_error_for_the_others():
    with pytest.raises(ExpressionError, match=r"input\.plan|'plan'"):
        await answer("condition", {}, variable="input.plan", operator="==", value="gold")


@pytest.mark.parametrize(
    ("expression", "label"), [("input.amount > 100", "true"), ("not input.amount", "false")]
)
async def test_an_expression_says_yes_or_no(expression, label):
    value = {"amount": 101}
    assert await answer("condition", value, expression=expression) == Branch(label, value)


@pytest.mark.parametrize("expression", ["input", "input or None", "'true'", "[input]"])
async def test_an_expression_that_says_neither_is_an_error(expression):
    with pytest.raises(ExpressionError, match="not true or false"):
        await answer("condition", 1, expression=expression)


async def test_variable_and_value_read_what_every_expression_reads():
    variables = {"limit": 10}
    scope = {"vars": variables, "steps": {"a": {"output": 11}}}
    config = {"variable": "steps.a.output", "operator": ">", "value": "${vars.limit}"}
    assert (await answer_in(scope, "condition", None, **config)).label == "true"
    variables["limit"] = 11
    assert (await answer_in(scope, "condition", None, **config)).label == "false"


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({}, {"": "neither variable nor expression", "/operator": "there is no operator"}),
        ({"variable": "input"}, {"/operator": "give one of ==, !=, >"}),
        ({"variable": "input", "operator": "=="}, {"/value": "there is no value"}),
        ({"variable": "input", "operator": "exists", "value": 1}, {"/value": "remove value"}),
        ({"variable": "input", "operator": "conains", "value": 1}, {"/operator": "'contains'"}),
        (
            {"variable": "input", "operator": "${input}", "value": 1},
            {"/operator": "not an operator"},
        ),
        ({"variable": "input", "operator": "~", "value": "${input.x}"}, {"/operator": "is not an"}),
        ({"operator": "~"}, {"": "neither", "/operator": "'~' is not an operator"}),
        (
            {"expression": "input", "variable": "input", "operator": "==", "value": None},
            {"/variable": "alone", "/operator": "alone", "/value": "alone"},
        ),
    ],
)
def test_every_problem_of_a_config_is_told_where_it_is(config, found):
    told = dict(problems("condition", **config))
    assert told.keys() == found.keys()
    assert [at for at in found if found[at] not in told[at]] == []


@pytest.mark.parametrize(
    "config", [{"variable": 5, "operator": "exists"}, {"expression": "input", "then": "a"}]
)
def test_what_is_no_config_at_all_is_refused(config):
    ((_, message),) = problems("condition", **config)
    assert "config of node type 'condition'" in message


def test_its_labels_are_declared_whatever_its_value():
    builder = Workflow.builder("w")
    builder.add_node("n", "condition", variable="input.x", operator="==", value="${input.y}")
    builder.add_node("yes", "log", message="yes").connect_if("n", "yes", "true")
    builder.add_node("no", "log", message="no").connect_if("n", "no", "false")
    workflow = builder.build()
    assert Registry().problems(workflow) == []
    assert Registry().complete(workflow).nodes[0].labels == ("true", "false")


# --- properties

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from([0.0, 1.0, 0.5])
    | st.text("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=5,
)


def said(operator: str, left: Any, right: Any) -> bool | None:
    """What an operator says; None when it refuses."""
    try:
        return compare(operator, left, right, "input")
    except ExpressionError:
        return None


@given(VALUES, VALUES)
def test_opposites_never_agree_and_refuse_the_same(left, right):
    for one, other in (("eq", "ne"), ("in", "not_in"), ("contains", "not_contains")):
        answers = {said(one, left, right), said(other, left, right)}
        assert answers in ({True, False}, {None})


@given(VALUES, VALUES)
def test_no_order_depends_on_the_side(left, right):
    assert said("gt", left, right) == said("lt", right, left)
    assert said("ge", left, right) == said("le", right, left)
    assert said("eq", left, right) == said("eq", right, left)


@given(VALUES)
def test_a_value_is_equal_to_itself(value):
    assert compare("eq", value, value, "input")
    assert identity(value) == identity(value)
    assert hash(identity(value)) == hash(identity(value))


@given(st.sampled_from([*SYMBOLS, *SYMBOLS.values()]), st.integers())
def test_a_number_is_not_compared_with_the_text_that_prints_it(operator, number):
    assert said(operator, str(number), number) is None
    assert said(operator, number, str(number)) is None
