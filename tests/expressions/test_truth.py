"""Conditions and edges take true and false, and nothing like them."""

from typing import Any

import pytest

from redflow.expressions import EDGE_NAMES, ExpressionError
from redflow.expressions.truth import holds


@pytest.mark.parametrize(("text", "expected"), [("output.n > 1", True), ("output.n > 2", False)])
def test_an_expression_holds_or_not(text: str, expected: bool):
    assert holds(text, {"output": {"n": 2}}, EDGE_NAMES) is expected


@pytest.mark.parametrize("value", [None, 0, 1, "", "x", [], {}])
def test_what_is_neither_true_nor_false_is_an_error(value: Any):
    with pytest.raises(ExpressionError, match="not true or false"):
        holds("input", {"input": value})
