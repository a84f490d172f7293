"""What the values of an expression are: their kinds, their sizes, their text."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from redflow.expressions.errors import Refused
from redflow.expressions.limits import (
    CHARS_PER_STEP,
    HIGHEST,
    ITEMS,
    ITEMS_PER_STEP,
    LOWEST,
    RESULT_ITEMS,
    STEPS,
    TEXT,
    VALUE_DEPTH,
)

Frame = list[Any]
"""One evaluation: the steps left, the scope, the patterns paid for, a place for every name."""

STEPS_LEFT, SCOPE, PATTERNS, FIRST_NAME = 0, 1, 2, 3

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (str, "text"),
    (bool, "a bool"),
    (int, "a number"),
    (float, "a number"),
    (Decimal, "a number"),
    (Mapping, "a map"),
    ((list, tuple), "a list"),
    (datetime, "a time"),
    (date, "a date"),
    (timedelta, "a duration"),
    (UUID, "a UUID"),
    ((bytes, bytearray), "bytes"),
)
_SCALARS = frozenset({int, float, bool, type(None)})


def kind(value: object) -> str:
    """Name the kind of a value, as messages do."""
    if value is None:
        return "None"
    found = (name for kinds, name in _KINDS if isinstance(value, kinds))
    return next(found, f"a {type(value).__name__}")


def is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal))


def spend(frame: Frame, steps: int) -> None:
    """Take steps from the budget; refuse when it is used up."""
    frame[STEPS_LEFT] -= steps
    if frame[STEPS_LEFT] < 0:
        raise out_of_steps()


def out_of_steps() -> Refused:
    return Refused(f"the budget of {STEPS:,} steps is used up", "do this in a function instead")


def spend_items(frame: Frame, items: int) -> None:
    """Pay for walking over so many items."""
    spend(frame, items // ITEMS_PER_STEP)


def spend_deep(frame: Frame, items: int) -> None:
    """Pay for walking over one collection among others, which costs by itself."""
    spend(frame, 2 + items // ITEMS_PER_STEP)


def spend_chars(frame: Frame, chars: int) -> None:
    """Pay for reading or making a text of so many characters, and hold it to the limit."""
    if chars > TEXT:
        raise Refused(f"a text would have over {TEXT:,} characters")
    spend(frame, chars // CHARS_PER_STEP)


def new_items(frame: Frame, count: int) -> None:
    """Pay for making a collection of so many items, and hold it to the limit."""
    if count > ITEMS:
        raise Refused(f"a collection of {count:,} items would be made; allowed are {ITEMS:,}")
    spend_items(frame, count)


def measure(value: Any) -> tuple[int, int]:
    """Count the items and the characters of a value; refuse one too large or nested too deep.

    Collections may stand in one another many times over, so the walk stops at the limit.
    """
    items = chars = 0
    level = [value]
    for _ in range(VALUE_DEPTH + 2):
        deeper: list[Any] = []
        for item in level:
            if type(item) in _SCALARS:
                continue
            if isinstance(item, str):
                chars += len(item)
            elif isinstance(item, Mapping):
                items += len(item)
                chars += sum(map(len, item))
                _check_size(items, chars)
                deeper.extend(item.values())
            elif isinstance(item, (list, tuple)):
                items += len(item)
                _check_size(items, chars)
                deeper.extend(item)
            elif isinstance(item, (bytes, bytearray)):
                chars += 2 * len(item)
        _check_size(items, chars)
        if not deeper:
            return items, chars
        level = deeper
    raise Refused(f"a value would be nested deeper than {VALUE_DEPTH} levels")


def _check_size(items: int, chars: int) -> None:
    if items > RESULT_ITEMS:
        raise Refused(f"a value would have over {RESULT_ITEMS:,} items")
    if chars > 4 * TEXT:
        raise Refused(f"the texts of a value would have over {4 * TEXT:,} characters")


def whole(value: int) -> int:
    """Let a whole number pass that can be stored."""
    if LOWEST <= value <= HIGHEST:
        return value
    raise Refused("a whole number would be outside 64 bits")


def finite(value: float) -> float:
    """Let a number pass that is neither NaN nor infinite."""
    if value - value == 0.0:
        return value
    raise Refused("a number would be too large, or not a number")


def plain_text(frame: Frame, value: Any) -> str:
    """Write a value as text: None as nothing, collections as JSON, times in ISO form."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, (bool, Mapping, list, tuple)):
        return json_text(frame, value)
    if isinstance(value, timedelta):
        return f"{_number_text(value.total_seconds())}s"
    if isinstance(value, (datetime, date, bytes, bytearray)):
        return str(_as_json(value))
    if isinstance(value, (int, float, Decimal, UUID)):
        return str(value)
    raise Refused(f"{kind(value)} has no text")


def json_text(frame: Frame, value: Any) -> str:
    """Write a value as JSON; what JSON has not becomes text, a duration its seconds."""
    items, chars = measure(value)
    spend_items(frame, items)
    spend_chars(frame, chars)
    text = json.dumps(value, ensure_ascii=False, default=_as_json)
    if len(text) > TEXT:
        raise Refused(f"a text would have over {TEXT:,} characters")
    return text


def _as_json(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().removesuffix("+00:00") + "Z" * _is_utc(value)
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case Decimal() | UUID():
            return str(value)
        case Mapping():
            return dict(value)
    raise Refused(f"{kind(value)} has no text")


def _is_utc(value: datetime) -> bool:
    return value.isoformat().endswith("+00:00")


def _number_text(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)


def identity(frame: Frame, value: Any) -> object:
    """Return a key that is equal for equal values, of texts so that no data can choose hashes."""
    if isinstance(value, str):
        return "s" + value
    if is_number(value):
        return "n" + _number_key(value)
    if isinstance(value, Mapping):
        spend_deep(frame, len(value))
        return ("m", *sorted((key, identity(frame, item)) for key, item in value.items()))
    if is_list(value):
        spend_deep(frame, len(value))
        return ("l", *(identity(frame, item) for item in value))
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return f"t{value.astimezone(UTC).isoformat()}"
    return f"{type(value).__name__} {value!r}"


def _number_key(value: float | Decimal) -> str:
    if isinstance(value, int):
        return str(int(value))
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    if exact == exact.to_integral_value() and exact.adjusted() < 25:
        return str(int(exact))
    return str(exact.normalize())
