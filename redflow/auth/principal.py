"""Who acts: an identity that travels with the code that runs, and with what it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from redflow.model.headers import PRINCIPAL

EVERY_NAMESPACE = "*"
_TEXTS = ("subject", "tenant", "method")
_LISTS = ("namespaces", "roles")


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was recognised; `subject` is a name for logs and the audit, never a secret.

    `namespaces` are those it may enter, `*` for all. A role holds in all of them, or in one as
    `<namespace>:<role>`. `method` says how it was recognised, `claims` is whatever else a provider
    wants to know.
    """

    subject: str = ""
    tenant: str = ""
    namespaces: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    method: str = "application"
    claims: Mapping[str, Any] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """Return it as a map to be kept beside what it starts; what is empty is left out."""
        known: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS}
        known |= {name: list(getattr(self, name)) for name in _LISTS}
        known["claims"] = dict(self.claims)
        return {name: value for name, value in known.items() if value}

    @classmethod
    def from_stored(cls, value: object) -> Principal | None:
        """Read what `stored` answered; None for anything else, so that nobody is let in by it."""
        if not isinstance(value, Mapping):
            return None
        texts = {name: value.get(name, "") for name in _TEXTS}
        lists = {name: value.get(name, ()) for name in _LISTS}
        claims = value.get("claims", {})
        sound = (
            all(isinstance(one, str) for one in texts.values())
            and all(_is_texts(one) for one in lists.values())
            and isinstance(claims, Mapping)
        )
        if not sound:
            return None
        spaces, roles = (tuple(lists[name]) for name in _LISTS)
        return cls(texts["subject"], texts["tenant"], spaces, roles, texts["method"], claims)


def _is_texts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


_current: ContextVar[Principal | None] = ContextVar("redflow_principal", default=None)
_request: ContextVar[str] = ContextVar("redflow_request", default="")


def current() -> Principal | None:
    """Return who acts here, or None when nobody said."""
    return _current.get()


def request_id() -> str:
    """Return the id of the request that is being served, "" outside of one."""
    return _request.get()


def principal_part() -> dict[str, Any]:
    """Return who acts here as a part of an execution's headers; none for nobody."""
    principal = _current.get()
    return {} if principal is None else {PRINCIPAL: principal.stored()}


@contextmanager
def identity(
    principal: Principal | None = None,
    /,
    *,
    subject: str = "",
    tenant: str = "",
    namespaces: Iterable[str] = (),
    roles: Iterable[str] = (),
    method: str = "application",
    request: str = "",
    **claims: Any,
) -> Iterator[Principal]:
    """Let what runs inside act as somebody: a principal, or one made of the names given.

    Any other name becomes a claim, for providers of your own: `identity(customer_id="acme")`. Tasks
    that are started inside act as the same; threads do when they run in a copy of the context.
    `request` is the id of the request that is served: the audit keeps it.
    """
    if principal is None:
        lists = tuple(namespaces), tuple(roles)
        principal = Principal(subject, tenant, *lists, method=method, claims=claims)
    who = _current.set(principal)
    what = _request.set(request or _request.get())
    try:
        yield principal
    finally:
        _request.reset(what)
        _current.reset(who)


@contextmanager
def acting_for(stored: Principal | None, method: str) -> Iterator[Principal | None]:
    """Act on behalf of who once asked for it: a schedule, a webhook, a child execution.

    The rights are judged anew, so they are those of now. `method` says what acts, `schedule` say;
    None is nobody, which a provider refuses.
    """
    who = _current.set(None if stored is None else replace(stored, method=method))
    try:
        yield _current.get()
    finally:
        _current.reset(who)
