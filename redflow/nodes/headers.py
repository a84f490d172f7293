"""Headers of requests: which a config may name, and their values with secrets filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from redflow.egress.message import OWN_HEADERS, Header
from redflow.errors import Problem
from redflow.nodes.base import UnfitInput
from redflow.nodes.credentials import header_credential
from redflow.nodes.references import is_reference, reference_problems
from redflow.nodes.shaped import wrong
from redflow.secrets.reference import KEY, Secret

if TYPE_CHECKING:
    from redflow.nodes.context import Context

SECRET_HEADERS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "cookie")
"""Headers whose literal values would be credentials that everybody can read in the definition."""

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def header_problems(headers: Mapping[str, Any]) -> Iterator[Problem]:
    """Say what is wrong with the field `headers` as it is written."""
    seen: set[str] = set()
    for name, value in headers.items():
        yield from name_problems(name, "headers", name)
        if name.lower() in seen:
            yield wrong("it is there twice; header names know no case", "headers", name)
        seen.add(name.lower())
        if is_reference(value):
            yield from reference_problems(value, "headers", name)
        elif isinstance(value, bool) or not isinstance(value, (str, int, float)):
            kind = type(value).__name__
            message = f'it is a {kind}, not text, a number or {{"{KEY}": "NAME"}}'
            yield wrong(message, "headers", name)
        elif name.lower() in SECRET_HEADERS and "${" not in str(value):
            yield from reference_problems(value, "headers", name)


def name_problems(name: str, *at: str) -> Iterator[Problem]:
    """Say what is wrong with the name of a header."""
    if not _NAME.fullmatch(name):
        yield wrong("a header's name has letters, digits and - only", *at)
    elif name.lower() in OWN_HEADERS:
        yield wrong("this header is set by redflow itself; leave it out", *at)


async def filled_headers(ctx: Context, headers: Mapping[str, Any]) -> list[Header]:
    """Return headers as they are sent; raises UnfitInput for a value that is no text or number."""
    found: list[Header] = []
    for name, value in headers.items():
        if is_reference(value):
            found.append((name, await header_credential(ctx, Secret(value[KEY]))))
        elif isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise UnfitInput(
                f"header {name!r} is a {type(value).__name__}, not text or a number",
                field="headers",
            )
        else:
            found.append((name, str(value)))
    return found


def has(headers: Mapping[str, Any], name: str) -> bool:
    """Whether a header is there, whatever its case."""
    return any(one.lower() == name for one in headers)
