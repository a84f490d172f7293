"""Looking into values: by a key, an index, a slice, or a path of several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from redflow.expressions.errors import Absent, Refused, shorten
from redflow.expressions.values import Frame, is_list, kind, new_items, spend_chars

_LISTED: Final = 6
_NAME: Final = 40
MISSING: Final = object()


def field(value: Any, key: str, where: str) -> Any:
    """Return the item of a map under a key; `where` is the text of the map, for the message."""
    if isinstance(value, Mapping):
        found = value.get(key, MISSING)
        if found is not MISSING:
            return found
        raise Absent(f"there is no field {_key(key)} in {where}; {_has(value)}")
    hint = ""
    if value is None:
        hint = "get(value, path, default) gives a default"
    elif is_list(value):
        hint = f"write {where}[0] for its first item"
    raise Absent(f"{where} is {kind(value)}, which has no fields", hint)


def item(value: Any, key: Any, where: str) -> Any:
    """Return the item of a list or a text at an index, or of a map under a key."""
    if isinstance(value, Mapping):
        if not isinstance(key, str):
            raise Refused(f"the keys of {where} are text, not {kind(key)}")
        return field(value, key, where)
    if not is_list(value) and not isinstance(value, str):
        if isinstance(key, str):
            return field(value, key, where)
        raise Absent(f"{where} is {kind(value)}, which has no items")
    if type(key) is not int:
        raise Refused(f"{where} is {kind(value)}: an index is a whole number, not {kind(key)}")
    if not -len(value) <= key < len(value):
        raise Absent(f"there is no item {key} in {where}; it has {len(value):,}")
    return value[key]


def part(frame: Frame, value: Any, bounds: tuple[Any, Any, Any], where: str) -> Any:
    """Return a slice of a list or a text."""
    for bound in bounds:
        if bound is not None and type(bound) is not int:
            raise Refused(f"the ends of a slice are whole numbers, not {kind(bound)}")
    if bounds[2] == 0:
        raise Refused("the step of a slice cannot be 0")
    cut = slice(*bounds)
    if isinstance(value, str):
        spend_chars(frame, len(value))
        return value[cut]
    if not is_list(value):
        raise Refused(f"{where} is {kind(value)}, which has no items")
    new_items(frame, len(range(*cut.indices(len(value)))))
    return list(value[cut])


def find(value: Any, path: Any) -> Any:
    """Follow a path ("a.b.0" or a list of keys and indexes); MISSING when it leads nowhere."""
    if isinstance(path, str):
        steps = path.split(".") if len(path) <= 1000 else [path]
    elif is_list(path) and all(isinstance(one, (str, int)) for one in path):
        steps = path
    else:
        raise Refused(f'a path is text such as "a.b" or a list of keys, not {kind(path)}')
    for step in steps:
        value = _below(value, step)
        if value is MISSING:
            break
    return value


def _below(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, MISSING)
    if not is_list(value):
        return MISSING
    if isinstance(step, str):
        digits = step.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            return MISSING
        step = int(step)
    return value[step] if -len(value) <= step < len(value) else MISSING


def _key(key: str) -> str:
    return repr(shorten(key, _NAME))


def _has(value: Mapping[str, Any]) -> str:
    """List the first keys of a map."""
    if not value:
        return "it is empty"
    keys = [_key(str(key)) for key, _ in zip(value, range(_LISTED), strict=False)]
    more = f" and {len(value) - _LISTED:,} more" if len(value) > _LISTED else ""
    return f"it has {', '.join(keys)}{more}"
