"""The public keys of an issuer: read from the one address the operator set, and kept a while."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redflow.errors import Unavailable
from redflow.extras import extra

LOGGER = logging.getLogger("redflow.auth")

Fetch = Callable[[str], Awaitable[bytes]]
"""Reads an address; raises anything when it cannot."""

KEPT = 600.0
"""Seconds for which the keys that were read count."""
BETWEEN = 30.0
"""Seconds between two readings, so that made-up key ids cannot make us ask and ask."""
LARGEST = 64 * 1024
MOST_KEYS = 100


class KeySet:
    """The keys of one issuer by their id."""

    def __init__(
        self, url: str, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` is seconds since any moment."""
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Any] = {}
        self._read_at: float | None = None
        self._tried_at: float | None = None
        self._reading = asyncio.Lock()

    async def find(self, id: str) -> Any:
        """Return a key, or None; an unknown id is looked for again, every 30 seconds at most.

        Raises Unavailable when no keys could be read for 10 minutes.
        """
        if self._is_fresh() and id in self._keys:
            return self._keys[id]
        async with self._reading:
            if not (self._is_fresh() and id in self._keys) and self._may_ask():
                await self._read()
        if not self._is_fresh():
            raise Unavailable(
                "the keys that tokens are verified with cannot be read",
                hint="the log says why; see the JWKS address of the settings",
                ambiguous=False,
            )
        return self._keys.get(id)

    def _is_fresh(self) -> bool:
        return self._read_at is not None and self._clock() - self._read_at < KEPT

    def _may_ask(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= BETWEEN

    async def _read(self) -> None:
        self._tried_at = self._clock()
        try:
            keys = parse_keys(await self._fetch(self._url))
        except Exception as error:
            LOGGER.warning("the key set of the issuer could not be read: %r", error)
            return
        self._keys, self._read_at = keys, self._clock()


def parse_keys(data: bytes) -> dict[str, Any]:
    """Return the public keys of a JWKS document by id; those that cannot verify are left out."""
    if len(data) > LARGEST:
        raise ValueError(f"a key set of {len(data):,} bytes, over {LARGEST:,}")
    document = json.loads(data)
    found = document["keys"][:MOST_KEYS]
    jwt = extra("jwt", "jwt", "verifying tokens")
    keys: dict[str, Any] = {}
    for one in found:
        id, secret = one.get("kid"), one.get("kty") == "oct"
        if not isinstance(id, str) or secret or one.get("use", "sig") != "sig":
            continue
        try:
            keys[id] = jwt.PyJWK.from_dict(one)
        except jwt.PyJWTError:
            continue
    return keys
