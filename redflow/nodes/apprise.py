"""Messages through Apprise, which opens sockets of its own and so is refused unless allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from redflow.extras import extra
from redflow.nodes.base import UnfitInput
from redflow.nodes.failures import NotAllowed, NotSent, RefusedRequest
from redflow.nodes.services import APPRISE_VARIABLE

if TYPE_CHECKING:
    from redflow.nodes.services import Services

_KINDS = ("info", "success", "warning", "failure")


async def notify_by_apprise(
    services: Services, url: str, body: Any, timeout: float, secret: str = ""
) -> None:
    """Send text, or a map {body, title, type}; `secret` names where the URL came from.

    Raises NotAllowed, Misconfigured without the extra, RefusedRequest for a URL that Apprise does
    not know, NotSent when no service took it. No error shows the URL, which holds a credential.
    """
    scheme = url.partition("://")[0]
    where = f"the Apprise URL in secret {secret!r}" if secret else f"the URL {scheme}://..."
    if not services.apprise:
        raise NotAllowed(
            f"{where} is for Apprise, which connects by itself, past the guard of egress",
            hint=f"to allow it, set {APPRISE_VARIABLE}=1 for the workers",
        )
    # Importing it takes a moment, in which the loop has other steps to run.
    library = await asyncio.to_thread(extra, "apprise", "notify", f"{where}: sending by Apprise")
    sender = library.Apprise()
    if not sender.add(url):
        raise RefusedRequest(f"Apprise does not know what to do with {where}")
    try:
        async with asyncio.timeout(timeout):
            sent = await sender.async_notify(**_message(body))
    except TimeoutError:
        raise NotSent(f"{where}: no answer within {timeout:g} s") from None
    if not sent:
        raise NotSent(f"{where}: the service did not take the message")


def _message(body: Any) -> dict[str, str]:
    """Return what Apprise sends; raises UnfitInput."""
    given = {"body": body} if isinstance(body, str) else body
    if not isinstance(given, Mapping) or not given.keys() <= {"body", "title", "type"}:
        raise _unfit("body is neither text nor a map {body, title, type}")
    if not given.get("body") or not all(isinstance(one, str) for one in given.values()):
        raise _unfit("body, title and type are texts, and body is not empty")
    kind = given.get("type", "info")
    if kind not in _KINDS:
        raise _unfit(f"type is not one of {', '.join(_KINDS)}")
    return {"body": given["body"], "title": given.get("title", ""), "notify_type": kind}


def _unfit(message: str) -> UnfitInput:
    return UnfitInput(
        message, field="body", hint='write body: "..." or body: {title: ..., body: ...}'
    )
