"""API keys of a namespace as an authenticator, for whoever serves requests."""

from __future__ import annotations

from redflow.auth.api_keys import ApiKeyAuthenticator, StoredKey
from redflow.client._async.client import AsyncClient
from redflow.defaults import API_KEY_TOUCH
from redflow.errors import NotFound
from redflow.store.api_keys import read_api_keys, touch_api_key


def api_key_authenticator(client: AsyncClient) -> ApiKeyAuthenticator:
    """Return what recognises the API keys of a client's namespace; each call looks them up."""
    namespace = client._namespace

    async def find(id: str) -> StoredKey | None:
        try:
            space = await namespace.space()
        except NotFound:
            return None
        found = await namespace.driver.run(read_api_keys(space, [id]))
        return found[0] if found else None

    async def touch(id: str) -> bool:
        pause = round(API_KEY_TOUCH * 1000)
        return await namespace.driver.run(touch_api_key(await namespace.space(), id, pause=pause))

    return ApiKeyAuthenticator(namespace.name, find, touch)
