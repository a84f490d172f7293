"""A value is read where it belongs, and nowhere else."""

from contextlib import suppress
from itertools import product

import pytest

from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.crypto.values import Field, Values
from redflow.errors import DecryptionFailed, InvalidInput, KeyMissing
from redflow.model import codec
from redflow.model.codec import Sealed
from redflow.model.outcome import ErrorInfo, OutcomeReason

KEY = Key("k1", b"1" * 32)
VALUES = Values("shop", Crypto([KEY]))
BARE = Values("shop")

PLACES = [
    *[(run, Field.INPUT, "") for run in ("e1", "e2", "e1.child", "e2~r1")],
    *[(run, Field.OUTPUT, node) for run in ("e1", "e2", "e1.child") for node in ("a", "b")],
    *[(run, Field.SIGNAL, name) for run in ("e1", "e2") for name in ("approve", "a")],
]


def sealed(namespace, place, value="secret"):
    return Values(namespace, Crypto([KEY])).seal(codec.encode(value), *place)


@pytest.mark.parametrize("place", PLACES)
def test_a_value_is_read_in_its_place(place):
    assert VALUES.read(sealed("shop", place), *place) == "secret"


def test_no_value_is_read_in_another_place():
    """The swap matrix: each place holds the value of each other one, in this namespace or not."""
    swaps = [
        (namespace, origin, place)
        for namespace, origin, place in product(("shop", "other"), PLACES, PLACES)
        if namespace != "shop" or origin != place
    ]
    read = []
    for namespace, origin, place in swaps:
        with suppress(DecryptionFailed):
            VALUES.read(sealed(namespace, origin), *place)
            read.append((namespace, origin, place))
    # What a rerun has copied from its own tree, and nothing else.
    assert read == [("shop", ("e2", Field.INPUT, ""), ("e2~r1", Field.INPUT, ""))]
    assert len(swaps) == 2 * len(PLACES) ** 2 - len(PLACES)


def test_a_rerun_reads_what_its_tree_has_left():
    for origin in ("e1", "e1~r1", "e1.node", "e1~r1.node"):
        found = VALUES.read(sealed("shop", (origin, Field.OUTPUT, "a")), "e1~r2", Field.OUTPUT, "a")
        assert found == "secret"
    for origin, reader in (("e2", "e1~r2"), ("e1~r2", "e1"), ("e1", "e1.node"), ("e1", "e1~r2.n")):
        with pytest.raises(DecryptionFailed):
            VALUES.read(sealed("shop", (origin, Field.OUTPUT, "a")), reader, Field.OUTPUT, "a")


def test_every_byte_of_a_sealed_value_counts():
    data = sealed("shop", ("e1", Field.INPUT, ""))
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x04
        with pytest.raises((DecryptionFailed, KeyMissing, InvalidInput)):
            VALUES.read(bytes(changed), "e1", Field.INPUT)


def test_a_value_that_is_not_sealed_is_refused_unless_migrating():
    plain = codec.encode({"a": 1})
    with pytest.raises(DecryptionFailed, match="the input of execution 'e1' is not sealed"):
        VALUES.read(plain, "e1", Field.INPUT)
    migrating = Values("shop", Crypto([KEY], migrating=True))
    assert migrating.read(plain, "e1", Field.INPUT) == {"a": 1}


def test_nothing_may_be_given_by_who_has_no_key():
    """An execution can be started and signalled without data from a process without keys."""
    nothing = BARE.seal(codec.encode(None), "e1", Field.SIGNAL, "approve")
    assert VALUES.read(nothing, "e1", Field.SIGNAL, "approve") is None
    assert VALUES.read(nothing, "e1", Field.INPUT) is None
    with pytest.raises(DecryptionFailed):
        VALUES.read(nothing, "e1", Field.OUTPUT, "a")


def test_without_keys_values_pass_and_sealed_ones_stay_shut():
    plain = codec.encode({"a": 1})
    assert BARE.seal(plain, "e1", Field.INPUT) is plain
    assert BARE.read(plain, "e1", Field.INPUT) == {"a": 1}
    data = sealed("shop", ("e1", Field.INPUT, ""))
    with pytest.raises(KeyMissing, match="sealed with key 'k1', and there are no keys here"):
        BARE.read(data, "e1", Field.INPUT)
    assert isinstance(BARE.show(data, "e1", Field.INPUT), Sealed)


def test_of_an_error_the_message_alone_is_sealed():
    error = ErrorInfo("ValueError", "card 4111 refused", OutcomeReason.ERROR, 3)
    data = VALUES.seal_error(error, "e1", "charge")
    assert b"4111" not in data
    assert b"ValueError" in data
    assert VALUES.show_error(data, "e1", "charge") == error
    shown = BARE.show_error(data, "e1", "charge")
    assert (shown.type, shown.reason, shown.attempts) == ("ValueError", "error", 3)
    assert "sealed with key 'k1'" in shown.message
    for place in (("e2", "charge"), ("e1", "refund")):
        with pytest.raises(DecryptionFailed):
            VALUES.read_error(data, *place)


def test_an_error_in_clear_is_refused_unless_a_script_wrote_it():
    lost = ErrorInfo("WorkerLost", "no beat", OutcomeReason.WORKER_LOST)
    assert VALUES.show_error(BARE.seal_error(lost, "e1", "a"), "e1", "a") == lost
    other = BARE.seal_error(ErrorInfo("E", "planted"), "e1", "a")
    with pytest.raises(DecryptionFailed, match="the error of execution 'e1' is not sealed"):
        VALUES.read_error(other, "e1", "a")


def test_digests_tell_nothing_to_who_has_no_key_and_are_equal_for_equal_maps():
    one, other = (codec.encode(value) for value in ({"a": 1, "b": 2}, {"b": 2, "a": 1}))
    assert VALUES.digests(one) == VALUES.digests(other)
    assert VALUES.digests(one) != BARE.digests(one)
    assert len(VALUES.digests(one)[0]) == len(BARE.digests(one)[0])


def test_an_older_key_finds_what_it_has_started():
    new = Values("shop", Crypto([Key.new("k2"), KEY]))
    data = codec.encode("same")
    assert new.digests(data)[1:] == VALUES.digests(data)
