"""API keys from their making to their end; Redis holds no key, only digests."""

from dataclasses import asdict

import pytest

from redflow.auth import Credentials
from redflow.client import AsyncClient, Client
from redflow.client.recognising import api_key_authenticator
from redflow.driver import AsyncDriver
from redflow.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from redflow.model.execution import instant
from redflow.store.space import Limits
from tests.client.kit import set_clock

NOON = 1_800_000_000_000


def bearer(key: str) -> Credentials:
    return Credentials({"authorization": f"Bearer {key}"})


@pytest.fixture
async def shop(client: AsyncClient) -> AsyncClient:
    await client.create_namespace()
    return client


async def test_a_key_is_shown_once_and_kept_as_a_digest(shop: AsyncClient, driver: AsyncDriver):
    set_clock(shop, NOON)
    made = await shop.api_keys.create("operator", name="deploys of shop", expires="90d")
    assert made.expires_at == instant(NOON + 90 * 86_400_000)
    assert made.key not in repr(made)
    (listed,) = await shop.api_keys.list()
    assert asdict(made) == asdict(listed) | {"key": made.key}
    stored = await driver.raw("HGETALL", (await shop._namespace.space()).keys.api_keys)
    text = b" ".join(stored).decode()
    assert made.key not in text
    assert made.key[16:59] not in text


async def test_it_is_recognised_until_it_is_revoked(shop: AsyncClient):
    made = await shop.api_keys.create("viewer")
    door = api_key_authenticator(shop)
    principal = await door.authenticate(bearer(made.key))
    assert principal is not None
    assert (principal.namespaces, principal.roles) == ((shop.namespace,), ("viewer",))
    await shop.api_keys.revoke(made.id)
    with pytest.raises(Unauthenticated):
        await door.authenticate(bearer(made.key))
    with pytest.raises(NotFound, match=made.id):
        await shop.api_keys.revoke(made.id)
    assert await shop.api_keys.list() == []


async def test_its_use_is_shown(shop: AsyncClient):
    made = await shop.api_keys.create("viewer")
    assert made.used_at is None
    door = api_key_authenticator(shop)
    await door.authenticate(bearer(made.key))
    (first,) = await shop.api_keys.list()
    await door.authenticate(bearer(made.key))
    assert await shop.api_keys.list() == [first]
    assert first.used_at is not None


async def test_one_that_has_expired_opens_nothing(shop: AsyncClient):
    set_clock(shop, 1000)  # long ago
    made = await shop.api_keys.create("admin", expires=60)
    with pytest.raises(Unauthenticated):
        await api_key_authenticator(shop).authenticate(bearer(made.key))


async def test_a_namespace_that_is_not_there_knows_no_key(client: AsyncClient, shop: AsyncClient):
    made = await shop.api_keys.create("admin")
    async with AsyncClient(shop._namespace.connector, namespace="t-nowhere-at-all") as other:
        with pytest.raises(Unauthenticated):
            await api_key_authenticator(other).authenticate(bearer(made.key))


async def test_newest_first(shop: AsyncClient):
    for number in range(3):
        set_clock(shop, NOON + number)
        await shop.api_keys.create("viewer", name=f"n{number}")
    assert [one.name for one in await shop.api_keys.list()] == ["n2", "n1", "n0"]


async def test_there_are_only_so_many(connector, namespace: str):
    async with AsyncClient(connector, namespace=namespace, limits=Limits(api_keys_cap=1)) as client:
        await client.create_namespace()
        made = await client.api_keys.create("viewer")
        with pytest.raises(Conflict, match="1 API keys"):
            await client.api_keys.create("viewer")
        await client.api_keys.revoke(made.id)
        await client.api_keys.create("viewer")


@pytest.mark.parametrize(
    ("role", "options", "field"),
    [
        ("root", {}, "role"),
        (None, {}, "role"),
        ("viewer", {"name": "a\nb"}, "name"),
        ("viewer", {"name": "x" * 256}, "name"),
        ("viewer", {"expires": 0}, "expires"),
        ("viewer", {"expires": "soon"}, "expires"),
    ],
)
async def test_what_is_refused(shop: AsyncClient, role, options, field):
    with pytest.raises(InvalidInput) as caught:
        await shop.api_keys.create(role, **options)
    assert caught.value.field == field


async def test_a_key_given_for_an_id_is_not_repeated(shop: AsyncClient):
    made = await shop.api_keys.create("viewer")
    with pytest.raises(InvalidInput) as caught:
        await shop.api_keys.revoke(made.key)
    assert made.key not in str(caught.value)


def test_the_plain_client(sync_client: Client):
    sync_client.create_namespace()
    made = sync_client.api_keys.create("viewer", name="n")
    assert [one.id for one in sync_client.api_keys.list()] == [made.id]
    sync_client.api_keys.revoke(made.id)
    assert sync_client.api_keys.list() == []
