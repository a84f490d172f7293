"""Bodies and queries of requests: JSON, forms, and bytes as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec

from redflow.nodes.base import UnfitInput


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent, and its content type."""

    data: bytes
    type: str


def json_body(value: Any) -> Body:
    """Write a value as JSON; times become RFC 3339 text, bytes base64, decimals text."""
    return Body(msgspec.json.encode(value), "application/json")


def form_body(values: Any) -> Body:
    """Write a map as a form; raises UnfitInput for what is none."""
    data = urlencode(list(pairs(values, "form"))).encode()
    return Body(data, "application/x-www-form-urlencoded")


def raw_body(value: Any) -> Body:
    """Send text as UTF-8 and bytes as they are; raises UnfitInput for anything else."""
    if isinstance(value, str):
        return Body(value.encode(), "text/plain; charset=utf-8")
    if isinstance(value, bytes):
        return Body(value, "application/octet-stream")
    raise UnfitInput(
        f"body is a {type(value).__name__}, not text or bytes",
        field="body",
        hint="json sends values of every kind",
    )


def pairs(values: Any, field: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of a query or form: a list repeats its key, null leaves it out.

    Raises UnfitInput for what cannot be written so.
    """
    if not isinstance(values, Mapping):
        raise UnfitInput(f"{field} is a {type(values).__name__}, not a map", field=field)
    for key, value in values.items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if one is not None:
                yield key, _text(one, f"{field}.{key}")


def _text(value: Any, at: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    raise UnfitInput(
        f"{at} is a {type(value).__name__}, which has no place in a query or form",
        field=at,
        hint="write it as text, or send it as json",
    )
