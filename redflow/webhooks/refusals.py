"""Why a delivery is refused, and what its sender is told: of the doors that are shut, no more."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from redflow.errors import RedflowError


class Result(StrEnum):
    """What became of a delivery: the label of a metric, so the list is closed."""

    STARTED = "started"
    DUPLICATE = "duplicate"
    GREETED = "greeted"
    """A question of the sender whether anybody is here; Slack asks it once."""
    ENCODING = "encoding"
    TOO_LARGE = "too_large"
    SLOW = "slow"
    RATE = "rate"
    UNKNOWN = "unknown"
    SIGNATURE = "signature"
    TIME = "time"
    SECRET = "secret"
    """A secret of the webhook is missing, or none for its scheme: ours to mend."""
    DENIED = "denied"
    """Whoever kept the webhook may not start its workflow any more."""
    INPUT = "input"
    WORKFLOW = "workflow"
    ERROR = "error"


STATUSES: Final = {
    Result.ENCODING: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Result.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Result.SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Result.RATE: HTTPStatus.TOO_MANY_REQUESTS,
    Result.UNKNOWN: HTTPStatus.UNAUTHORIZED,
    Result.SIGNATURE: HTTPStatus.UNAUTHORIZED,
    Result.TIME: HTTPStatus.UNAUTHORIZED,
    Result.SECRET: HTTPStatus.UNAUTHORIZED,
    Result.DENIED: HTTPStatus.FORBIDDEN,
    Result.INPUT: HTTPStatus.BAD_REQUEST,
    Result.WORKFLOW: HTTPStatus.SERVICE_UNAVAILABLE,
}

_DETAILS: Final = {
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "send the body without a Content-Encoding",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is over its limit",
    HTTPStatus.REQUEST_TIMEOUT: "the body took too long to come",
    HTTPStatus.TOO_MANY_REQUESTS: "too many deliveries",
    HTTPStatus.UNAUTHORIZED: "there is no such webhook, or the delivery is not signed for it",
    HTTPStatus.FORBIDDEN: "the webhook may not start its workflow",
    HTTPStatus.BAD_REQUEST: "the delivery is signed, and its body is not what the webhook takes",
    HTTPStatus.SERVICE_UNAVAILABLE: "the workflow of this webhook takes no executions",
}


class Refused(RedflowError):
    """A delivery that starts nothing; `result` says why, to us alone.

    `status`, `problem` and `headers` are the answer: those for an unknown path, a bad signature and
    a stale one are the same, byte for byte.
    """

    def __init__(self, result: Result, message: str, *, wait: float = 0.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.result = result
        self.wait = wait

    def __reduce__(self) -> tuple[object, ...]:
        return _refused, (self.result, self.args[0], self.wait, self.hint)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(STATUSES[self.result])

    @property
    def problem(self) -> dict[str, Any]:
        """The body, as problem+json has it."""
        status = STATUSES[self.result]
        return {"title": status.phrase, "status": int(status), "detail": _DETAILS[status]}

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the status."""
        if self.status == HTTPStatus.UNAUTHORIZED:
            return {"www-authenticate": "Webhook"}
        return {"retry-after": str(max(1, round(self.wait + 0.5)))} if self.wait else {}


def _refused(result: Result, message: str, wait: float, hint: str) -> Refused:
    return Refused(result, message, wait=wait, hint=hint)
