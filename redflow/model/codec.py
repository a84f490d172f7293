"""User values to MessagePack bytes and back, exactly or not at all.

Beside the JSON types: bytes, datetime, date, timedelta, Decimal and UUID, by extension codes.
Dataclasses and msgspec structs become maps, tuples lists, and subclasses of these types the type
itself. Everything else is refused, with its path.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec.msgpack import Ext

from redflow.defaults import VALUE_LIMIT
from redflow.errors import InvalidInput, PayloadTooLarge

# Extension codes are stored: never change one. 0 marks an absent input.
_DATETIME, _DECIMAL, _UUID, _DATE, _TIMEDELTA = 1, 2, 3, 4, 5
SEALED = 6
"""The extension code of a value that is encrypted."""
STORED = 7
"""The extension code of a value that is kept in a payload store."""

_DEPTH = 100
_LOWEST, _HIGHEST = -(2**63), 2**64 - 1
_MICROSECOND = timedelta(microseconds=1)
_KEY_CHARS, _PATH_CHARS = 40, 300

# What the fast walk counts before it leaves the value to the careful one.
_FAST_ITEMS = 1_000_000
_SIMPLE = frozenset({str, int, bool, type(None), bytes})

_pack = msgspec.msgpack.Encoder().encode


class Sealed(msgspec.Struct, frozen=True):
    """A value that is encrypted: what a process sees that has not its key."""

    data: bytes

    def __repr__(self) -> str:
        return f"Sealed({len(self.data):,} bytes)"


def sealed(data: bytes) -> Ext:
    """Mark encrypted bytes that stand for a value: packed as they are, `decode` answers Sealed."""
    return Ext(SEALED, data)


class Stored(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A value in a payload store: what a process sees that has not fetched it."""

    key: str
    size: int
    digest: bytes
    secret: bytes = b""

    def __repr__(self) -> str:
        return f"Stored({self.key!r}, {self.size:,} bytes)"


def stored(reference: Stored) -> bytes:
    """Encode a reference that stands for a value: `decode` answers it."""
    return _pack(Ext(STORED, _pack(reference)))


def encode(value: object, *, limit: int = VALUE_LIMIT) -> bytes:
    """Encode a user value; raise InvalidInput with its path, or PayloadTooLarge over the limit."""
    if isinstance(value, str | bytes) and len(value) > limit:  # before all of it is copied
        raise _too_large(f"{len(value):,} bytes or more", limit)
    try:
        data = _pack(value if _count(value, 1) >= 0 else _Careful(limit).plain(value))
    except (UnicodeEncodeError, OverflowError, RecursionError) as error:
        raise _explained(value, limit, error) from error
    if len(data) > limit:
        raise _too_large(f"{len(data):,} bytes", limit)
    return data


def _too_large(size: str, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"value has {size}, over the limit of {limit:,}",
        field="$",
        hint="store it elsewhere and pass a reference",
    )


def decode(data: bytes) -> Any:
    """Decode what `encode` wrote; raise InvalidInput when it is damaged or of a newer redflow."""
    try:
        return _unpack(data)
    except InvalidInput:
        raise
    except (
        msgspec.MsgspecError,
        ValueError,
        TypeError,
        ArithmeticError,
        LookupError,
        RecursionError,
    ) as error:
        raise InvalidInput(f"stored value cannot be decoded: {error}", field="$") from error


def _count(value: Any, depth: int) -> int:
    """Count the items of a value made of exact plain types alone; -1 when it is not.

    msgspec writes Decimal, UUID, sets, enums and dates as text or lists without a word, and NaN
    and keys that are not text as they are: this walk keeps them out. Every step passes here, so
    it is written for speed (measured), not for beauty.
    """
    kind = type(value)
    if kind is dict:
        total = len(value)
        for key, item in value.items():
            if type(key) is not str:
                return -1
            if (inner := type(item)) in _SIMPLE:
                continue
            if inner is float:
                if item - item != 0.0:  # NaN and infinity
                    return -1
                continue
            if depth == _DEPTH or (below := _count(item, depth + 1)) < 0:
                return -1
            total += below
        return total if total < _FAST_ITEMS else -1
    if kind is list:
        total = len(value)
        for item in value:
            if (inner := type(item)) in _SIMPLE:
                continue
            if inner is float:
                if item - item != 0.0:
                    return -1
                continue
            if depth == _DEPTH or (below := _count(item, depth + 1)) < 0:
                return -1
            total += below
        return total if total < _FAST_ITEMS else -1
    return 1 if kind in _SIMPLE or (kind is float and value - value == 0.0) else -1


def _explained(value: object, limit: int, error: Exception) -> InvalidInput:
    """Find the path of what msgspec refused."""
    try:
        _Careful(limit).plain(value)
    except InvalidInput as found:
        return found
    except RecursionError:
        pass
    return InvalidInput(f"value cannot be encoded: {error}", field="$")


def fields_of_model(value: Any) -> Any:
    """Return what a model of pydantic holds, under the names it is read by."""
    return value.model_dump(by_alias=True)


class _Careful:
    """The slow walk: makes a value plain, or refuses it and names the path."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit  # an item takes a byte at least, so more items than bytes cannot fit
        self._path: list[str | int] = []
        self._open: set[int] = set()

    def plain(self, value: Any) -> Any:
        """Return the value in plain types and extensions."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            raise self._refused(f"is the enum member {value}", "pass its .value")
        for kind, convert in _SCALARS:
            if isinstance(value, kind):
                return self._scalar(convert, value)
        if isinstance(value, dict):
            return self._map(value, value.items())
        if isinstance(value, (list, tuple)):
            return self._list(value)
        if isinstance(value, msgspec.Struct):
            return self._map(value, _struct_items(value))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self._map(value, _dataclass_items(value))
        if callable(getattr(type(value), "model_dump", None)):  # pydantic's, not imported for it
            return self.plain(self._scalar(fields_of_model, value))
        raise self._refused(
            f"is a {_kind_name(value)}",
            "pass JSON types, bytes, datetime, date, timedelta, Decimal, UUID or a dataclass",
        )

    def _scalar(self, convert: Callable[[Any], Any], value: Any) -> Any:
        try:
            return convert(value)
        except _Unfit as error:
            raise self._refused(str(error)) from None
        except Exception as error:  # a subclass may override anything
            raise self._refused(f"is a {_kind_name(value)} that raised {error!r}") from error

    def _map(self, value: Any, items: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
        self._enter(value)
        made = {}
        for key, item in items:
            if not isinstance(key, str) or isinstance(key, Enum):
                raise self._refused(f"has the key {_shown(key)}, which is not text")
            self._path.append(key)
            made[self._scalar(_text, key)] = self.plain(item)
            self._path.pop()
        self._open.discard(id(value))
        return made

    def _list(self, value: Iterable[Any]) -> list[Any]:
        self._enter(value)
        made = []
        for index, item in enumerate(value):
            self._path.append(index)
            made.append(self.plain(item))
            self._path.pop()
        self._open.discard(id(value))
        return made

    def _enter(self, value: Any) -> None:
        if id(value) in self._open:
            raise self._refused("refers to itself")
        if len(self._path) >= _DEPTH:
            raise self._refused(f"is nested deeper than {_DEPTH} levels")
        self._open.add(id(value))
        self._left -= len(value) if isinstance(value, (dict, list, tuple)) else 1
        if self._left < 0:
            raise PayloadTooLarge(
                f"value has more than {self._limit:,} items, over the limit of bytes",
                field="$",
                hint="store it elsewhere and pass a reference",
            )

    def _refused(self, cause: str, hint: str = "") -> InvalidInput:
        path = _path_text(self._path)
        return InvalidInput(f"value at {path} {cause}", field=path, hint=hint)


class _Unfit(Exception):
    """A scalar that cannot be stored; the text completes "value at $.x ..."."""


def _text(value: str) -> str:
    text = str.__str__(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Unfit("holds a lone surrogate, which is not text") from None
    return text


def _integer(value: int) -> int:
    if not _LOWEST <= value <= _HIGHEST:
        raise _Unfit("is a whole number outside 64 bits: pass it as a Decimal or as text")
    return int(value)


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise _Unfit("is NaN or infinite: pass None or text")
    return float(value)


def _decimal(value: Decimal) -> Ext:
    if not value.is_finite():
        raise _Unfit("is NaN or infinite: pass None or text")
    return Ext(_DECIMAL, str(value).encode())


def _datetime(value: datetime) -> Ext:
    offset = value.utcoffset()
    if offset is not None and offset.microseconds:
        raise _Unfit("has a time zone with fractions of a second")  # Python misreads them
    # RFC 9557: the offset alone would lose the zone, and with it the next change of clocks.
    text = datetime.isoformat(value)
    zone = value.tzinfo
    if isinstance(zone, ZoneInfo) and zone.key:
        text += f"[{zone.key}]"
    return Ext(_DATETIME, text.encode())


def _read_datetime(text: str) -> datetime:
    stamp, _, zone = text.partition("[")
    value = datetime.fromisoformat(stamp)
    if not zone:
        return value
    here = ZoneInfo(zone.removesuffix("]"))
    for fold in (0, 1):
        local = value.replace(tzinfo=here, fold=fold)
        if local.utcoffset() == value.utcoffset():
            return local
    return value.astimezone(here)  # the rules of the zone changed since: keep the instant


# In this order: a datetime is a date.
_SCALARS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (str, _text),
    (int, _integer),
    (float, _number),
    ((bytes, bytearray, memoryview), bytes),
    (datetime, _datetime),
    (date, lambda value: Ext(_DATE, date.isoformat(value).encode())),
    (timedelta, lambda value: Ext(_TIMEDELTA, b"%d" % (value // _MICROSECOND))),
    (Decimal, _decimal),
    (UUID, lambda value: Ext(_UUID, value.bytes)),
)

_READERS: dict[int, Callable[[bytes], Any]] = {
    _DATETIME: lambda data: _read_datetime(data.decode()),
    _DATE: lambda data: date.fromisoformat(data.decode()),
    _TIMEDELTA: lambda data: timedelta(microseconds=int(data)),
    _DECIMAL: lambda data: Decimal(data.decode()),
    _UUID: lambda data: UUID(bytes=data),
    SEALED: Sealed,
    STORED: msgspec.msgpack.Decoder(Stored).decode,
}


def _read_extension(code: int, data: memoryview) -> Any:
    reader = _READERS.get(code)
    if reader is None:
        raise InvalidInput(
            f"stored value has the unknown extension code {code}",
            field="$",
            hint="a newer redflow wrote it, or the data is damaged",
        )
    return reader(bytes(data))


_unpack = msgspec.msgpack.Decoder(ext_hook=_read_extension).decode


def _struct_items(value: msgspec.Struct) -> list[tuple[Any, Any]]:
    config = value.__struct_config__
    tag = [] if config.tag is None else [(config.tag_field, config.tag)]
    names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
    items = [(shown, getattr(value, name)) for shown, name in names]
    return tag + [(shown, item) for shown, item in items if item is not msgspec.UNSET]


def _dataclass_items(value: Any) -> list[tuple[Any, Any]]:
    return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]


def _kind_name(value: object) -> str:
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return module + kind.__qualname__


def _shown(key: object) -> str:
    if isinstance(key, (str, int, float, bytes)) and len(text := ascii(key)) <= _KEY_CHARS:
        return text
    return f"(a {_kind_name(key)})"


def _path_text(path: list[str | int]) -> str:
    text = "$"
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier() and len(part) <= _KEY_CHARS:
            text += f".{part}"
        else:
            text += f"[{part[:_KEY_CHARS]!a}]"
    half = _PATH_CHARS // 2
    return text if len(text) <= _PATH_CHARS else f"{text[:half]}...{text[-half:]}"
