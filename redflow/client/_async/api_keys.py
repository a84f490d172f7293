"""The API keys of a namespace: made, shown without their secrets, revoked."""

from dataclasses import asdict
from datetime import timedelta

from redflow.auth.api_keys import StoredKey, digest_of_key, new_key
from redflow.auth.roles import check_role
from redflow.client._async.guard import guarded
from redflow.client._async.namespace import AsyncNamespace
from redflow.client.arguments import check_key_id, check_key_name
from redflow.errors import Conflict, NotFound
from redflow.model.access import ApiKeyInfo, NewApiKey
from redflow.model.durations import seconds
from redflow.model.execution import instant
from redflow.store.api_keys import list_api_keys, put_api_key, read_api_keys, revoke_api_key

Infos = list[ApiKeyInfo]

LISTED = 200  # keys read in one round trip


@guarded
class AsyncApiKeys:
    """Makes API keys and revokes them; none can be shown again."""

    def __init__(self, namespace: AsyncNamespace) -> None:
        self._namespace = namespace
        self._door = namespace.door

    async def create(
        self, role: str, *, name: str = "", expires: float | str | timedelta | None = None
    ) -> NewApiKey:
        """Make a key with a role in this namespace; `expires` is seconds from now, or "90d".

        Raises InvalidInput; Conflict when the namespace has as many as it may.
        """
        lifetime = 0.0 if expires is None else seconds(expires, positive=True, field="expires")
        known, called = check_role(role), check_key_name(name)
        id, key = new_key()
        space = await self._namespace.space()
        op = put_api_key(
            space,
            id,
            digest=digest_of_key(key),
            role=known,
            name=called,
            lifetime=round(lifetime * 1000),
        )
        _, stored = await self._namespace.driver.run(op)
        if stored is None:
            raise Conflict(
                f"namespace {self._namespace.name!r} has {space.limits.api_keys_cap:,} API keys,"
                " as many as it may",
                hint="revoke some: redflow key list, redflow key revoke",
            )
        return NewApiKey(key=key, **asdict(_shown(stored)))

    async def list(self) -> Infos:
        """Return all keys, the newest first; one that has expired stays until it is revoked."""
        space = await self._namespace.space()
        driver = self._namespace.driver
        ids = await driver.run(list_api_keys(space))
        pages = [
            read_api_keys(space, ids[first : first + LISTED])
            for first in range(0, len(ids), LISTED)
        ]
        found = [one for page in await driver.run_many(pages) for one in page]
        found.sort(key=lambda one: (-one.created, one.id))
        return [_shown(one) for one in found]

    async def revoke(self, id: str) -> None:
        """Let a key open nothing from now on; raises NotFound."""
        check_key_id(id)
        space = await self._namespace.space()
        if not await self._namespace.driver.run(revoke_api_key(space, id)):
            raise NotFound(
                f"API key {id!r} is not known in namespace {self._namespace.name!r}",
                hint="redflow key list shows those that are",
            )


def _shown(key: StoredKey) -> ApiKeyInfo:
    return ApiKeyInfo(
        id=key.id,
        role=key.role,
        name=key.name,
        created_at=instant(key.created),
        expires_at=instant(key.expires) if key.expires else None,
        used_at=instant(key.used) if key.used else None,
    )
