"""Keys are read as they are written, never shown, and told apart by their ids."""

import pytest

from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key, KeyRing, ring_from
from redflow.errors import InvalidInput, KeyMissing


def test_a_key_is_read_as_it_is_written():
    key = Key.new("2026-11")
    assert Key.parse(key.text()) == key


def test_neither_a_key_nor_an_error_shows_the_secret():
    key = Key("k1", b"s" * 32)
    assert "ssss" not in f"{key} {key!r}"
    with pytest.raises(InvalidInput) as raised:
        Key.parse("k1:c2VjcmV0LXNlY3JldA==")
    assert "c2VjcmV0" not in str(raised.value)


@pytest.mark.parametrize("id", ["", "a b", "k:1", "-k", "x" * 33, None, "ключ"])
def test_a_key_has_a_short_plain_id(id):
    with pytest.raises(InvalidInput, match="key id"):
        Key(id, bytes(32))


@pytest.mark.parametrize("secret", [b"", bytes(16), bytes(33), "x" * 32])
def test_a_key_has_32_bytes(secret):
    with pytest.raises(InvalidInput, match="has not 32 bytes"):
        Key("k1", secret)


def test_a_ring_needs_keys_with_ids_of_their_own():
    with pytest.raises(InvalidInput, match="at least one"):
        KeyRing([])
    with pytest.raises(InvalidInput, match="same id"):
        KeyRing([Key.new("k1"), Key.new("k1")])


def test_a_ring_names_the_keys_it_has():
    ring = KeyRing([Key.new("k2"), Key.new("k1")])
    assert ring.current_id() == "k2"
    with pytest.raises(KeyMissing, match=r"'k0' is not in the key ring \(k2, k1\)"):
        ring.key("k0")


def test_the_environment_names_keys_or_a_file(tmp_path):
    new, old = Key.new("k2"), Key.new("k1")
    path = tmp_path / "keys"
    path.write_text(f"{new.text()}\n{old.text()}\n")
    for environ in (
        {"REDFLOW_CRYPTO_KEYS": f"{new.text()}, {old.text()}"},
        {"REDFLOW_CRYPTO_KEYS_FILE": str(path)},
    ):
        ring = ring_from(environ)
        assert ring is not None
        assert ring.ids == ("k2", "k1")
        assert ring.key("k1") == old.secret
    assert ring_from({}) is None
    assert Crypto.from_env({"REDFLOW_CRYPTO_KEYS": ""}) is None


def test_an_environment_that_cannot_be_meant_is_refused(tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    for environ, cause in (
        ({"REDFLOW_CRYPTO_KEYS": "k1"}, "not written as"),
        ({"REDFLOW_CRYPTO_KEYS_FILE": str(tmp_path / "none")}, "cannot be read"),
        ({"REDFLOW_CRYPTO_KEYS_FILE": str(empty)}, "holds no key"),
        ({"REDFLOW_CRYPTO_KEYS": "x", "REDFLOW_CRYPTO_KEYS_FILE": "y"}, "both set"),
    ):
        with pytest.raises(InvalidInput, match=cause):
            ring_from(environ)


class Vault:
    """A service that gives keys out by their ids, and says how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def current_id(self) -> str:
        return "v7"

    def key(self, id: str) -> bytes:
        self.asked.append(id)
        return id.encode().ljust(32, b".")


def test_a_provider_is_asked_once_for_each_key():
    vault = Vault()
    crypto = Crypto(vault)
    sealed = [crypto.seal(b"data", b"here") for _ in range(3)]
    assert [crypto.open(one, b"here") for one in sealed] == [b"data"] * 3
    assert vault.asked == ["v7"]
