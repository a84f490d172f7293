"""Errors as problem+json (RFC 9457): what, why, what next, and never what a server may not tell."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec

from redflow.errors import (
    InvalidInput,
    InvalidWorkflow,
    OutOfMemory,
    RedflowError,
    Unavailable,
    answer_of,
)

LOGGER = logging.getLogger("redflow.api")

CONTENT_TYPE = b"application/problem+json"

SERVERS_FAULT = 500
_SAID = {
    Unavailable: "Redis is not reachable, or did not answer in time",
    OutOfMemory: "Redis has no room for more",
}
_REPEATABLE = (Unavailable, OutOfMemory)


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with a workflow; `pointer` is an RFC 6901 pointer into its document."""

    pointer: str
    code: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong. `code` is the name of the error, `hint` the next step."""

    title: str
    status: int
    code: str
    request_id: str
    detail: str = ""
    hint: str = ""
    field: str = ""
    problems: tuple[Fault, ...] = ()
    ambiguous: bool = False
    """Whether it may have been done all the same: repeat it with the same id or key."""


class Refused(Exception):
    """A request that is refused before any client is asked."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.headers = headers


def problem_of(error: Exception, request_id: str) -> Problem:
    """Say what an error becomes; one of ours is logged, and only its kind is told."""
    if isinstance(error, Refused):
        return Problem(
            title(error.status), error.status, error.code, request_id, error.detail, error.hint
        )
    status = answer_of(error).http
    if status >= SERVERS_FAULT and not isinstance(error, TimeoutError):
        return _of_server(error, status, request_id)
    more: dict[str, Any] = {}
    detail, hint = str(error), ""
    if isinstance(error, RedflowError):
        detail, hint = str(error.args[0]), error.hint
    if isinstance(error, InvalidInput):
        more["field"] = error.field
    if isinstance(error, InvalidWorkflow):
        more["problems"] = tuple(Fault(p.pointer, p.code, p.message) for p in error.problems)
    return Problem(title(status), status, code_of(error), request_id, detail, hint, **more)


def _of_server(error: Exception, status: int, request_id: str) -> Problem:
    """Tell no address, no path and no traceback; the log has them under the request's id."""
    said = next((text for kind, text in _SAID.items() if isinstance(error, kind)), "")
    known = isinstance(error, RedflowError)
    LOGGER.error("request %s: %s", request_id, error, exc_info=None if said or known else error)
    return Problem(
        title(status),
        status,
        code_of(error),
        request_id,
        said or "the server failed; its log tells more under this request id",
        error.hint if isinstance(error, _REPEATABLE) else "",
        ambiguous=isinstance(error, Unavailable) and error.ambiguous,
    )


def code_of(error: Exception) -> str:
    """Return the public name of an error: that of its nearest class in redflow/errors.py."""
    public = (k.__name__ for k in type(error).__mro__ if k.__module__ == "redflow.errors")
    if isinstance(error, TimeoutError):
        return "Timeout"
    return next(public, "Internal")


def title(status: int) -> str:
    """Return the phrase of a status."""
    return HTTPStatus(status).phrase
