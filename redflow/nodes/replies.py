"""Replies: what their statuses mean for a step, and their bodies as values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.message import Message
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from redflow.model.outcome import Retry
from redflow.nodes.failures import RefusedRequest, UnexpectedStatus, UnreadableReply
from redflow.nodes.retry_after import retry_after
from redflow.nodes.statuses import is_expected

if TYPE_CHECKING:
    from redflow.egress import EgressReply

_EXCERPT = 300
_BUSY = (429, 503)
_PASSING = (408, 425, 429)
_SERVER_ERROR = 500
_TEXTUAL = ("xml", "javascript", "x-www-form-urlencoded", "yaml", "graphql")


def check_status(reply: EgressReply, target: str, expect: Any) -> None:
    """Pass an expected reply; `target` names the request in errors.

    Raises Retry when a busy server says for how long, UnexpectedStatus for what may pass (408, 425,
    429 and from 500), RefusedRequest for everything else.
    """
    if is_expected(reply.status, expect):
        return
    text = describe(reply, target)
    after = retry_after(header_map(reply.headers), datetime.now(UTC))
    if reply.status in _BUSY and after is not None:
        raise Retry(after, text)
    if reply.status in _PASSING or reply.status >= _SERVER_ERROR:
        raise UnexpectedStatus(text)
    raise RefusedRequest(text)


def describe(reply: EgressReply, target: str) -> str:
    """Say what was answered, with the beginning of a body that is text."""
    try:
        phrase = f" {HTTPStatus(reply.status).phrase}"
    except ValueError:
        phrase = ""
    found = _media_type(reply)
    text = _text(reply.body[: 4 * _EXCERPT], found) if _is_textual(found) else ""
    words = " ".join(text.split())[:_EXCERPT]
    return f"{target} answered {reply.status}{phrase}" + (f": {words}" if words else "")


def header_map(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by their names in lower case; values that repeat are joined by commas."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def body_of(reply: EgressReply, target: str) -> Any:
    """Return a body as its content type has it: JSON parsed, text decoded, else bytes.

    None when it is empty; raises UnreadableReply for JSON that is none.
    """
    if not reply.body:
        return None
    found = _media_type(reply)
    if _is_json(found):
        return json_of(reply, target)
    return _text(reply.body, found) if _is_textual(found) else reply.body


def json_of(reply: EgressReply, target: str) -> Any:
    """Parse a body as JSON; raises UnreadableReply."""
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableReply(f"{describe(reply, target)}: it is not JSON: {error}") from None


def _media_type(reply: EgressReply) -> Message:
    message = Message()
    message["content-type"] = header_map(reply.headers).get("content-type", "")
    return message


def _is_json(found: Message) -> bool:
    kind = found.get_content_subtype()
    return kind == "json" or kind.endswith("+json")


def _is_textual(found: Message) -> bool:
    if not found["content-type"]:
        return False
    kind = found.get_content_subtype()
    words = (*_TEXTUAL, "+xml", "+yaml")
    return found.get_content_maintype() == "text" or _is_json(found) or kind.endswith(words)


def _text(data: bytes, found: Message) -> str:
    try:
        return data.decode(found.get_content_charset() or "utf-8", "replace")
    except LookupError:  # a charset that nobody knows
        return data.decode("utf-8", "replace")
