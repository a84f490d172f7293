"""What becomes of a request that is not allowed out, or that got no usable answer."""

from typing import Final

from redflow.errors import RedflowError

REASONS: Final = (
    "url",
    "scheme",
    "userinfo",
    "port",
    "method",
    "header",
    "credential",
    "redirect",
    "infrastructure",
    "metadata",
    "loopback",
    "private",
    "link_local",
    "multicast",
    "reserved",
    "translated",
)
"""Why a request is refused: the label of a metric, so the list is closed."""

RETRYABLE: Final = frozenset({"resolve", "connect", "timeout", "protocol", "proxy"})
"""Kinds of failure that may pass; `tls too_large encoding redirects request` do not."""


class EgressDenied(RedflowError):
    """A request that may not leave; nothing was sent. `reason` is one of REASONS.

    `allowable` says that an allow list may permit it, if its host is written in the definition.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        host: str = "",
        allowable: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.host = host
        self.allowable = allowable

    def __reduce__(self) -> tuple[object, ...]:
        return _denied, (self.args[0], self.reason, self.host, self.allowable, self.hint)


class EgressFailed(RedflowError):
    """A request that was let out and brought no usable answer; `kind` says at which stage."""

    def __init__(self, message: str, *, kind: str, host: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.host = host

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later; it may have been received already."""
        return self.kind in RETRYABLE

    def __reduce__(self) -> tuple[object, ...]:
        return _failed, (self.args[0], self.kind, self.host, self.hint)


def _denied(message: str, reason: str, host: str, allowable: bool, hint: str) -> EgressDenied:
    return EgressDenied(message, reason=reason, host=host, allowable=allowable, hint=hint)


def _failed(message: str, kind: str, host: str, hint: str) -> EgressFailed:
    return EgressFailed(message, kind=kind, host=host, hint=hint)
