"""Webhooks as an ASGI application: `POST /webhooks/<namespace>/<path>`, and nothing else."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any

from redflow.errors import RedflowError, answer_of
from redflow.webhooks.receiver import Receiver
from redflow.webhooks.refusals import Refused

LOG = logging.getLogger("redflow.webhooks")

Scope = Mapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_PATH = re.compile(r"(?:/webhooks)?/([a-z0-9-]{1,63})/([A-Za-z0-9_-]{1,128})")
_PROBLEM, _JSON = "application/problem+json", "application/json"


class WebhookApp:
    """Serves one receiver; mount it where you like, with or without `/webhooks` in front."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a sender that goes away is answered by nothing."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            try:
                status, headers, body = await self._answer(scope, receive)
            except _Gone:
                return
            await _send(send, status, headers, body)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, str], Any]:
        found = _PATH.fullmatch(_path_of(scope))
        if found is None:
            return _problem(HTTPStatus.NOT_FOUND)
        if scope["method"] != "POST":
            return _problem(HTTPStatus.METHOD_NOT_ALLOWED, allow="POST")
        namespace, path = found.groups()
        try:
            received = await self._receiver.receive(
                path if namespace == self._receiver.namespace else "",
                scope["headers"],
                _body(receive),
                query=scope.get("query_string", b"").decode("latin-1"),
            )
        except Refused as refused:
            kind = {"content-type": _PROBLEM, **refused.headers}
            return refused.status, kind, refused.problem
        except RedflowError as error:
            LOG.error("a delivery was not taken in: %s", error)
            return _problem(HTTPStatus(answer_of(error).http))
        return received.status, {"content-type": _JSON}, received.answer


class _Gone(Exception):
    """The sender closed the connection."""


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _path_of(scope: Scope) -> str:
    """Return the path below where the application is mounted; servers differ in what they cut."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _problem(status: HTTPStatus, **headers: str) -> tuple[int, dict[str, str], Any]:
    body = {"title": status.phrase, "status": int(status)}
    return int(status), {"content-type": _PROBLEM, **headers}, body


async def _send(send: Send, status: int, headers: Mapping[str, str], body: Any) -> None:
    data = json.dumps(body).encode()
    every = {**headers, "content-length": str(len(data)), "cache-control": "no-store"}
    every["x-content-type-options"] = "nosniff"
    raw = [(name.encode(), value.encode()) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": data})


async def _live(receive: Receive, send: Send) -> None:
    """Nothing is to be started, nor ended: the client belongs to whoever made it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
