"""A secret as Redis holds it opens at its own place, with its own hosts, and nowhere else."""

import pytest

from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.errors import DecryptionFailed, KeyMissing, StoreError
from redflow.secrets import SecretValue
from redflow.secrets.sealing import open_secret, seal_secret

CANARY = "canary-4711"
SECRET = SecretValue(CANARY, ("api.example.com",), "stripe")
CRYPTO = Crypto([Key.new("k1")])


def test_it_comes_back_with_its_hosts():
    assert open_secret(CRYPTO, "shop", "stripe", seal_secret(CRYPTO, "shop", SECRET)) == SECRET


def test_nothing_of_it_is_readable():
    sealed = seal_secret(CRYPTO, "shop", SECRET)
    assert CANARY.encode() not in sealed
    assert b"api.example.com" not in sealed


@pytest.mark.parametrize(
    ("namespace", "name"), [("bank", "stripe"), ("shop", "other"), ("shops", "tripe"), ("", "")]
)
def test_it_opens_at_no_other_place(namespace, name):
    sealed = seal_secret(CRYPTO, "shop", SECRET)
    with pytest.raises(DecryptionFailed):
        open_secret(CRYPTO, namespace, name, sealed)


def test_no_byte_can_be_changed():
    sealed = seal_secret(CRYPTO, "shop", SECRET)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises((DecryptionFailed, KeyMissing)):
            open_secret(CRYPTO, "shop", "stripe", bytes(changed))


def test_a_value_that_is_not_sealed_is_refused():
    with pytest.raises(DecryptionFailed):
        open_secret(CRYPTO, "shop", "stripe", CANARY.encode())


def test_without_its_key_it_stays_shut():
    sealed = seal_secret(Crypto([Key.new("old")]), "shop", SECRET)
    with pytest.raises(KeyMissing, match="'old'"):
        open_secret(CRYPTO, "shop", "stripe", sealed)


def test_what_is_sealed_in_another_form_is_told_without_its_value():
    origin = b"secret\x00\x04shop\x00\x06stripe"
    sealed = CRYPTO.seal(b"\x81\xa5value\xabcanary-4711", origin)
    with pytest.raises(StoreError, match="secret 'stripe' of namespace 'shop'") as caught:
        open_secret(CRYPTO, "shop", "stripe", sealed)
    assert CANARY not in str(caught.value)
