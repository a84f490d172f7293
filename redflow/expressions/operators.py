"""The operators: what Python's do for the same values, within limits, and a word about the others.

A Decimal meets a float as the number that the float prints as: 1.19 is 1.19.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, DecimalException, DivisionByZero, InvalidOperation, Overflow
from typing import Any, Final

from redflow.expressions.errors import Refused
from redflow.expressions.limits import EXPONENT, VALUE_DEPTH
from redflow.expressions.values import (
    Frame,
    finite,
    is_list,
    is_number,
    kind,
    new_items,
    spend_chars,
    spend_deep,
    spend_items,
    whole,
)

Binary = Callable[[Frame, Any, Any], Any]

REALS: Final = frozenset({int, float, bool})
PLAIN: Final = frozenset({int, float, bool, str, type(None)})
CONTEXT: Final = Context(prec=28, traps=[InvalidOperation, DivisionByZero, Overflow])
_CONVERT: Final = "convert one of them: str(x), int(x), float(x)"


def _arithmetic(symbol: str, real: Callable[[Any, Any], Any], exact: Binary | None) -> Binary:
    """Make the function of an operator over numbers; what else it does stands in _OTHERS."""
    other = _OTHERS.get(symbol)

    def run(frame: Frame, a: Any, b: Any) -> Any:
        try:
            if type(a) in REALS and type(b) in REALS:
                result = real(a, b)
                return finite(result) if type(result) is float else whole(result)
            if exact is not None and is_number(a) and is_number(b):
                return exact(frame, _decimal(a), _decimal(b))
            if other is not None:
                return other(frame, a, b)
        except ZeroDivisionError:
            raise Refused("division by zero") from None
        except OverflowError:
            raise Refused(f"{symbol} gives a value out of range") from None
        except DecimalException:
            raise Refused(f"{symbol} has no result for these numbers") from None
        raise unfit(symbol, a, b)

    return run


def unfit(symbol: str, a: Any, b: Any) -> Refused:
    """Say that an operator has no meaning for two values."""
    return Refused(f"{symbol} cannot take {kind(a)} and {kind(b)}", _remedy(a, b))


def _remedy(a: Any, b: Any) -> str:
    both = {kind(a), kind(b)}
    if "None" in both:
        return "get(value, path, default) gives a default"
    if both & {"a date", "a time"}:
        return "date(x) makes a time of a date, and of text"
    return _CONVERT if both <= {"text", "a number", "a bool"} else ""


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return CONTEXT.plus(value)
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _plus(frame: Frame, a: Any, b: Any) -> Any:
    if isinstance(a, str) and isinstance(b, str):
        spend_chars(frame, len(a) + len(b))
        return a + b
    if is_list(a) and is_list(b):
        new_items(frame, len(a) + len(b))
        return [*a, *b]
    return _times(operator.add, "+", a, b)


def _minus(frame: Frame, a: Any, b: Any) -> Any:
    return _times(operator.sub, "-", a, b)


def _multiplied(frame: Frame, a: Any, b: Any) -> Any:
    for text, count in ((a, b), (b, a)):
        if isinstance(text, str) and type(count) is int:
            spend_chars(frame, len(text) * max(count, 0))
            return text * count
        if isinstance(text, timedelta) and type(count) in REALS:
            return text * count
    raise unfit("*", a, b)


def _divided(frame: Frame, a: Any, b: Any) -> Any:
    if isinstance(a, timedelta) and (isinstance(b, timedelta) or type(b) in REALS):
        return a / b
    raise unfit("/", a, b)


def _remainder(frame: Frame, a: Any, b: Any) -> Any:
    if isinstance(a, str):
        raise Refused("% does not format texts", 'write "a " + str(x), or a template: a ${x}')
    raise unfit("%", a, b)


def _joined(frame: Frame, a: Any, b: Any) -> Any:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        new_items(frame, len(a) + len(b))
        return {**a, **b}
    raise Refused(f"| joins two maps, not {kind(a)} and {kind(b)}", "write or")


def _times(apply: Callable[[Any, Any], Any], symbol: str, a: Any, b: Any) -> Any:
    if isinstance(a, (date, timedelta)) and isinstance(b, (date, timedelta)):
        try:
            return apply(a, b)
        except TypeError:
            raise _zones(symbol, a, b) from None
    raise unfit(symbol, a, b)


def _zones(symbol: str, a: Any, b: Any) -> Refused:
    if isinstance(a, datetime) and isinstance(b, datetime) and symbol != "+":
        hint = "date(x) takes a time without one as UTC"
        return Refused(f"{symbol} cannot take a time with a zone and one without", hint)
    return unfit(symbol, a, b)


def _power(a: Any, b: Any) -> Any:
    if abs(b) > EXPONENT:
        raise Refused(f"the exponent is over {EXPONENT}")
    result = a**b
    if isinstance(result, complex):
        raise Refused("a root of a negative number is not a number")
    return result


def _exact_power(frame: Frame, a: Decimal, b: Decimal) -> Decimal:
    if abs(b) > EXPONENT:
        raise Refused(f"the exponent is over {EXPONENT}")
    return CONTEXT.power(a, b)


_OTHERS: Final[dict[str, Binary]] = {
    "+": _plus,
    "-": _minus,
    "*": _multiplied,
    "/": _divided,
    "%": _remainder,
}
BINARY: Final[dict[type[ast.operator], Binary]] = {
    ast.Add: _arithmetic("+", operator.add, lambda _, a, b: CONTEXT.add(a, b)),
    ast.Sub: _arithmetic("-", operator.sub, lambda _, a, b: CONTEXT.subtract(a, b)),
    ast.Mult: _arithmetic("*", operator.mul, lambda _, a, b: CONTEXT.multiply(a, b)),
    ast.Div: _arithmetic("/", operator.truediv, lambda _, a, b: CONTEXT.divide(a, b)),
    ast.FloorDiv: _arithmetic("//", operator.floordiv, lambda _, a, b: CONTEXT.divide_int(a, b)),
    ast.Mod: _arithmetic("%", operator.mod, lambda _, a, b: CONTEXT.remainder(a, b)),
    ast.Pow: _arithmetic("**", _power, _exact_power),
    ast.BitOr: _joined,
}
add: Final = BINARY[ast.Add]


def negative(frame: Frame, a: Any) -> Any:
    if type(a) in REALS:
        return whole(-a) if type(a) is not float else -a
    if isinstance(a, (timedelta, Decimal)):
        try:
            return -a
        except (OverflowError, DecimalException):
            raise Refused("- gives a value out of range") from None
    raise Refused(f"- cannot take {kind(a)}")


def positive(frame: Frame, a: Any) -> Any:
    if is_number(a):
        return +a if type(a) in REALS else a
    if isinstance(a, timedelta):
        return a
    raise Refused(f"+ cannot take {kind(a)}")


def equal(frame: Frame, a: Any, b: Any, depth: int = 0) -> bool:
    """Compare values, collections item by item; unlike kinds are not equal."""
    if type(a) in PLAIN and type(b) in PLAIN:
        return bool(a == b)
    if depth > VALUE_DEPTH + 2:
        raise Refused(f"a value is nested deeper than {VALUE_DEPTH} levels")
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if a.keys() != b.keys():
            return False
        spend_deep(frame, len(a))
        return all(equal(frame, item, b[key], depth + 1) for key, item in a.items())
    if is_list(a) and is_list(b):
        if len(a) != len(b):
            return False
        spend_deep(frame, len(a))
        return all(equal(frame, one, other, depth + 1) for one, other in zip(a, b, strict=True))
    if is_number(a) and is_number(b):
        return bool(_exact(a, b) == _exact(b, a))
    same: bool = a == b
    return same


def _exact(value: Any, other: Any) -> Any:
    """Take a float beside a Decimal as the number that it prints as."""
    if isinstance(value, float) and isinstance(other, Decimal):
        return Decimal(repr(value))
    return value


def _ordering(symbol: str, apply: Callable[[Any, Any], Any]) -> Binary:
    def run(frame: Frame, a: Any, b: Any) -> Any:
        if type(a) in REALS and type(b) in REALS:
            return apply(a, b)
        if is_number(a) and is_number(b):
            return apply(_exact(a, b), _exact(b, a))
        if family(a) is None or family(a) != family(b):
            if isinstance(a, datetime) and isinstance(b, datetime):
                raise _zones(symbol, a, b)
            raise Refused(f"{symbol} cannot compare {kind(a)} with {kind(b)}", _remedy(a, b))
        return apply(a, b)

    return run


def family(value: Any) -> str | None:
    """Name the values that have an order among themselves; None for those that have none."""
    if isinstance(value, datetime):
        return "a time" if value.utcoffset() is None else "a time with a zone"
    if isinstance(value, (str, date, timedelta)):
        return kind(value)
    return "a number" if is_number(value) else None


def contains(frame: Frame, item: Any, container: Any) -> bool:
    """Say whether an item is in a list, a key in a map, a text in a text."""
    if isinstance(container, str):
        if not isinstance(item, str):
            raise Refused(f"only text can be in text, not {kind(item)}")
        spend_chars(frame, len(container))
        return item in container
    if isinstance(container, Mapping):
        if not isinstance(item, str):
            raise Refused(f"the keys of a map are text, not {kind(item)}")
        return item in container
    if is_list(container):
        spend_items(frame, len(container))
        return any(equal(frame, item, one) for one in container)
    raise Refused(f"nothing is in {kind(container)}", "lists, maps and text contain something")


COMPARE: Final[dict[type[ast.cmpop], Binary]] = {
    ast.Eq: equal,
    ast.NotEq: lambda frame, a, b: not equal(frame, a, b),
    ast.Lt: _ordering("<", operator.lt),
    ast.LtE: _ordering("<=", operator.le),
    ast.Gt: _ordering(">", operator.gt),
    ast.GtE: _ordering(">=", operator.ge),
    ast.In: contains,
    ast.NotIn: lambda frame, a, b: not contains(frame, a, b),
    ast.Is: lambda frame, a, b: a is b,
    ast.IsNot: lambda frame, a, b: a is not b,
}
