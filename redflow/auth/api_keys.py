"""API keys: `rf_<id>_<secret>_<checksum>`; what is kept of one is a digest, which opens nothing.

The secret is 256 random bits, so a plain SHA-256 cannot be turned round; there is nothing to guess
that a slow hash would protect. The checksum lets scanners of leaked keys tell one from any text.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from zlib import crc32

from redflow.auth.authenticator import Credentials, bearer_of, not_recognised
from redflow.auth.principal import Principal
from redflow.defaults import API_KEY_TOUCH
from redflow.errors import StoreError

LOGGER = logging.getLogger("redflow.auth")

PREFIX = "rf_"
HEADER = "x-api-key"
_FORM = re.compile(r"(rf_([0-9a-f]{12})_[A-Za-z0-9_-]{43})_([0-9a-f]{8})")
_NOBODYS = sha256(b"the digest that an unknown id is compared with").hexdigest()


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is kept of an API key; times in ms, 0 for never."""

    id: str
    digest: str
    role: str
    name: str
    created: int
    expires: int = 0
    used: int = 0


Find = Callable[[str], Awaitable[StoredKey | None]]
"""Looks a key up by its id."""
Touch = Callable[[str], Awaitable[object]]
"""Notes that a key was used."""


def new_key() -> tuple[str, str]:
    """Make a key; answers its id and the key itself, which nobody can show again."""
    id = secrets.token_hex(6)
    text = f"{PREFIX}{id}_{secrets.token_urlsafe(32)}"
    return id, f"{text}_{_checksum(text)}"


def id_of(text: str) -> str | None:
    """Return the id of a key; None when it has not the form of one, or a wrong checksum."""
    found = _FORM.fullmatch(text)
    if found is None or not compare_digest(_checksum(found[1]), found[3]):
        return None
    return found[2]


def digest_of_key(text: str) -> str:
    """Return what is kept of a key: SHA-256, in hex."""
    return sha256(text.encode()).hexdigest()


def _checksum(text: str) -> str:
    return f"{crc32(text.encode()):08x}"


class ApiKeyAuthenticator:
    """Recognises the API keys of one namespace, in `Authorization: Bearer` or `X-Api-Key`.

    Every call looks the key up, so a revoked one is refused at once.
    """

    def __init__(
        self,
        namespace: str,
        find: Find,
        touch: Touch,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` is seconds since 1970."""
        self._namespace = namespace
        self._find = find
        self._touch = touch
        self._now = now

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Return whom a key stands for, None where there is none; raises Unauthenticated."""
        text = credentials.headers.get(HEADER) or bearer_of(credentials)
        if text is None or not text.startswith(PREFIX):
            return None
        id = id_of(text)
        stored = None if id is None else await self._find(id)
        expected = _NOBODYS if stored is None else stored.digest
        same = compare_digest(digest_of_key(text), expected)
        now = round(self._now() * 1000)
        if stored is None or not same or 0 < stored.expires <= now:
            raise not_recognised("API key")
        if now - stored.used >= API_KEY_TOUCH * 1000:
            await self._note(stored.id)
        return self._principal(stored)

    async def _note(self, id: str) -> None:
        try:
            await self._touch(id)
        except StoreError as error:
            LOGGER.warning("the use of API key %s could not be noted: %s", id, error)

    def _principal(self, stored: StoredKey) -> Principal:
        claims = {"expires": stored.expires / 1000} if stored.expires else {}
        return Principal(
            f"key:{stored.id}",
            namespaces=(self._namespace,),
            roles=(stored.role,),
            method="api_key",
            claims=claims,
        )
