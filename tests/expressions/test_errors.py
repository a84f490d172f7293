"""Errors point at the place, stay short, and travel between processes."""

import pickle

import pytest

from redflow.errors import InvalidInput, answer_of
from redflow.expressions import EDGE_NAMES, ExpressionError, parse_expression

LONGEST = 1_500


def refusal(text, scope=None):
    with pytest.raises(ExpressionError) as refused:
        parse_expression(text, EDGE_NAMES).evaluate(scope or {})
    return refused.value


def test_an_error_of_evaluation_names_the_path_and_marks_the_field():
    error = refusal("1 + input.order.amount", {"input": {"order": {"total": 5}}})
    assert str(error).splitlines() == [
        "input.order.amount: there is no field 'amount' in input.order; it has 'total'",
        "  1 + input.order.amount",
        "                  ^^^^^^",
    ]
    assert (error.field, error.start, error.end) == ("input.order.amount", 16, 22)


def test_places_are_counted_in_characters():
    error = refusal('"äöü 😀" + amount')
    assert str(error).splitlines()[1:] == ['  "äöü 😀" + amount', "            ^^^^^^"]


def test_lines_of_a_long_text_are_one_line_cut_around_the_place():
    error = refusal("input.aaaa +\n" * 40 + "amount" + " + input.bbbb" * 40)
    line, carets = str(error).splitlines()[1:]
    assert line.startswith("  ...")
    assert line.endswith("...")
    assert line[carets.index("^") : carets.rindex("^") + 1] == "amount"
    assert len(line) < 90


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("a" * 3000, None),
        ("input." + "a" * 3000, {"input": {"b" * 9000 + str(n): 1 for n in range(99)}}),
        ('input["' + "\\u202e" * 600 + '"]', {"input": {"\x1b[31m" * 100: 1}}),
        ("f" * 3000 + "()", None),
        ("int(input)", {"input": "9" * 100_000}),
        ('matches("a", "' + "(" * 900 + '")', None),
        ("input." + "m" * 3000 + "()", None),
        ("steps." + "a" * 1500 + "." + "b" * 1500, None),
    ],
)
def test_errors_are_short_and_printable(text, scope):
    said = str(refusal(text, scope))
    assert len(said) < LONGEST
    assert "".join(said.splitlines()).isprintable()


def test_an_error_survives_pickling():
    error = refusal("input.a", {"input": {}})
    assert error.missing
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_an_error_is_invalid_input():
    error = refusal("1 +")
    assert isinstance(error, InvalidInput)
    assert answer_of(error).http == 400


def test_a_name_that_the_scope_lacks_is_an_error():
    assert "output has no value here" in str(refusal("output.a", {"input": 1}))


@pytest.mark.parametrize("text", [None, 5, b"1", ["1"]])
def test_an_expression_is_text(text):
    assert "an expression is text" in str(refusal(text))


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("amount", "write output.amount"),
        ("inptu.a", "did you mean input?"),
        ("null", "write None"),
        ("len", "write len(x)"),
        ("input.first-name", 'input["first-name"]'),
        ("steps.a-b-c.output", 'steps["a-b-c"]'),
        (
            "[item for x in input]",
            "in scope are execution, input, output, steps, vars, workflow, x",
        ),
        ("{a: 1}", 'write "a": in quotes'),
        ("[input for input in output]", "choose another name"),
        ("[a for a, b in input]", "write for x in items, then x[0]"),
        ("input.x is input.y", "write =="),
        ("input.replace('a', 'b')", "write join(split(text, old), new)"),
        ("filter(input)", "write [x for x in items if ...]"),
        ("sum(items=[1])", "sum is called as sum(items, start=0)"),
        ("max()", "max is called as max(items, default=...) or max(a, b, ...)"),
        ("input(1)", "input is not a function"),
        ("(1)(2)", "only the functions of the table can be called"),
        ('matches(input, "(?=a)")', "RE2 knows neither back-references nor lookarounds"),
        ("1.5.real", "1.5 is a number"),
        ("0or 1", "put a space between"),
        ("(1]", "this ] closes nothing"),
        ("...", "this is not part of the language"),
        ("{1: 2}", 'the keys of a map are text (write {"a": 1})'),
        ("{**input}", "write a | b to join maps"),
        ("max(**input)", "** is not part of the language here"),
    ],
)
def test_an_error_says_what_to_write(text, suggestion):
    scope = {name: {} for name in EDGE_NAMES}
    assert suggestion in str(refusal(text, scope)).splitlines()[0]


def test_names_are_those_that_were_asked_for():
    assert parse_expression("output", EDGE_NAMES).evaluate({"output": 1}) == 1
    with pytest.raises(ExpressionError, match="output has no value here"):
        parse_expression("output")
    with pytest.raises(ExpressionError, match="there is no name 'other'"):
        parse_expression("other", frozenset({"input"}))


def test_an_expression_shows_its_text():
    assert repr(parse_expression("input.a")) == "Expression('input.a')"


def test_a_text_is_parsed_once():
    assert parse_expression("input.a + 1") is parse_expression("input.a + 1")
    assert parse_expression("input.a + 1") is not parse_expression("input.a + 1", EDGE_NAMES)
