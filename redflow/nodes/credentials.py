"""Secrets made into headers that go to their own hosts alone."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from redflow.egress.message import Credential
from redflow.nodes.base import UnfitInput

if TYPE_CHECKING:
    from redflow.nodes.context import Context
    from redflow.secrets.reference import Secret
    from redflow.secrets.values import SecretValue


async def header_credential(ctx: Context, secret: Secret, prefix: str = "") -> Credential:
    """Return a header's value: a prefix such as "Bearer ", and the secret."""
    value = await ctx.secret(secret.name)
    return bound(value, prefix + value.value)


async def basic_credential(ctx: Context, username: str, password: Secret) -> Credential:
    """Return user and password as RFC 7617 has them."""
    if ":" in username:
        raise UnfitInput("a user name for basic authentication holds no colon", field="auth")
    value = await ctx.secret(password.name)
    encoded = base64.b64encode(f"{username}:{value.value}".encode()).decode()
    return bound(value, f"Basic {encoded}")


def bound(value: SecretValue, text: str, hosts: tuple[str, ...] | None = None) -> Credential:
    """Return what was made of a secret, for the hosts of that secret or some of them."""
    return Credential(text, value.hosts if hosts is None else hosts, value.name)
