"""The secrets that Redis keeps, opened where deliveries are verified."""

from __future__ import annotations

from redflow.client import AsyncClient
from redflow.secrets.values import SecretValue
from redflow.worker.secrets import RedisSecrets


class KeptSecrets:
    """A provider on the connection of a client, which may close it and open another."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def get(self, namespace: str, name: str) -> SecretValue | None:
        """Return a secret, None without a key; raises Unavailable, KeyMissing, DecryptionFailed."""
        return await self._provider().get(namespace, name)

    def where(self, namespace: str, name: str) -> str:
        """Say whether Redis was asked."""
        return self._provider().where(namespace, name)

    def _provider(self) -> RedisSecrets:
        own = self._client._namespace
        return RedisSecrets(own.driver, own.crypto, prefix=own.prefix)
