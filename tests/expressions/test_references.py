"""What an expression may read is known from its text, and holds when it is evaluated."""

import pytest
from hypothesis import given

from redflow.expressions import (
    EDGE_NAMES,
    ExpressionError,
    References,
    parse_expression,
    parse_template,
)
from tests.expressions.grammar import SCOPE, expressions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 1", References()),
        ("input.a + input.b", References(frozenset({"input"}))),
        ("output.a", References(frozenset({"output"}))),
        ("workflow.id", References(frozenset({"workflow"}))),
        (
            'steps.a.output.x + steps["b-c"].status',
            References(frozenset({"steps"}), steps=frozenset({"a", "b-c"})),
        ),
        (
            '[vars.n + x for x in [vars["m"]]]',
            References(frozenset({"vars"}), variables=frozenset({"m", "n"})),
        ),
        (
            "execution.labels.team or execution.id",
            References(frozenset({"execution"}), execution=frozenset({"id", "labels"})),
        ),
    ],
)
def test_references_of_a_text(text, expected):
    assert parse_expression(text, EDGE_NAMES).references == expected


def test_references_join():
    one = parse_expression("steps.a.output").references
    other = parse_expression("vars.b + input").references
    assert (one | other) == References(
        frozenset({"steps", "vars", "input"}), frozenset({"a"}), frozenset({"b"})
    )


def test_references_of_a_template_are_those_of_its_expressions():
    template = parse_template({"a": "x ${steps.s.output} ${vars.v}", "b": ["${input}", 1]})
    assert template.references == References(
        frozenset({"steps", "vars", "input"}), frozenset({"s"}), frozenset({"v"})
    )


@pytest.mark.parametrize(
    "text",
    [
        "steps", "vars", "execution", "workflow", "steps[input.a]", 'steps["a" + "b"]', "vars[0]",
        "len(steps)", "[s for s in steps]", 'get(vars, "a")', "execution.secret", "workflow.nodes",
        "steps.a.outputs", "(steps).a.b", "steps if input else vars",
    ],
)  # fmt: skip
def test_parts_that_are_not_written_out_are_refused(text):
    with pytest.raises(ExpressionError):
        parse_expression(text)


@given(expressions)
def test_evaluating_reads_what_the_references_say_and_no_more(text):
    """A scope that holds the references alone gives the same as the whole."""
    try:
        expression = parse_expression(text, EDGE_NAMES)
    except ExpressionError:
        return
    assert answer(expression, SCOPE) == answer(expression, only(expression.references))


def answer(expression, scope):
    try:
        return repr(expression.evaluate(scope))
    except ExpressionError as error:
        return error.reason.partition("; it ")[0]  # what else there is may differ


def only(references):
    """Cut the scope down to what the references name."""
    parts = {
        "steps": references.steps,
        "vars": references.variables,
        "execution": references.execution,
    }
    cut = {name: SCOPE[name] for name in references.names}
    for name in cut.keys() & parts.keys():
        cut[name] = {key: SCOPE[name][key] for key in SCOPE[name] if key in parts[name]}
    return cut
