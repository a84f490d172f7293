"""The tables of docs/expressions.md: every example, every template, every function, every limit."""

import json
import re

import pytest

from redflow.expressions import (
    EDGE_NAMES,
    ExpressionError,
    limits,
    parse_expression,
    parse_template,
)
from redflow.expressions.functions import FUNCTIONS
from tests.support.tree import ROOT

GUIDE = (ROOT / "docs" / "expressions.md").read_text(encoding="utf-8")
LIMITS = {
    "characters of an expression": limits.CHARS,
    "brackets in one another": limits.NESTING,
    "operations in one another": limits.DEPTH,
    "steps of one evaluation": limits.STEPS,
    "characters of a text it makes": limits.TEXT,
    "items of a collection it makes": limits.ITEMS,
    "items of its whole result, when it makes any": limits.RESULT_ITEMS,
    "an exponent": limits.EXPONENT,
    "characters of a pattern": limits.PATTERN,
    "characters that `matches` searches": limits.SEARCHED,
}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    section = GUIDE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = (re.split(r"(?<!\\)\|", line.strip("|")) for line in lines)
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in cells]


def code(cell: str) -> str:
    match = re.fullmatch(r"`(.+)`", cell)
    assert match, cell
    return match[1]


EXAMPLES = rows("Examples")
RESULTS = [row for row in EXAMPLES if not row[2].startswith("error: ")]
ERRORS = [row for row in EXAMPLES if row[2].startswith("error: ")]


@pytest.mark.parametrize(("expression", "scope", "result"), RESULTS)
def test_a_row_gives_its_result(expression, scope, result):
    found = parse_expression(code(expression)).evaluate(json.loads(code(scope)))
    assert json.dumps(found) == json.dumps(json.loads(code(result)))


@pytest.mark.parametrize(("expression", "scope", "error"), ERRORS)
def test_a_row_gives_its_error(expression, scope, error):
    with pytest.raises(ExpressionError) as refused:
        parse_expression(code(expression)).evaluate(json.loads(code(scope)))
    assert error.removeprefix("error: ") in str(refused.value).splitlines()[0]


@pytest.mark.parametrize(("template", "scope", "result"), rows("Templates"))
def test_a_template_gives_its_result(template, scope, result):
    text = code(template)
    value = json.loads(text) if text.startswith("{") else text
    found = parse_template(value).render(json.loads(code(scope)))
    assert json.dumps(found) == json.dumps(json.loads(code(result)))


def test_every_function_is_documented_as_it_is_called():
    documented = [code(call) for call, _ in rows("Functions")]
    assert documented == [function.usage for function in FUNCTIONS.values()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_an_example_that_works(name):
    assert any(re.search(rf"\b{name}\(", expression) for expression, _, _ in RESULTS)


def test_every_name_of_the_scope_is_documented():
    documented = [re.split(r"\W", code(cell))[0] for cell, _ in rows("Names in scope")]
    assert sorted(documented) == sorted(EDGE_NAMES)


def test_the_limits_are_those_of_the_code():
    documented = {what: number.replace(",", "") for what, number in rows("Limits")}
    assert documented.pop("a whole number") == "64 bits"
    assert documented == {what: str(number) for what, number in LIMITS.items()}


@pytest.mark.parametrize("block", re.findall(r"```text\n(.*?)```", GUIDE, re.DOTALL))
def test_an_error_is_printed_as_shown(block):
    text = block.splitlines()[1].strip()
    with pytest.raises(ExpressionError) as refused:
        parse_expression(text).evaluate({"input": {"order": {"total": 5, "lines": []}}})
    assert f"{refused.value}\n" == block
