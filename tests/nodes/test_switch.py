"""The `switch` node: which label a value chooses, and how its config is checked."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.expressions import ExpressionError
from redflow.model.outcome import Branch
from redflow.model.workflow import Workflow
from redflow.nodes.comparing import identity
from redflow.nodes.registry import Registry
from tests.nodes.kit import answer, answer_in, problems

KINDS = {
    "text": "5",
    "number": 5,
    "yes": True,
    "one": 1,
    "nothing": None,
    "empty": "",
    "fraction": 1.19,
    "either": ["a", "b", 7],
    "list": [["a", "b"]],
    "map": {"a": 1},
}


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("5", "text"),
        (5, "number"),
        (5.0, "number"),
        (True, "yes"),
        (1, "one"),
        (None, "nothing"),
        ("", "empty"),
        (Decimal("1.19"), "fraction"),
        ("a", "either"),
        (7, "either"),
        (["a", "b"], "list"),
        ({"a": 1}, "map"),
        ({"a": True}, "rest"),
        (["b", "a"], "rest"),
        (False, "rest"),
        ("true", "rest"),
    ],
)
async def test_a_value_chooses_the_case_that_has_it(value, label):
    given = await answer("switch", value, variable="input", cases=KINDS, default="rest")
    assert given == Branch(label, value)


@pytest.mark.parametrize("key", ["variable", "expression"])
async def test_the_value_is_any_expression(key):
    config = {key: "input.amount > 100", "cases": {"large": True, "small": False}}
    assert (await answer("switch", {"amount": 101}, **config)).label == "large"


async def test_cases_read_what_every_template_reads():
    config = {"variable": "input", "cases": {"best": "${vars.best}", "good": "${vars.good}"}}
    scope = {"vars": {"best": "gold", "good": ["silver", "bronze"]}}
    assert (await answer_in(scope, "switch", "gold", **config)).label == "best"
    assert (await answer_in(scope, "switch", "bronze", **config)).label == "good"


async def test_cases_that_come_to_the_same_value_are_an_error():
    config = {"variable": "input", "cases": {"a": "${vars.x}", "b": "${vars.y}"}}
    with pytest.raises(InvalidInput, match="text 'same' chooses 'a' already"):
        await answer_in({"vars": {"x": "same", "y": "same"}}, "switch", "same", **config)


async def test_a_value_without_a_case_or_a_default_is_an_error_that_names_it():
    cases = {f"l{n}": n for n in range(12)}
    with pytest.raises(ExpressionError) as caught:
        await answer("switch", {"plan": "5"}, variable="input.plan", cases=cases)
    assert "it is text '5': none of the cases l0, l1" in str(caught.value)
    assert "and 2 more has that value" in str(caught.value)
    assert "or a default" in str(caught.value)


async def test_a_default_does_not_hide_a_missing_path():
    with pytest.raises(ExpressionError, match="plan"):
        await answer("switch", {}, variable="input.plan", cases={"a": 1}, default="rest")


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"cases": {"a": 1}}, {"": "neither variable nor expression"}),
        (
            {"cases": {"a": 1}, "variable": "input", "expression": "input"},
            {"": "both variable and"},
        ),
        ({"variable": "input", "cases": {}}, {"/cases": "there is no case"}),
        ({"variable": "input", "cases": {"a": []}}, {"/cases/a": "the list is empty"}),
        ({"variable": "input", "cases": {"a b": 1}}, {"/cases/a b": "'a b' is not"}),
        ({"variable": "input", "cases": {"success": 1}}, {"/cases/success": "reserved"}),
        ({"variable": "input", "cases": {"a": 1}, "default": "a/b"}, {"/default": "'a/b' is not"}),
        ({"variable": "input", "cases": {"a": 1}, "default": "${input}"}, {"/default": "is not"}),
        (
            {"variable": "input", "cases": {"a": [1, "x"], "b": 1.0, "c": ["y", "x"]}},
            {"/cases/b": "a number 1.0 chooses 'a' already", "/cases/c": "'x' chooses 'a' already"},
        ),
        (
            {"cases": {"a/b": [], "always": "${input.x}"}},
            {"": "neither", "/cases/a~1b": "empty", "/cases/always": "reserved"},
        ),
    ],
)
def test_every_problem_of_a_config_is_told_where_it_is(config, found):
    told = dict(reversed(problems("switch", **config)))
    assert told.keys() == found.keys()
    wrong = [at for at in found if not any(found[at] in m for p, m in problems("switch", **config))]
    assert wrong == []


@pytest.mark.parametrize(
    "config", [{"variable": "input"}, {"variable": "input", "cases": ["a"]}, {"cases": "${input}"}]
)
def test_what_is_no_config_at_all_is_refused(config):
    assert any(
        "config of node type 'switch'" in message for _, message in problems("switch", **config)
    )


def test_it_declares_the_labels_of_its_cases_and_the_default():
    builder = Workflow.builder("w")
    cases = {"gold": "${execution.input.best}", "silver": ["s", "S"]}
    builder.add_node("n", "switch", variable="input.plan", cases=cases, default="gold")
    builder.add_node("a", "log", message="a").connect_if("n", "a", "gold")
    builder.add_node("b", "log", message="b").connect_if("n", "b", "silver")
    workflow = builder.build()
    assert Registry().problems(workflow) == []
    assert Registry().complete(workflow).nodes[0].labels == ("gold", "silver")
    (problem,) = Registry().problems(builder.connect_if("n", "b", "bronze").build())
    assert (problem.code, "declared: gold, silver" in problem.message) == ("undeclared_label", True)


CASES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["1", "a", ""])


@given(st.lists(CASES, min_size=1, unique_by=identity), CASES)
async def test_the_label_is_that_of_the_equal_case_in_whatever_order_they_stand(values, value):
    cases = {f"l{at}": one for at, one in enumerate(values)}
    labels = [label for label, one in cases.items() if identity(one) == identity(value)]
    for order in (list(cases), list(reversed(cases))):
        config = {"variable": "input", "cases": {label: cases[label] for label in order}}
        given = await answer("switch", value, default="rest", **config)
        assert given.label == (labels or ["rest"])[0]


def test_a_bad_config_is_told_by_the_check_and_not_by_completing():
    workflow = Workflow.builder("w").add_node("n", "switch", variable="input", cases={}).build()
    assert Registry().complete(workflow).nodes[0].labels == ()
