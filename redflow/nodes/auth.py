"""The `auth` of a request: a bearer token, user and password, or a header of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from redflow.egress.message import Header
from redflow.errors import Problem
from redflow.nodes.base import NodeConfig
from redflow.nodes.credentials import basic_credential, header_credential
from redflow.nodes.headers import name_problems
from redflow.nodes.references import reference_problems
from redflow.nodes.shaped import wrong
from redflow.secrets.reference import Secret

if TYPE_CHECKING:
    from redflow.nodes.context import Context

_WAYS = ("bearer", "basic", "header")


class Basic(NodeConfig, frozen=True):
    """User and password."""

    username: str
    password: Secret


class Auth(NodeConfig, frozen=True):
    """One of bearer, basic, and header with value."""

    bearer: Secret | None = None
    basic: Basic | None = None
    header: str | None = None
    value: Secret | None = None

    @property
    def sets(self) -> str:
        """The header that it sets, in lower case."""
        return (self.header or "authorization").lower()


async def auth_header(ctx: Context, auth: Auth) -> Header:
    """Return the header that authenticates; raises SecretNotFound."""
    if auth.bearer is not None:
        return "Authorization", await header_credential(ctx, auth.bearer, "Bearer ")
    if auth.basic is not None:
        basic = auth.basic
        return "Authorization", await basic_credential(ctx, basic.username, basic.password)
    assert auth.header is not None
    assert auth.value is not None
    return auth.header, await header_credential(ctx, auth.value)


def auth_problems(auth: Auth) -> Iterator[Problem]:
    """Say what is wrong with a field `auth`."""
    if sum(getattr(auth, name) is not None for name in _WAYS) != 1:
        yield wrong("give one of bearer, basic, and header with value", "auth")
    if (auth.header is None) != (auth.value is None):
        missing = "header" if auth.header is None else "value"
        yield wrong(f"header and value stand together; {missing} is missing", "auth", missing)
    if auth.header is not None:
        yield from name_problems(auth.header, "auth", "header")


def literal_problems(auth: object) -> Iterator[Problem]:
    """Tell of literals where secrets belong, before any other message could show them."""
    if not isinstance(auth, Mapping):
        return
    for key in ("bearer", "value"):
        if key in auth:
            yield from reference_problems(auth[key], "auth", key)
    basic = auth.get("basic")
    if isinstance(basic, Mapping) and "password" in basic:
        yield from reference_problems(basic["password"], "auth", "basic", "password")
