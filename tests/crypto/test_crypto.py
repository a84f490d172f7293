"""Bytes come back only as they were sealed, for the origin they were sealed for, with the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.crypto import crypto as module
from redflow.crypto.crypto import Crypto
from redflow.crypto.envelope import NONCE, SALT, read_envelope
from redflow.crypto.keys import Key
from redflow.errors import DecryptionFailed, InvalidInput, KeyMissing

CRYPTO = Crypto([Key("k1", b"1" * 32)])


@given(st.binary(max_size=2000), st.binary(max_size=300))
def test_what_is_sealed_opens_for_its_origin_alone(plain, origin):
    sealed = CRYPTO.seal(plain, origin)
    assert CRYPTO.open(sealed, origin) == plain
    with pytest.raises(DecryptionFailed, match="another place"):
        CRYPTO.open(sealed, origin + b"!")


def test_every_byte_counts():
    sealed = CRYPTO.seal(b"forty-two", b"origin")
    for place in range(len(sealed)):
        for bit in (0x01, 0x80):
            changed = bytearray(sealed)
            changed[place] ^= bit
            with pytest.raises((DecryptionFailed, KeyMissing)):
                CRYPTO.open(bytes(changed), b"origin")


def test_what_is_cut_off_or_longer_is_refused():
    sealed = CRYPTO.seal(b"forty-two", b"origin")
    for part in [sealed[:end] for end in range(len(sealed))] + [sealed + b"x"]:
        with pytest.raises((DecryptionFailed, KeyMissing)):
            CRYPTO.open(part, b"origin")


def test_what_was_sealed_is_not_in_it():
    sealed = CRYPTO.seal(b"forty-two", b"origin")
    assert b"forty" not in sealed
    assert b"origin" in sealed


def test_older_keys_open_and_the_first_seals():
    old, new = Key.new("k1"), Key.new("k2")
    before = Crypto([old]).seal(b"data", b"o")
    ring = Crypto([new, old])
    assert ring.open(before, b"o") == b"data"
    assert read_envelope(ring.seal(b"data", b"o")).key_id == "k2"
    with pytest.raises(KeyMissing, match="'k1' is not in the key ring"):
        Crypto([new]).open(before, b"o")


def test_another_key_of_the_same_id_opens_nothing():
    sealed = Crypto([Key.new("k1")]).seal(b"data", b"o")
    with pytest.raises(DecryptionFailed, match="its tag does not fit"):
        Crypto([Key.new("k1")]).open(sealed, b"o")


def test_no_two_values_have_a_key_and_a_nonce_in_common(monkeypatch):
    monkeypatch.setattr(module, "SEALS_PER_KEY", 100)
    crypto = Crypto([Key.new("k1")])
    sealed = [read_envelope(crypto.seal(b"same", b"same")) for _ in range(1000)]
    assert len({(one.salt, one.nonce) for one in sealed}) == 1000
    assert len({one.salt for one in sealed}) == 10
    assert {(len(one.salt), len(one.nonce)) for one in sealed} == {(SALT, NONCE)}


def test_derived_keys_are_forgotten_and_found_again(monkeypatch):
    monkeypatch.setattr(module, "_KEYS_KEPT", 2)
    keys = [Key.new("k1")]
    sealed = [Crypto(keys).seal(b"%d" % n, b"o") for n in range(5)]
    reader = Crypto(keys)
    for _ in range(2):
        assert [reader.open(one, b"o") for one in sealed] == [b"%d" % n for n in range(5)]


def test_a_mark_tells_equal_bytes_to_who_has_the_key():
    crypto, other = Crypto([Key.new("k1")]), Crypto([Key.new("k1")])
    assert crypto.mark(b"x", "k1") == crypto.mark(b"x", "k1")
    assert crypto.mark(b"x", "k1") != crypto.mark(b"y", "k1")
    assert crypto.mark(b"x", "k1") != other.mark(b"x", "k1")


def test_an_origin_has_a_longest_length():
    CRYPTO.seal(b"", b"o" * 65_535)
    with pytest.raises(InvalidInput, match="65,536 bytes"):
        CRYPTO.seal(b"", b"o" * 65_536)
