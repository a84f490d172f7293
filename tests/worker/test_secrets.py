"""RedisSecrets: the provider that opens what clients have sealed."""

import pytest

from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.driver import AsyncDriver
from redflow.errors import DecryptionFailed, InvalidInput, KeyMissing
from redflow.secrets import SecretNotFound, Secrets, SecretValue
from redflow.secrets.sealing import seal_secret
from redflow.store.keys import Keys
from redflow.store.secrets import put_secret
from redflow.store.space import Space
from redflow.worker.secrets import RedisSecrets

CANARY = "canary-4711"
OLD, NEW = Key.new("old"), Key.new("new")


async def keep(driver: AsyncDriver, namespace: str, name: str, crypto: Crypto) -> None:
    """Keep a secret, sealed."""
    secret = SecretValue(CANARY, ("api.example.com",), name)
    sealed = seal_secret(crypto, namespace, secret)
    space = Space(Keys(namespace, 0))
    await driver.run(put_secret(space, name, sealed=sealed, hosts=secret.hosts))


async def test_a_secret_of_a_namespace(driver: AsyncDriver, namespace: str):
    crypto = Crypto([NEW])
    await keep(driver, namespace, "stripe", crypto)
    provider = RedisSecrets(driver, crypto)
    expected = SecretValue(CANARY, ("api.example.com",), "stripe")
    assert await provider.get(namespace, "stripe") == expected
    assert await provider.get(namespace, "other") is None
    assert await provider.get(f"{namespace}-x", "stripe") is None


async def test_another_prefix_is_another_place(driver: AsyncDriver, namespace: str):
    crypto = Crypto([NEW])
    await keep(driver, namespace, "stripe", crypto)
    assert await RedisSecrets(driver, crypto, prefix="other:").get(namespace, "stripe") is None


async def test_a_key_behind_the_first_opens_what_it_sealed(driver: AsyncDriver, namespace: str):
    await keep(driver, namespace, "stripe", Crypto([OLD]))
    found = await RedisSecrets(driver, Crypto([NEW, OLD])).get(namespace, "stripe")
    assert found is not None
    assert found.value == CANARY
    with pytest.raises(KeyMissing, match="'old'"):
        await RedisSecrets(driver, Crypto([NEW])).get(namespace, "stripe")


async def test_a_secret_that_was_moved_is_refused(driver: AsyncDriver, namespace: str):
    crypto = Crypto([NEW])
    await keep(driver, namespace, "stripe", crypto)
    key = Keys(namespace, 0).secrets
    sealed = await driver.raw("HGET", key, "v:stripe")
    await driver.raw("HSET", key, "v:other", sealed)
    with pytest.raises(DecryptionFailed):
        await RedisSecrets(driver, crypto).get(namespace, "other")


async def test_a_worker_without_a_key_says_so(driver: AsyncDriver, namespace: str):
    await keep(driver, namespace, "stripe", Crypto([NEW]))
    with pytest.raises(SecretNotFound, match="no key to open secrets with"):
        await Secrets([RedisSecrets(driver, None)]).resolve(namespace, "stripe")


async def test_it_says_where_it_looked(driver: AsyncDriver):
    with pytest.raises(SecretNotFound, match=r"looked in Redis \(secrets of namespace shop\)"):
        await Secrets([RedisSecrets(driver, Crypto([NEW]))]).resolve("shop", "stripe")


@pytest.mark.parametrize("name", ["", "a.b", "v:a"])
async def test_bad_names(driver: AsyncDriver, name: str):
    with pytest.raises(InvalidInput):
        await RedisSecrets(driver, Crypto([NEW])).get("shop", name)
