"""How `condition` and `switch` compare: values by kind and content, never printed text."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from redflow.expressions import ExpressionError, parse_expression
from redflow.expressions.values import is_list, kind
from redflow.model.checks import shown

SYMBOLS = {"==": "eq", "!=": "ne", ">": "gt", ">=": "ge", "<": "lt", "<=": "le"}
"""Other names of operators."""

COMPARISONS: Mapping[str, str] = {
    **{name: f"output.left {symbol} output.right" for symbol, name in SYMBOLS.items()},
    "in": "output.left in output.right",
    "not_in": "output.left not in output.right",
    "contains": "output.right in output.left",
    "not_contains": "output.right not in output.left",
    "starts_with": "startswith(output.left, output.right)",
    "ends_with": "endswith(output.left, output.right)",
    "matches": "matches(output.left, output.right)",
}
"""What an operator says of two values, in the words of expressions: they mean the same."""

PRESENCES = ("exists", "not_exists", "empty", "not_empty")
"""Operators without a value; to them a path that is missing is no error."""

OPERATORS = (*SYMBOLS, *COMPARISONS, *PRESENCES)

_OF_ONE_KIND = frozenset(SYMBOLS.values())
_NAMES = frozenset({"output"})
_SHORT = (str, int, float, Decimal)


def compare(operator: str, left: Any, right: Any, name: str) -> bool:
    """Say whether two values are as an operator says; `name` is the expression of the left one.

    Raises ExpressionError for values that it does not compare, such as 5 and the text "5". Null
    is equal to null alone, and not to be compared otherwise.
    """
    operator = SYMBOLS.get(operator, operator)
    asks_equal = operator in ("eq", "ne") and (left is None or right is None)
    if operator in _OF_ONE_KIND and not asks_equal and kind(left) != kind(right):
        raise error_at(
            name,
            f"it is {described(left)}, and value is {described(right)}: unlike kinds are not"
            f" compared by {operator}",
            hint='write value as the data has it (5 is not "5"), or convert: int(x), str(x)',
        )
    says = parse_expression(COMPARISONS[operator], _NAMES)
    try:
        return bool(says.evaluate({"output": {"left": left, "right": right}}))
    except ExpressionError as error:
        raise error_at(name, f"{operator}: {error.reason}", hint=error.hint) from error


def is_empty(value: Any) -> bool:
    """Whether a value is null or has no content; numbers and booleans are never empty."""
    return value is None or (isinstance(value, (str, bytes, Mapping, list, tuple)) and not value)


def identity(value: Any) -> Any:
    """Return what is equal, and can be a key, exactly for values of one kind and content.

    1, 1.0 and Decimal(1) are equal; 1, True and "1" are not, also inside lists and maps.
    """
    if is_list(value):
        return "a list", tuple(map(identity, value))
    if isinstance(value, Mapping):
        return "a map", frozenset((key, identity(item)) for key, item in value.items())
    if isinstance(value, float):  # the number that it prints as, as in expressions
        value = Decimal(repr(value))
    return kind(value), value


def described(value: Any) -> str:
    """Tell a value's kind, and the value where it is short: text 'gold', a map."""
    return f"{kind(value)} {shown(value)}" if isinstance(value, _SHORT) else kind(value)


def error_at(text: str, reason: str, *, hint: str = "") -> ExpressionError:
    """Say what is wrong with the value of an expression."""
    return ExpressionError(reason, text, 0, len(text), hint=hint)
