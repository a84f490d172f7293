"""The secrets that Redis keeps, as a worker opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redflow.driver import AsyncDriver
from redflow.secrets.names import check_secret_name
from redflow.secrets.sealing import open_secret
from redflow.secrets.values import SecretValue
from redflow.store.keys import DEFAULT_PREFIX, Keys
from redflow.store.secrets import read_secret
from redflow.store.space import Space

if TYPE_CHECKING:
    from redflow.crypto.crypto import Crypto


class RedisSecrets:
    """A provider of what `put_secret` and `redflow secret set` keep; has none without a key."""

    def __init__(
        self, driver: AsyncDriver, crypto: Crypto | None, *, prefix: str = DEFAULT_PREFIX
    ) -> None:
        self._driver = driver
        self._crypto = crypto
        self._prefix = prefix

    async def get(self, namespace: str, name: str) -> SecretValue | None:
        """Return a secret; raises Unavailable, KeyMissing, DecryptionFailed."""
        if self._crypto is None:
            return None
        space = Space(Keys(namespace, 0, self._prefix))
        sealed = await self._driver.run(read_secret(space, check_secret_name(name)))
        return None if sealed is None else open_secret(self._crypto, namespace, name, sealed)

    def where(self, namespace: str, name: str) -> str:
        """Say whether Redis was asked."""
        if self._crypto is None:
            return "Redis: no, this worker has no key to open secrets with (REDFLOW_CRYPTO_KEYS)"
        return f"Redis (secrets of namespace {namespace})"
