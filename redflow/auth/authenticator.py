"""Who somebody is, by what a request carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from redflow.auth.principal import Principal
from redflow.errors import Unauthenticated

_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows of whoever sent it; names of headers are in lower case."""

    headers: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    client: str = ""
    """The address it came from."""


class Authenticator(Protocol):
    """Recognises one kind of credentials; several are asked in turn."""

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return who it is, None for credentials that are none of its kind.

        Raises Unauthenticated for those that are, and do not count. A principal's claim `expires`
        is the time, in seconds since 1970, from which it no longer counts.
        """


def bearer_of(credentials: Credentials) -> str | None:
    """Return the token of `Authorization: Bearer <token>`; None where there is none."""
    scheme, _, token = credentials.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and 0 < len(token) <= _LONGEST else None


def not_recognised(kind: str) -> Unauthenticated:
    """Refuse credentials; every cause is told alike, so that nothing can be learned from it."""
    return Unauthenticated(
        f"the {kind} is not valid, or no longer", hint="it may have expired or been revoked"
    )
