"""One request of a chain of redirects, and the one that follows from a reply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urljoin

from redflow.egress.errors import EgressDenied
from redflow.egress.hosts import Target, check_text, parse_target
from redflow.egress.message import (
    Credential,
    EgressReply,
    EgressRequest,
    Header,
    check_method,
)

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PRIVATE_HEADERS = frozenset({"authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class Hop:
    """What is sent next; `written` as in the request, but never of another origin than its own."""

    method: str
    target: Target
    headers: tuple[Header, ...]
    content: bytes | None
    written: bool


def first_hop(request: EgressRequest) -> Hop:
    """Read what a request asks for; raises EgressDenied for a URL or method that never goes out."""
    target, method = parse_target(request.url), check_method(request.method)
    return Hop(method, target, tuple(request.headers), request.content, request.written)


def next_hop(hop: Hop, reply: EgressReply) -> Hop | None:
    """Return what a redirect asks for, or None if the reply is none; raises EgressDenied.

    Another origin is a host that comes from data: no allow list holds for it, and it gets neither
    credentials nor a body.
    """
    location = reply.header("location")
    if reply.status not in REDIRECTS or not location:
        return None
    # urljoin drops line breaks, so they are looked for before it.
    target = parse_target(urljoin(hop.target.url, check_text(location)))
    onward = replace(hop, target=target)
    if _becomes_get(hop.method, reply.status):
        kept = _without(hop.headers, "content-")
        onward = replace(onward, method="GET", content=None, headers=kept)
    if target.origin == hop.target.origin:
        return onward
    if onward.content is not None:
        raise EgressDenied(
            f"{hop.target.host} redirects the body of a {hop.method} to {target.host}",
            reason="redirect",
            host=target.host,
            hint=f"send the request to {target.host} itself",
        )
    headers = tuple(one for one in onward.headers if not _is_private(one))
    return replace(onward, headers=headers, written=False)


def _becomes_get(method: str, status: int) -> bool:
    if status == 303:
        return method not in ("GET", "HEAD")
    return method == "POST" and status in (301, 302)


def _without(headers: tuple[Header, ...], prefix: str) -> tuple[Header, ...]:
    return tuple(one for one in headers if not one[0].lower().startswith(prefix))


def _is_private(header: Header) -> bool:
    name, value = header
    return isinstance(value, Credential) or name.lower() in _PRIVATE_HEADERS
