"""Whatever the text: an answer or an ExpressionError, never anything else; Python's answers."""

from types import SimpleNamespace

from hypothesis import assume, given
from hypothesis import strategies as st

from redflow.errors import InvalidWorkflow
from redflow.expressions import EDGE_NAMES, ExpressionError, parse_expression, parse_template
from redflow.model.codec import encode
from tests.expressions.grammar import SCOPE, arithmetic, expressions, pieces

BUILTINS = {
    one.__name__: one for one in (len, sum, max, min, abs, round, sorted)
}  # fmt: skip
VALUES = {"i": 7, "f": -2.5, "xs": [3, -1, 4, 1.5], "d": {"k": 6}}
LONGEST = 1_500


@given(st.one_of(expressions, pieces, st.text(max_size=60)))
def test_only_expression_errors_escape(text):
    value, error = evaluated(text, SCOPE)
    assert error is None or 0 < len(str(error)) < LONGEST
    encode(value)  # what an expression makes can be stored


@given(st.one_of(pieces, st.text(max_size=60)))
def test_a_template_of_any_text_renders_or_says_why(text):
    template, problems = parsed({"a": [text, 1]})
    assert {problem.pointer for problem in problems} <= {"/a/0"}
    assume(template is not None)
    if template.is_literal:
        assert template.render(SCOPE) == {"a": [text.replace("$${", "${"), 1]}
        return
    try:
        template.render(SCOPE)
    except ExpressionError:
        return


@given(arithmetic)
def test_arithmetic_is_pythons(text):
    found, error = evaluated(text, {"input": VALUES})
    # Python's whole numbers have no end.
    assume(error is None or "outside 64 bits" not in error.reason)
    try:
        expected = eval(text, {"__builtins__": BUILTINS, "input": SimpleNamespace(**VALUES)})
    except ArithmeticError:
        assert error is not None
        return
    assert (found, type(found), error) == (expected, type(expected), None)


def evaluated(text, scope):
    """Return the value and None, or None and the error."""
    try:
        return parse_expression(text, EDGE_NAMES).evaluate(scope), None
    except ExpressionError as error:
        return None, error


def parsed(value):
    """Return the template and no problems, or None and the problems."""
    try:
        return parse_template(value, EDGE_NAMES), ()
    except InvalidWorkflow as refused:
        return None, refused.problems
