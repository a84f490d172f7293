"""Whether an expression holds: conditions and edges take true and false, and nothing like them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redflow.expressions.errors import ExpressionError
from redflow.expressions.expression import parse_expression
from redflow.expressions.scope import CONFIG_NAMES
from redflow.expressions.values import kind


def holds(text: str, scope: Mapping[str, Any], names: frozenset[str] = CONFIG_NAMES) -> bool:
    """Evaluate an expression that says yes or no; raises ExpressionError, also for other values.

    What is empty in Python is a value elsewhere: nobody should have to know which of them counts.
    """
    value = parse_expression(text, names).evaluate(scope)
    if not isinstance(value, bool):
        raise ExpressionError(
            f"the expression gives {kind(value)}, not true or false",
            text,
            0,
            len(text),
            hint="compare, as in output.count > 0, or convert: bool(x)",
        )
    return value
