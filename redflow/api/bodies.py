"""Bodies and queries of requests: counted while they come in, and read strictly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive

from redflow.api.problems import Refused
from redflow.errors import InvalidInput

MOST_PARAMETERS = 100
_OPENING, _CLOSING, _QUOTE, _ESCAPE = b"[{", b"]}", ord('"'), ord("\\")
_JSON = ("application/json", "text/json")


class Disconnected(Exception):
    """The client left before its request had come in."""


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int) -> bytes:
    """Return the body; refuses one over the limit as soon as that is known, and any encoding."""
    if headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "UnsupportedEncoding", "bodies are taken as they are, not compressed")
    said = headers.get("content-length", "0")
    if said.isdecimal() and int(said) > limit:
        raise too_large(limit)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise too_large(limit)
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def too_large(limit: int) -> Refused:
    """Return the refusal of a body."""
    hint = "store it elsewhere and pass a reference"
    return Refused(413, "PayloadTooLarge", f"the body has more than {limit:,} bytes", hint=hint)


def check_type(headers: Mapping[str, str]) -> None:
    """Refuse a body that says it is something other than JSON; browsers send forms unasked."""
    said = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if said not in _JSON and not said.endswith("+json"):
        raise Refused(415, "UnsupportedMediaType", "the body has to be application/json")


def read_json(data: bytes, decoder: msgspec.json.Decoder[Any], depth: int) -> Any:
    """Decode JSON into what a route takes; raises InvalidInput that names the field."""
    check_depth(data, depth)
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise invalid(error, "the body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON: {error}", field="$") from None


def check_depth(data: bytes, limit: int) -> None:
    """Refuse arrays and objects that are too deep within each other, before any is decoded."""
    if data.count(b"[") + data.count(b"{") <= limit:
        return
    depth, quoted, escaped = 0, False, False
    for byte in data:
        if quoted:
            if escaped:
                escaped = False
            elif byte == _ESCAPE:
                escaped = True
            elif byte == _QUOTE:
                quoted = False
        elif byte == _QUOTE:
            quoted = True
        elif byte in _OPENING:
            depth += 1
            if depth > limit:
                raise InvalidInput(f"the body is nested deeper than {limit} levels", field="$")
        elif byte in _CLOSING:
            depth -= 1


def read_query(text: bytes, kind: type[msgspec.Struct]) -> Any:
    """Decode a query string into a struct; raises InvalidInput, for unknown parameters too."""
    try:
        pairs = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError as error:
        raise InvalidInput(f"the query cannot be read: {error}", field="query") from None
    try:
        return msgspec.convert(_gathered(pairs, lists_of(kind)), kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error, "the query") from None


def lists_of(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Return the parameters that may be repeated."""
    hints = get_type_hints(kind)
    return frozenset(name for name, hint in hints.items() if get_origin(hint) is tuple)


def _gathered(pairs: Iterable[tuple[str, str]], several: frozenset[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in several:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise InvalidInput(f"the query has {name[:40]!a} more than once", field=name[:40])
        else:
            found[name] = value
    return found


def invalid(error: msgspec.ValidationError, what: str) -> InvalidInput:
    """Turn msgspec's words, `Expected ... - at `$.field``, into an error that names the field."""
    said, _, place = str(error).partition(" - at `")
    path = place.rstrip("`").removeprefix("$.") or "$"
    return InvalidInput(f"{what}: {said[:1].lower()}{said[1:]}", field=path)
