"""A large value leaves a reference, which alone brings it back, and only where it belongs."""

import msgspec
import pytest

from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.crypto.search import key_ids_in, resealed
from redflow.crypto.values import Field, Values
from redflow.errors import (
    DecryptionFailed,
    InvalidInput,
    Misconfigured,
    PayloadDamaged,
    PayloadMissing,
    PayloadTooLarge,
)
from redflow.model import codec
from redflow.model.codec import Stored
from redflow.payloads.payloads import Payloads
from tests.payloads.kit import Memory

CANARY = "canary-51ce"
LARGE = CANARY * 10_000
OLD, NEW = Key("k1", b"1" * 32), Key("k2", b"2" * 32)


def values_of(store, crypto=None, namespace="ns", **settings) -> Values:
    return Values(namespace, crypto, Payloads(store, **settings) if store else None)


@pytest.fixture(params=["clear", "encrypted"])
def crypto(request) -> Crypto | None:
    return Crypto([OLD]) if request.param == "encrypted" else None


def stored(values: Values, value, execution="e1", node="a") -> bytes:
    made, away = values.pack(values.encode(value), execution, Field.OUTPUT, node, 1)
    assert (made, away is None) == (b"", False)
    return values.keep(away)


def reading(values: Values, reference: bytes, execution="e1", node="a"):
    found = values.read(reference, execution, Field.OUTPUT, node)
    assert type(found) is Stored
    return values.fetch(found, execution)


def test_a_large_value_comes_back(crypto):
    store = Memory()
    reference = stored(values_of(store, crypto), {"x": LARGE})
    assert reading(values_of(store, crypto), reference) == {"x": LARGE}
    assert len(reference) < 400
    assert store.owners() == ["e1"]


def test_a_value_up_to_the_threshold_stays(crypto):
    store = Memory()
    values = values_of(store, crypto, threshold=100)
    _, small = values.pack(b"x" * 100, "e1", Field.OUTPUT)
    _, large = values.pack(b"x" * 101, "e1", Field.OUTPUT)
    assert (small, large is None, store.data) == (None, False, {})


def test_without_a_store_nothing_is_put_away():
    data, away = values_of(None).pack(b"x" * 10_000_000, "e1", Field.OUTPUT)
    assert (len(data), away) == (10_000_000, None)


def test_the_cap_is_that_of_the_store():
    with pytest.raises(PayloadTooLarge, match="over the limit of 1,048,576"):
        values_of(None).encode("x" * 2_000_000)
    with pytest.raises(PayloadTooLarge, match="over the limit of 2,000,000"):
        values_of(Memory(), limit=2_000_000).encode("x" * 2_000_000)
    assert values_of(Memory()).encode("x" * 2_000_000)


def test_what_is_stored_says_nothing_where_there_are_keys():
    store = Memory()
    reference = stored(values_of(store, Crypto([OLD])), LARGE)
    (data,) = store.data.values()
    assert CANARY.encode() not in data + reference
    assert b"e1/" not in reference


def test_a_repeat_stores_the_same_bytes(crypto):
    store = Memory()
    values = values_of(store, crypto)
    _, away = values.pack(values.encode(LARGE), "e1", Field.OUTPUT)
    first, data = values.keep(away), dict(store.data)
    assert (values.keep(away), store.data) == (first, data)


def test_a_payload_that_was_changed_is_refused(crypto):
    store = Memory()
    reference = stored(values_of(store, crypto), LARGE)
    (key,) = store.data
    *rest, last = store.data[key]
    store.data[key] = bytes([*rest, last ^ 1])
    with pytest.raises(PayloadDamaged, match="was changed") as found:
        reading(values_of(store, crypto), reference)
    assert key in str(found.value)


def test_a_payload_of_another_length_is_refused():
    store = Memory()
    reference = stored(values_of(store), LARGE)
    (key,) = store.data
    store.data[key] += b"more"
    with pytest.raises(PayloadDamaged, match=r"120,010 bytes|bytes and"):
        reading(values_of(store), reference)


def test_a_payload_that_is_gone_is_named(crypto):
    store = Memory()
    reference = stored(values_of(store, crypto), LARGE)
    (key,) = store.data
    store.data.clear()
    with pytest.raises(PayloadMissing, match=key):
        reading(values_of(store, crypto), reference)


def test_a_process_without_a_store_says_so(crypto):
    reference = stored(values_of(Memory(), crypto), LARGE)
    with pytest.raises(Misconfigured, match="execution 'e1' is in a payload store") as found:
        reading(values_of(None, crypto), reference)
    assert "REDFLOW_PAYLOADS" in found.value.hint


@pytest.mark.parametrize(
    ("namespace", "execution"), [("ns", "e2"), ("other", "e1"), ("ns", "e1.a")]
)
def test_a_reference_is_of_use_in_its_own_place_only(namespace, execution):
    store = Memory()
    reference = stored(values_of(store), LARGE)
    with pytest.raises(PayloadDamaged, match="which is not its own"):
        reading(values_of(store, namespace=namespace), reference, execution)


def test_a_rerun_reads_what_its_tree_has_stored(crypto):
    store = Memory()
    reference = stored(values_of(store, crypto), LARGE)
    assert reading(values_of(store, crypto), reference, "e1~r2") == LARGE


def test_a_reference_that_is_not_sealed_is_refused_where_there_are_keys():
    store = Memory()
    reference = stored(values_of(store), LARGE)
    with pytest.raises(DecryptionFailed, match="is not sealed"):
        reading(values_of(store, Crypto([OLD])), reference)


def test_a_sealed_reference_is_bound_to_its_node():
    store, crypto = Memory(), Crypto([OLD])
    reference = stored(values_of(store, crypto), LARGE)
    with pytest.raises(DecryptionFailed, match="was sealed as the output of a"):
        reading(values_of(store, crypto), reference, node="b")


def test_a_new_key_needs_no_other_payload():
    store = Memory()
    reference = stored(values_of(store, Crypto([OLD])), LARGE)
    before = dict(store.data)
    rotated = resealed(reference, Crypto([NEW, OLD]))
    assert key_ids_in(rotated) == ["k2"]
    assert reading(values_of(store, Crypto([NEW])), rotated) == LARGE
    assert store.data == before


@pytest.mark.parametrize(
    "data", [b"", b"\x90", b"\x94\xa1a\x01\xc4\x00\xc4\x00\x01", b"\xc1 random"]
)
def test_a_reference_that_cannot_be_read_is_refused(data):
    packed = msgspec.msgpack.encode(msgspec.msgpack.Ext(codec.STORED, data))
    with pytest.raises(InvalidInput):
        values_of(Memory()).fetch(codec.decode(packed), "e1")


def test_a_reference_shows_no_secret():
    shown = Stored("ns/e1/" + "a" * 32, 1000, b"d" * 32, b"secret-key")
    assert repr(shown) == f"Stored('ns/e1/{'a' * 32}', 1,000 bytes)"


def test_nobody_makes_a_reference_of_a_value():
    made = codec.decode(codec.encode(Stored("k", 1, b"")))
    assert type(made) is not Stored
