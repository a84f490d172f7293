"""The outside of the app: request ids, security headers, the host check, errors, counting."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from contextvars import Token
from itertools import count
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from redflow import logs
from redflow.api.bodies import Disconnected
from redflow.api.endpoints import Endpoint
from redflow.api.problems import CONTENT_TYPE, LOGGER, Refused, problem_of, title
from redflow.api.service import Service
from redflow.api.values import to_json
from redflow.errors import AccessDenied, NotFound

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self';"
    " require-trusted-types-for 'script'"
)
SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""On every answer, refusals and failures too."""

_HEADERS = {
    401: ((b"www-authenticate", b"Bearer"),),
    503: ((b"retry-after", b"1"),),
}
_OURS = secrets.token_hex(4)
_NUMBERS = count()
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,64}")


class RequestFields:
    """What every line logged during a request names."""

    __slots__ = ("_id",)

    def __init__(self, id: str) -> None:
        self._id = id

    def log_fields(self) -> dict[str, Any]:
        """Fields for a line of the log."""
        return {"request_id": self._id}


class Exchange:
    """One request and its answer on the way out."""

    __slots__ = ("_extra", "_send", "id", "status")

    def __init__(self, id: str, send: Send) -> None:
        self.id = id
        self.status = 0
        self._send = send
        self._extra = (*SECURITY, (b"x-request-id", id.encode()))

    async def send(self, message: Message) -> None:
        """Pass a message on; the first one gets the headers that all answers have."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._extra]
        await self._send(message)


class Edge:
    """Wraps the router: nothing leaves it but answers."""

    def __init__(self, inner: ASGIApp, service: Service) -> None:
        self._inner = inner
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        exchange = Exchange(request_id(scope), send)
        token: Token[logs.Bound | None] = logs.current.set(RequestFields(exchange.id))
        try:
            scope["redflow.request"] = exchange.id
            self._service.check_host(scope)
            await self._inner(scope, receive, exchange.send)
        except Disconnected:
            pass
        except Exception as error:
            await self._answer(error, exchange, scope.get("redflow.endpoint"))
        finally:
            logs.current.reset(token)
            endpoint = scope.get("redflow.endpoint")
            route = endpoint.path if endpoint else "none"
            self._service.count(
                route, scope["method"], exchange.status, time.perf_counter() - began
            )

    async def _answer(
        self, error: Exception, exchange: Exchange, endpoint: Endpoint | None
    ) -> None:
        if isinstance(error, HTTPException):
            error = of_framework(error)
        elif endpoint is not None and is_missing(error):
            error = not_found(endpoint.sought)
        problem = problem_of(error, exchange.id)
        if exchange.status:  # too late to say so: the connection is closed instead
            LOGGER.error("request %s failed while it was answered", exchange.id, exc_info=error)
            raise ConnectionError("the answer was broken off") from None
        data = to_json(problem)
        headers = [
            (b"content-type", CONTENT_TYPE),
            (b"content-length", b"%d" % len(data)),
            *(error.headers if isinstance(error, Refused) else headers_of(problem.status)),
        ]
        start = {"type": "http.response.start", "status": problem.status, "headers": headers}
        await exchange.send(start)
        await exchange.send({"type": "http.response.body", "body": data})


def request_id(scope: Scope) -> str:
    """Return the id that the client gave its request, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return f"{_OURS}{next(_NUMBERS):08x}"


def of_framework(error: HTTPException) -> Refused:
    """Say in our words what the router refuses: an unknown path or method."""
    headers = tuple((k.lower().encode(), v.encode()) for k, v in (error.headers or {}).items())
    code = title(error.status_code).replace(" ", "")
    hint = "see /openapi.json for what there is"
    return Refused(error.status_code, code, error.detail, hint=hint, headers=headers)


def headers_of(status: int) -> Sequence[tuple[bytes, bytes]]:
    """Return what belongs to a status: when to come again, how to say who one is."""
    return _HEADERS.get(status, ())


def is_missing(error: Exception) -> bool:
    """Say whether something is not there, or is not to be seen: nobody learns which."""
    return isinstance(error, NotFound) or (isinstance(error, AccessDenied) and error.hidden)


def not_found(sought: str) -> Refused:
    """Return the answer for what is absent and for what is somebody else's: the same."""
    return Refused(
        404, "NotFound", f"no such {sought}", hint="or none that your credentials are for"
    )


async def unknown_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a path that no route has."""
    raise HTTPException(404, "there is nothing at this path")
