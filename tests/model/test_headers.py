"""Headers of an execution: parts come back, unknown ones too, and nothing too large gets in."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.model.headers import HEADERS_LIMIT, decode_headers, encode_headers

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=9), values, max_size=4))
def test_parts_come_back_from_the_record_and_from_the_token(parts):
    try:
        stored = encode_headers(parts)
    except InvalidInput:
        return
    travelled = msgspec.msgpack.decode(stored) if stored else None
    assert decode_headers(stored) == parts
    assert decode_headers(travelled) == parts


def test_no_parts_are_no_bytes():
    assert encode_headers({}) == b""
    assert decode_headers(None) == decode_headers(b"") == {}


def test_an_unknown_part_survives_a_change_of_another():
    old = encode_headers({"of a newer redflow": [1, b"x"], "trace": "a"})
    new = encode_headers(decode_headers(old) | {"trace": "b"})
    assert decode_headers(new) == {"of a newer redflow": [1, b"x"], "trace": "b"}


@pytest.mark.parametrize(("length", "fits"), [(-1, True), (0, True), (1, False)])
def test_the_limit_counts_what_is_stored(length, fits):
    room = HEADERS_LIMIT - len(encode_headers({"a": 1, "trace": "x" * 300})) + 300
    parts = {"a": 1, "trace": "x" * (room + length)}
    if fits:
        assert len(encode_headers(parts)) == HEADERS_LIMIT + length
        return
    with pytest.raises(InvalidInput) as caught:
        encode_headers(parts)
    assert caught.value.field == "trace"


@pytest.mark.parametrize("data", [b"\xc4\x05\x81", b"\x93\x01\x02\x03", b"\xff", b"\xc4\x01\xff"])
def test_damage_is_named(data):
    with pytest.raises(InvalidInput, match="headers cannot be decoded"):
        decode_headers(data)
