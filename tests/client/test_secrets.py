"""Secrets that Redis keeps: sealed by the client, shown without their values, opened by workers."""

from collections.abc import AsyncIterator

import pytest

from redflow.client import AsyncClient, Client
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.defaults import SECRET_BYTES
from redflow.driver import AsyncDriver, Connector
from redflow.errors import Conflict, InvalidInput, Misconfigured, NotFound, PayloadTooLarge
from redflow.model.execution import instant
from redflow.secrets import SecretInfo, SecretValue
from redflow.store.space import Limits
from redflow.worker.secrets import RedisSecrets
from tests.client.kit import set_clock

CANARY = "canary-4711"
CRYPTO = Crypto([Key.new("k1")])
NOON = 1_800_000_000_000


@pytest.fixture
async def keeper(connector: Connector, namespace: str) -> AsyncIterator[AsyncClient]:
    """Return a client with a key, in a namespace that is there."""
    async with AsyncClient(connector, namespace=namespace, crypto=CRYPTO) as made:
        await made.create_namespace()
        set_clock(made, NOON)
        yield made


async def test_a_secret_is_kept_and_shown_without_its_value(keeper: AsyncClient):
    assert await keeper.put_secret("stripe", CANARY, hosts=["API.example.com"]) == "created"
    set_clock(keeper, NOON + 1000)
    assert await keeper.put_secret("stripe", CANARY, ["api.example.com", "b.example"]) == "replaced"
    await keeper.put_secret("apple", CANARY)
    assert await keeper.list_secrets() == [
        SecretInfo(
            name="apple", hosts=(), created_at=instant(NOON + 1000), updated_at=instant(NOON + 1000)
        ),
        SecretInfo(
            name="stripe",
            hosts=("api.example.com", "b.example"),
            created_at=instant(NOON),
            updated_at=instant(NOON + 1000),
        ),
    ]


async def test_redis_never_sees_the_value(keeper: AsyncClient, driver: AsyncDriver):
    await keeper.put_secret("stripe", CANARY, ["api.example.com"])
    key = (await keeper._namespace.space()).keys.secrets
    stored = await driver.raw("HGETALL", key)
    assert len(stored) == 4
    assert CANARY.encode() not in b" ".join(stored)


async def test_a_worker_opens_it(keeper: AsyncClient, driver: AsyncDriver):
    await keeper.put_secret("stripe", CANARY, ["api.example.com"])
    found = await RedisSecrets(driver, CRYPTO).get(keeper.namespace, "stripe")
    assert found == SecretValue(CANARY, ("api.example.com",), "stripe")


async def test_hosts_changed_in_redis_do_not_count(keeper: AsyncClient, driver: AsyncDriver):
    """What is shown lies in clear; what binds is sealed."""
    await keeper.put_secret("stripe", CANARY, ["api.example.com"])
    key = (await keeper._namespace.space()).keys.secrets
    await driver.raw("HSET", key, "a:stripe", "1 2 evil.example")
    found = await RedisSecrets(driver, CRYPTO).get(keeper.namespace, "stripe")
    assert found is not None
    assert found.hosts == ("api.example.com",)


async def test_deleting(keeper: AsyncClient):
    await keeper.put_secret("stripe", CANARY)
    await keeper.delete_secret("stripe")
    assert await keeper.list_secrets() == []
    with pytest.raises(NotFound, match="secret 'stripe' is not kept") as caught:
        await keeper.delete_secret("stripe")
    assert "secret list" in caught.value.hint


async def test_more_than_one_page_is_listed(keeper: AsyncClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("redflow.client._async.secrets.LISTED", 2)
    for number in range(5):
        await keeper.put_secret(f"s{number}", CANARY)
    assert [one.name for one in await keeper.list_secrets()] == ["s0", "s1", "s2", "s3", "s4"]


async def test_a_namespace_keeps_so_many(connector: Connector, namespace: str):
    limits = Limits(secrets_cap=1)
    async with AsyncClient(connector, namespace=namespace, limits=limits, crypto=CRYPTO) as client:
        await client.create_namespace()
        await client.put_secret("a", CANARY)
        with pytest.raises(Conflict, match="keeps 1 secrets"):
            await client.put_secret("b", CANARY)
        assert await client.put_secret("a", "other") == "replaced"


async def test_without_a_key_nothing_is_kept(client: AsyncClient):
    await client.create_namespace()
    with pytest.raises(Misconfigured, match="no key to seal") as caught:
        await client.put_secret("stripe", CANARY)
    assert "REDFLOW_CRYPTO_KEYS" in caught.value.hint
    assert CANARY not in str(caught.value)
    assert await client.list_secrets() == []


async def test_a_namespace_that_is_not_there(connector: Connector, namespace: str):
    async with AsyncClient(connector, namespace=namespace, crypto=CRYPTO) as client:
        for call in (client.put_secret("a", "b"), client.list_secrets(), client.delete_secret("a")):
            with pytest.raises(NotFound, match="does not exist"):
                await call


async def test_other_namespaces_have_their_own(
    keeper: AsyncClient, connector: Connector, namespace: str
):
    await keeper.put_secret("stripe", CANARY)
    async with AsyncClient(connector, namespace=f"{namespace}-x", crypto=CRYPTO) as other:
        with pytest.raises(NotFound, match="does not exist"):
            await other.list_secrets()


@pytest.mark.parametrize("value", ["", None, 7, CANARY.encode(), "\ud800"])
async def test_values_that_are_none(keeper: AsyncClient, value):
    with pytest.raises(InvalidInput) as caught:
        await keeper.put_secret("stripe", value)
    assert caught.value.field == "value"
    assert CANARY not in str(caught.value)


async def test_a_value_over_the_limit(keeper: AsyncClient):
    with pytest.raises(PayloadTooLarge):
        await keeper.put_secret("stripe", "x" * (SECRET_BYTES + 1))
    assert await keeper.put_secret("stripe", "x" * SECRET_BYTES) == "created"


@pytest.mark.parametrize("hosts", ["api.example.com", ["http://x"], [7], None])
async def test_hosts_that_are_none(keeper: AsyncClient, hosts):
    with pytest.raises(InvalidInput) as caught:
        await keeper.put_secret("stripe", CANARY, hosts)
    assert caught.value.field == "hosts"


def test_the_synchronous_client_does_the_same(connector: Connector, namespace: str):
    with Client(connector, namespace=namespace, crypto=CRYPTO) as client:
        client.create_namespace()
        assert client.put_secret("stripe", CANARY, ["api.example.com"]) == "created"
        assert [one.hosts for one in client.list_secrets()] == [("api.example.com",)]
        client.delete_secret("stripe")
        assert client.list_secrets() == []
