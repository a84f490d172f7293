"""Templates are values with expressions in them; every problem is told with its pointer."""

import pytest

from redflow.errors import InvalidWorkflow
from redflow.expressions import EDGE_NAMES, ExpressionError, parse_template


def test_maps_and_lists_are_new_each_time():
    value = {"a": [1, {"b": "${input}"}], "c": "text"}
    template = parse_template(value)
    first, second = template.render({"input": 5}), template.render({"input": 5})
    assert first == second == {"a": [1, {"b": 5}], "c": "text"}
    assert first["a"] is not second["a"]
    assert first["a"][1] is not second["a"][1]
    assert value["a"][1] == {"b": "${input}"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (5, 5),
        ("plain", "plain"),
        ("$${a} $$ $", "${a} $$ $"),
        ("$$${", "$${"),
        ({"${input}": "keys are no templates"}, {"${input}": "keys are no templates"}),
        ([True, {}], [True, {}]),
    ],
)
def test_a_literal_needs_no_scope(value, expected):
    template = parse_template(value)
    assert template.is_literal
    assert template.render({}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${input.a}", None),
        (" ${input.a}", " "),
        ("${ {'a': {'b': 1}}['a'] }", {"b": 1}),
        ("${'}'}${\"}\"}", "}}"),
        ("${r'\\'}'}x", "\\'}x"),  # as in Python, a backslash guards the quote
        ("${[1][0]}$${${2}", "1${2"),
        ("${1}${2}", "12"),
        ("${ 1\n+ 1 }", 2),
    ],
)
def test_where_an_expression_ends(text, expected):
    assert parse_template(text).render({"input": {"a": None}}) == expected


def test_every_problem_is_told_with_its_pointer():
    value = {
        "url": "${amount}/${input.id}/${lenn(1)}",
        "a/b": ["ok ${input}", "${input.a", "${}"],
    }
    with pytest.raises(InvalidWorkflow) as refused:
        parse_template(value)
    told = [(one.pointer, one.code, one.message.splitlines()[0]) for one in refused.value.problems]
    scope = "in scope are execution, input, steps, vars, workflow"
    assert told == [
        ("/url", "bad_expression", f"there is no name 'amount'; {scope} (write input.amount)"),
        ("/url", "bad_expression", "there is no function 'lenn' (did you mean len(x)?)"),
        (
            "/a~1b/1",
            "bad_expression",
            "there is no } that ends the expression (write $${ for a literal ${)",
        ),
        ("/a~1b/2", "bad_expression", "the expression is empty"),
    ]


def test_names_of_a_template_are_those_that_were_asked_for():
    assert parse_template("${output}", EDGE_NAMES).render({"output": 1}) == 1
    with pytest.raises(InvalidWorkflow, match="output has no value here"):
        parse_template("${output}")


def test_a_template_that_cannot_be_rendered_says_why():
    template = parse_template({"a": "id ${input.id}"})
    with pytest.raises(ExpressionError, match=r"input\.id: there is no field 'id' in input"):
        template.render({"input": {}})


def test_a_text_has_an_end():
    template = parse_template("${input}" * 3)
    with pytest.raises(ExpressionError, match="the text would have over 1,048,576 characters"):
        template.render({"input": "a" * 500_000})


def test_a_value_without_a_text_is_refused():
    with pytest.raises(ExpressionError, match="a set has no text"):
        parse_template("x${input}").render({"input": {1}})
