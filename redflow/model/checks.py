"""Checks of single fields that answer problems instead of raising, and pointers to them."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from redflow.errors import InvalidInput, Problem

_DEPTH = 100
_ITEMS = 100_000
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_CHARS_SHOWN = 80
_PART_CHARS = 200


def pointer(*parts: object) -> str:
    """Join the parts to a JSON pointer (RFC 6901)."""
    return "".join("/" + _part(part).replace("~", "~0").replace("/", "~1") for part in parts)


def written(value: Any) -> Any:
    """Return a struct, such as the name of a secret, as the map that documents hold; else itself.

    One that holds what msgspec cannot write stays as it is.
    """
    if not isinstance(value, msgspec.Struct):
        return value
    try:
        return msgspec.to_builtins(value)
    except (TypeError, ValueError, RecursionError):
        return value


def not_json(value: object, at: str, code: str = "not_json") -> Iterator[Problem]:
    """List what keeps a value from being written as JSON, in time bounded for any value."""
    left = _ITEMS
    todo: deque[tuple[object, str, int]] = deque([(value, at, 0)])
    while todo:
        found, here, depth = todo.popleft()
        item = written(found)
        cause = _not_json_cause(item, depth)
        if cause:
            yield Problem(here, code, cause)
            continue
        if isinstance(item, dict):
            todo.extend((below, here + pointer(key), depth + 1) for key, below in item.items())
        elif isinstance(item, (list, tuple)):
            todo.extend((below, f"{here}/{i}", depth + 1) for i, below in enumerate(item))
        left -= 1
        if left - len(todo) < 0:
            yield Problem(at, code, f"it has more than {_ITEMS:,} items, or refers to itself")
            return


def _not_json_cause(value: object, depth: int) -> str:
    cause = ""
    match value:
        case None | bool():
            pass
        case str():
            if not _encodable(value):
                cause = "it holds a lone surrogate, which is not text"
        case int():
            if not _LOWEST <= value <= _HIGHEST:
                cause = "it is a whole number outside 64 bits; write it as text"
        case float():
            if not math.isfinite(value):
                cause = "it is NaN or infinite, which JSON has not"
        case dict() | list() | tuple():
            if depth >= _DEPTH:
                cause = f"it is nested deeper than {_DEPTH} levels"
            elif isinstance(value, dict) and not all(map(_is_key, value)):
                cause = "it has a key that is not text"
        case _:
            cause = f"it is a {type(value).__name__}, which JSON has not"
    return cause


def _is_key(key: object) -> bool:
    return isinstance(key, str) and _encodable(key)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: object) -> str:
    """Show a value of any kind in short ASCII."""
    if isinstance(value, (str, float, type(None))) or (
        isinstance(value, int) and _LOWEST <= value <= _HIGHEST
    ):
        return ascii(value)[:_CHARS_SHOWN]
    return f"(a {type(value).__name__})"


def _part(part: object) -> str:
    if not isinstance(part, str):
        return shown(part)
    text = part if len(part) <= _PART_CHARS else part[:_PART_CHARS] + "..."
    return text if _encodable(text) else ascii(text)


def refusal(
    at: str, code: str, check: Callable[[object], object], value: object
) -> Iterator[Problem]:
    try:
        check(value)
    except InvalidInput as error:
        yield Problem(at, code, str(error))


def check_text(value: object, at: str) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(at, "bad_text", f"it is a {type(value).__name__}, not text")
    else:
        yield from not_json(value, at, "bad_text")


def check_object(value: object, at: str, code: str) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        yield from not_json(dict(value), at, code)
    else:
        yield Problem(at, code, f"it is a {type(value).__name__}, not an object")
