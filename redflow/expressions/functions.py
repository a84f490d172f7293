"""The table of functions, and those over numbers and collections."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from redflow.expressions import texts, times
from redflow.expressions.errors import Refused, shorten
from redflow.expressions.operators import CONTEXT, REALS, add, contains, family
from redflow.expressions.paths import MISSING, find
from redflow.expressions.values import (
    Frame,
    finite,
    identity,
    is_list,
    is_number,
    json_text,
    kind,
    new_items,
    plain_text,
    spend_items,
    whole,
)

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST: Final = 60
_LARGEST_EXPONENT: Final = 25
_DIGITS: Final = 28


def _len(frame: Frame, value: Any) -> int:
    if isinstance(value, (str, Mapping, bytes)) or is_list(value):
        return len(value)
    raise Refused(f"{kind(value)} has no length")


def _min(frame: Frame, *items: Any, default: Any = MISSING) -> Any:
    return _extreme(frame, "min", min, items, default)


def _max(frame: Frame, *items: Any, default: Any = MISSING) -> Any:
    return _extreme(frame, "max", max, items, default)


def _extreme(
    frame: Frame, name: str, choose: Callable[[Any], Any], items: Any, default: Any
) -> Any:
    if len(items) == 1:
        items = _listed(name, items[0])
    if not items:
        if default is MISSING:
            raise Refused(f"{name} of no items", f"{name}(items, default=0) gives a default")
        return default
    _check_order(frame, name, items)
    return choose(items)


def _sum(frame: Frame, items: Any, start: Any = MISSING) -> Any:
    """Add the items to the start; no items are 0."""
    found = _listed("sum", items)
    spend_items(frame, len(found))
    if start is MISSING and all(type(item) is int for item in found):
        return whole(sum(found))
    total = start
    for item in found:
        if isinstance(item, str):
            raise Refused("sum does not join texts", "write join(items)")
        total = item if total is MISSING else add(frame, total, item)
    if total is MISSING:
        return 0
    return add(frame, 0, total) if isinstance(total, bool) else total


def _any(frame: Frame, items: Any) -> bool:
    return any(_walked(frame, "any", items))


def _all(frame: Frame, items: Any) -> bool:
    return all(_walked(frame, "all", items))


def _abs(frame: Frame, value: Any) -> Any:
    if type(value) in REALS or isinstance(value, timedelta):
        return abs(value)
    if isinstance(value, Decimal):
        return value.copy_abs()
    raise Refused(f"abs takes a number, not {kind(value)}")


def _round(frame: Frame, number: Any, digits: Any = None) -> Any:
    """Round, halves to even; without digits to a whole number."""
    if digits is not None and (type(digits) is not int or abs(digits) > _DIGITS):
        raise Refused(f"the digits of round are a whole number up to {_DIGITS}")
    if isinstance(number, Decimal):
        unit = Decimal(1).scaleb(-(digits or 0))
        rounded = CONTEXT.create_decimal(number).quantize(unit, ROUND_HALF_EVEN, CONTEXT)
        return rounded if digits is not None else _to_int(frame, rounded)
    if type(number) in REALS:
        made = round(number, digits)
        return finite(made) if isinstance(made, float) else whole(made)
    raise Refused(f"round takes a number, not {kind(number)}")


def _to_int(frame: Frame, value: Any) -> int:
    """Make a whole number: of a number without its fraction, of digits, of a duration's seconds."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, Decimal) and value.adjusted() > _LARGEST_EXPONENT:
        raise Refused("a whole number would be outside 64 bits")
    if is_number(value):
        return whole(int(value))
    if isinstance(value, str):
        digits = value.strip() if len(value) <= _LONGEST else value
        if _WHOLE.fullmatch(digits):
            return whole(int(digits))
        hint = "int(float(x)) reads one with a fraction" if _NUMBER.fullmatch(digits) else ""
        raise Refused(f"{shorten(value, 40)!r} is not a whole number", hint)
    raise Refused(f"int takes a number or text, not {kind(value)}")


def _to_float(frame: Frame, value: Any) -> float:
    """Make a number: of a number, of its text, of a duration's seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_number(value):
        return finite(float(value))
    if isinstance(value, str):
        digits = value.strip() if len(value) <= _LONGEST else ""
        if _NUMBER.fullmatch(digits):
            return finite(float(digits))
        raise Refused(f"{shorten(value, 40)!r} is not a number")
    raise Refused(f"float takes a number or text, not {kind(value)}")


def _bool(frame: Frame, value: Any) -> bool:
    return bool(value)


def _contains(frame: Frame, container: Any, item: Any) -> bool:
    return contains(frame, item, container)


def _get(frame: Frame, value: Any, path: Any, default: Any = None) -> Any:
    found = find(value, path)
    return default if found is MISSING else found


def _keys(frame: Frame, value: Any) -> list[Any]:
    new_items(frame, len(_mapped("keys", value)))
    return list(value)


def _values(frame: Frame, value: Any) -> list[Any]:
    new_items(frame, len(_mapped("values", value)))
    return list(value.values())


def _sorted(frame: Frame, items: Any, by: Any = None, reverse: Any = False) -> list[Any]:
    """Order items, or maps by what stands at the path `by`; equal ones keep their order."""
    found = _listed("sorted", items)
    new_items(frame, len(found))
    keys = found if by is None else [_at(item, by) for item in found]
    _check_order(frame, "sorted", keys)
    places = sorted(range(len(found)), key=keys.__getitem__, reverse=bool(reverse))
    return [found[place] for place in places]


def _unique(frame: Frame, items: Any) -> list[Any]:
    """Keep the first of equal items."""
    found = _listed("unique", items)
    new_items(frame, len(found))
    kept: dict[object, Any] = {}
    for item in found:
        kept.setdefault(identity(frame, item), item)
    return list(kept.values())


def _check_order(frame: Frame, name: str, items: Iterable[Any]) -> None:
    """Refuse items of kinds that have no order, or none among each other."""
    kinds: dict[str | None, Any] = {}
    count = 0
    for item in items:
        kinds[family(item)] = item
        count += 1
    spend_items(frame, count)
    if None in kinds:
        raise Refused(f"{name} cannot order {kind(kinds[None])}")
    if len(kinds) > 1:
        first, second = list(kinds)[:2]
        raise Refused(f"{name} cannot order {first} and {second}")


def _at(item: Any, path: Any) -> Any:
    found = find(item, path)
    if found is MISSING:
        raise Refused(f"sorted found an item without {shorten(str(path), 40)!r}")
    return found


def _listed(name: str, value: Any) -> Any:
    if is_list(value):
        return value
    hint = {"a map": "keys(x) and values(x) make lists of a map"}.get(kind(value), "")
    raise Refused(f"{name} takes a list, not {kind(value)}", hint)


def _mapped(name: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise Refused(f"{name} takes a map, not {kind(value)}")


def _walked(frame: Frame, name: str, value: Any) -> Any:
    found = _listed(name, value)
    spend_items(frame, len(found))
    return found


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language: what runs, with the frame first, and how a call looks."""

    run: Callable[..., Any]
    usage: str

    def accepts(self, count: int, names: Iterable[str]) -> bool:
        """Say whether a call with so many arguments and these named ones fits.

        Only what has a default may be named, as the usage shows.
        """
        signature = inspect.signature(self.run)
        given = dict.fromkeys(names)
        try:
            signature.bind(None, *[None] * count, **given)
        except TypeError:
            return False
        parameters = signature.parameters
        named = all(parameters[name].default is not inspect.Parameter.empty for name in given)
        return named and (count > 0 or "..." not in self.usage)


FUNCTIONS: Final[dict[str, Function]] = {
    usage.partition("(")[0]: Function(run, usage)
    for usage, run in (
        ("len(x)", _len),
        ("min(items, default=...) or min(a, b, ...)", _min),
        ("max(items, default=...) or max(a, b, ...)", _max),
        ("sum(items, start=0)", _sum),
        ("any(items)", _any),
        ("all(items)", _all),
        ("abs(number)", _abs),
        ("round(number, digits=None)", _round),
        ("int(x)", _to_int),
        ("float(x)", _to_float),
        ("str(x)", plain_text),
        ("bool(x)", _bool),
        ("lower(text)", texts.lower),
        ("upper(text)", texts.upper),
        ("strip(text, chars=None)", texts.strip),
        ("split(text, separator=None, limit=None)", texts.split),
        ('join(items, separator="")', texts.join),
        ("startswith(text, prefix)", texts.startswith),
        ("endswith(text, suffix)", texts.endswith),
        ("contains(container, item)", _contains),
        ("matches(text, pattern)", texts.matches),
        ("get(value, path, default=None)", _get),
        ("keys(map)", _keys),
        ("values(map)", _values),
        ("sorted(items, by=None, reverse=False)", _sorted),
        ("unique(items)", _unique),
        ("now()", times.now),
        ("date(x)", times.to_time),
        ("duration(x)", times.to_duration),
        ("json(x)", json_text),
    )
}
