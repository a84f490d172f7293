"""What a scalar of YAML is by the core schema of YAML 1.2: null, true, a number, else text.

`yes`, `on`, `2030-01-31` and `1:30`, which YAML 1.1 makes something else of, are text.
"""

import math
import re
from typing import Any

from redflow.model.checks import shown

_NULLS = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN)"
)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_BASES = {"0o": 8, "0x": 16}
_DIGITS = 40
_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}
_TAG = "tag:yaml.org,2002:"


class Unreadable(ValueError):
    """A scalar that is no JSON value; the message says why and what to write."""


def value_of(text: str, tag: str | None, *, plain: bool) -> Any:
    """Return the value of a scalar: of a plain one what it looks like, of a quoted one its text.

    Raises Unreadable.
    """
    if tag is None and plain:
        return resolved(text)
    if tag in (None, "!", _TAG + "str"):
        return text
    kind = str(tag).removeprefix(_TAG)
    if kind not in _TYPES or not str(tag).startswith(_TAG):
        raise Unreadable(f"the tag {shown(tag)} is not known here; remove it")
    value = resolved(text)
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise Unreadable(f"{shown(text)} is no {kind}, as its tag says")
    return value


def resolved(text: str) -> Any:
    """Return the value of a plain scalar; raise Unreadable."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if INTEGER.fullmatch(text):
        return _integer(text)
    if FLOAT.fullmatch(text):
        return _float(text)
    return text


def _integer(text: str) -> int:
    if _LEADING_ZERO.fullmatch(text):
        bare = text.lstrip("+-").lstrip("0") or "0"
        raise Unreadable(
            f"{shown(text)} is two numbers to two versions of YAML; write {bare}, or "
            f"'{text[:_DIGITS]}' for the text"
        )
    if len(text) > _DIGITS:
        raise Unreadable("it is a whole number outside 64 bits; write it as text, in quotes")
    return int(text, _BASES[text[:2]]) if text[:2] in _BASES else int(text)


def _float(text: str) -> float:
    if text.lstrip("+-")[1:].lower() in ("inf", "nan"):
        raise Unreadable(
            f"{shown(text)} is a number that JSON has not; write it as text, in quotes"
        )
    value = float(text)
    if not math.isfinite(value):
        raise Unreadable(f"{shown(text)} is a number too large; write it as text, in quotes")
    return value
