"""User values: exactly back, or refused with the path."""

import enum
import inspect
import math
import sys
from collections import Counter, OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

import msgpack
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redflow.errors import InvalidInput, PayloadTooLarge
from redflow.model import codec
from redflow.model.codec import Sealed, decode, encode

texts = st.text(max_size=20)
integers = st.integers(-(2**63), 2**64 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
zones = (
    st.none()
    | st.just(UTC)
    | st.sampled_from(
        [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")]
    )
)
offsets = st.integers(-86_399, 86_399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
datetimes = st.datetimes(timezones=zones | offsets)
plain = st.none() | st.booleans() | integers | floats | texts | st.binary(max_size=20)
decimals = st.decimals(allow_nan=False, allow_infinity=False)
special = datetimes | st.dates() | st.timedeltas() | decimals | st.uuids()


def nested(leaves):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
        max_leaves=20,
    )


def extension(code, data):
    return msgspec.msgpack.encode(msgspec.msgpack.Ext(code, data))


def same(one, other):
    """Compare values and the types of everything in them."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return math.copysign(1, one) == math.copysign(1, other) and one == other
    if isinstance(one, Decimal):
        return one.as_tuple() == other.as_tuple()
    if isinstance(one, datetime):
        return one.isoformat() == other.isoformat() and str(one.tzinfo) == str(other.tzinfo)
    return one == other


@given(nested(plain))
def test_plain_values_come_back_exactly(value):
    assert same(decode(encode(value)), value)


@given(nested(plain | special))
def test_special_values_come_back_exactly(value):
    assert same(decode(encode(value)), value)


@given(datetimes)
@example(datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1))
@example(datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=0))
@example(datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")))
@example(datetime.max.replace(tzinfo=UTC))
@example(datetime.min)
def test_a_datetime_keeps_its_zone(value):
    again = decode(encode(value))
    assert again.isoformat() == value.isoformat()
    assert again.utcoffset() == value.utcoffset()
    if isinstance(value.tzinfo, ZoneInfo):
        assert again.tzinfo is value.tzinfo


def test_a_datetime_whose_zone_has_new_rules_keeps_its_instant():
    stored = extension(1, b"2026-07-01T12:00:00+05:00[Europe/Berlin]")
    assert decode(stored) == datetime(2026, 7, 1, 7, tzinfo=UTC)
    assert decode(stored).tzinfo == ZoneInfo("Europe/Berlin")


def test_stored_bytes_never_change():
    # Executions outlive releases: what one release stored the next must read.
    stored = {
        datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC): "c7200132303236",
        Decimal("1.50"): "d602312e3530",
        UUID(int=7): "d80300000000000000000000000000000007",
        date(2026, 1, 2): "c70a04323032362d30312d3032",
        timedelta(seconds=-1): "d7052d31303030303030",
    }
    for value, text in stored.items():
        assert encode(value).hex().startswith(text), value


# What is let in and changes its type


class Colour(enum.StrEnum):
    """An enum that passes for text."""

    RED = "red"


class Number(enum.IntEnum):
    """An enum that passes for a number."""

    ONE = 1


class Text(str):
    """A text of a user's own class."""

    __slots__ = ()


class Whole(int):
    """A number of a user's own class."""


Pair = namedtuple("Pair", "one two")


@dataclass
class Order:
    """A dataclass, as steps return them."""

    id: int
    price: Decimal
    tags: list[str] = field(default_factory=list)


class Item(msgspec.Struct, tag="item", rename="camel"):
    """A msgspec struct with a tag and other names."""

    item_id: int
    note: str | msgspec.UnsetType = msgspec.UNSET


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        (Pair(1, 2), [1, 2]),
        (Text("a"), "a"),
        ({Text("a"): Whole(1)}, {"a": 1}),
        (type("F", (float,), {})(1.5), 1.5),
        (bytearray(b"a"), b"a"),
        (memoryview(b"a"), b"a"),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(int, a=1), {"a": 1}),
        (Counter("aa"), {"a": 2}),
        (Order(1, Decimal("2.5"), ["x"]), {"id": 1, "price": Decimal("2.5"), "tags": ["x"]}),
        (
            [Item(1, "n"), Item(2)],
            [{"type": "item", "itemId": 1, "note": "n"}, {"type": "item", "itemId": 2}],
        ),
        ({"a": [Order(1, Decimal(0))]}, {"a": [{"id": 1, "price": Decimal(0), "tags": []}]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_relatives_of_the_types_become_the_types(value, expected):
    assert same(decode(encode(value)), expected)


# What is refused


class Rude(float):
    """A number that raises when it is looked at."""

    def __float__(self) -> float:
        raise RuntimeError("rude")


LOOP: list[object] = []
LOOP.append({"again": LOOP})

REFUSED = [
    (math.nan, "NaN"),
    (math.inf, "NaN or infinite"),
    (-math.inf, "NaN or infinite"),
    (Decimal("NaN"), "NaN"),
    (Decimal("sNaN"), "NaN"),
    (Decimal("-Infinity"), "NaN or infinite"),
    (2**64, "64 bits"),
    (-(2**63) - 1, "64 bits"),
    (10**5000, "64 bits"),
    ("\ud800", "lone surrogate"),
    ("ok" + "\udfff", "lone surrogate"),
    ({1}, "is a set"),
    (frozenset(), "is a frozenset"),
    (Colour.RED, "enum member"),
    (Number.ONE, "enum member"),
    ({1: 2}, "the key 1"),
    ({None: 2}, "not text"),
    ({b"a": 2}, "not text"),
    ({(1, 2): 2}, "not text"),
    ({True: 2}, "not text"),
    ({Colour.RED: 2}, "not text"),
    ({"\ud800": 1}, "lone surrogate"),
    (object(), "is a object"),
    (Order, "is a type"),
    (len, "builtin_function_or_method"),
    (range(3), "is a range"),
    ((n for n in [1]), "is a generator"),
    (time(1), "datetime.time"),
    (1j, "is a complex"),
    (MappingProxyType({"a": 1}), "is a mappingproxy"),
    (msgspec.Raw(b"\x01"), "msgspec.Raw"),
    (msgspec.msgpack.Ext(1, b""), "Ext"),
    (Exception("x"), "is a Exception"),
    (LOOP, "refers to itself"),
    (Rude(1), "raised RuntimeError"),
    (datetime(2026, 1, 1, tzinfo=timezone(timedelta(microseconds=1))), "fractions of a second"),
]


@pytest.mark.parametrize(("value", "cause"), REFUSED, ids=[cause for _, cause in REFUSED])
def test_what_cannot_come_back_exactly_is_refused_with_its_path(value, cause):
    for where, path in [
        (value, "$"),
        ({"items": [0, value]}, "$.items[1]"),
        ([[value]], "$[0][0]"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            encode(where)
        assert cause in str(caught.value)
        assert caught.value.field.startswith(path)
        assert f"value at {path}" in str(caught.value)


def test_the_path_names_keys_and_places():
    for value, path in [
        ({"items": [0, {"price": math.nan}]}, "$.items[1].price"),
        ({"a b": {"": 1j}}, "$['a b']['']"),
        ({"\u202e": 1j}, r"$['\u202e']"),
        (Order(1, Decimal("NaN")), "$.price"),
        ([Item(1j)], "$[0].itemId"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            encode(value)
        assert caught.value.field == path


def test_a_long_path_is_cut():
    value: object = 1j
    for _ in range(90):
        value = {"a long name of a key": value}
    with pytest.raises(InvalidInput) as caught:
        encode(value)
    assert len(caught.value.field) < 320
    assert "..." in caught.value.field


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
@pytest.mark.parametrize("leaf", [1, Decimal(1)])
def test_a_hundred_levels_fit_and_one_more_does_not(wrap, leaf):
    value = leaf
    for _ in range(100):
        value = wrap(value)
    assert decode(encode(value)) == value
    with pytest.raises(InvalidInput, match="deeper than 100"):
        encode(wrap(value))


def test_endless_depth_is_refused():
    value: object = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(InvalidInput, match="deeper than 100"):
        encode(value)


def test_a_value_that_unfolds_without_end_is_refused_soon(monkeypatch):
    monkeypatch.setattr(codec, "_FAST_ITEMS", 10_000)
    value: object = [1]
    for _ in range(60):
        value = [value, value]
    with pytest.raises(PayloadTooLarge, match="more than 1,000 items"):
        encode(value, limit=1000)


def test_a_caller_near_the_recursion_limit_gets_a_typed_error():
    value: object = 1
    for _ in range(99):
        value = [value]

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 60)
    try:
        with pytest.raises(InvalidInput, match="recursion"):
            encode(value)
    finally:
        sys.setrecursionlimit(limit)


def test_size_is_refused_at_the_byte():
    text = "a" * 1000
    size = len(encode(text))
    assert encode(text, limit=size)
    with pytest.raises(PayloadTooLarge, match=f"{size:,} bytes") as caught:
        encode(text, limit=size - 1)
    assert caught.value.hint


def test_the_default_limit_is_a_mebibyte():
    assert encode(b"a" * (2**20 - 5))
    with pytest.raises(PayloadTooLarge):
        encode(b"a" * (2**20 - 4))


# Stored bytes that are not ours


def refusal(data):
    """Return why bytes are refused; bytes that decode are as good."""
    try:
        decode(data)
    except InvalidInput as error:
        return str(error)
    return "a stored value"


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xc6\xff\xff\xff\xff")
@example(b"\x91" * 100_000)
@example(b"\x81" * 100_000)
@example(b"\x81\x90\x01")
@example(b"\xa1\xff")
@example(b"\x01\x02")
@example(extension(1, b"2026-01-01T00:00:00+00:00[Nowhere/At_all]"))
@example(extension(1, b"2026-01-01T00:00:00+00:00[../../etc/passwd]"))
@example(extension(2, b"12 34"))
@example(extension(3, b"short"))
@example(extension(5, b"9" * 5000))
@example(extension(5, b"9" * 100))
def test_any_bytes_decode_or_are_refused(data):
    assert "stored value" in refusal(data)


@given(nested(plain | special), st.data())
def test_damaged_bytes_decode_or_are_refused(value, data):
    stored = bytearray(encode(value))
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(stored)))
    for damaged in (bytes(stored), bytes(stored[:cut])):
        assert "stored value" in refusal(damaged)


@given(nested(plain), st.integers(1, 50))
def test_a_cut_value_is_refused(value, cut):
    data = encode(value)
    with pytest.raises(InvalidInput):
        decode(data[: max(0, len(data) - cut)])


@pytest.mark.parametrize("code", [0, 8, 127])
def test_unknown_extension_codes_are_refused(code):
    with pytest.raises(InvalidInput, match=f"extension code {code}"):
        decode(extension(code, b"x"))


@pytest.mark.parametrize("data", [None, "text", 5, []], ids=repr)
def test_only_bytes_decode(data):
    with pytest.raises(InvalidInput):
        decode(data)


@given(st.recursive(plain, lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_plain_values_are_messagepack_as_another_library_reads_it(value):
    assert msgpack.unpackb(encode(value)) == value


def test_an_encrypted_value_decodes_to_what_stands_for_it():
    assert decode(extension(6, b"\x01...")) == Sealed(b"\x01...")
