"""What travels with an execution beside its input: a small map of named parts.

Every token of an execution carries it, and so do its children and reruns, so it is kept small. To
Lua and to Redis it is opaque. Each part belongs to one reader, which ignores all others; parts of a
newer redflow are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from redflow.errors import InvalidInput

TRACE: Final = "trace"
"""The trace an execution belongs to; read by `redflow.tracing`."""

PRINCIPAL: Final = "principal"
"""On whose behalf it runs; read by `redflow.auth`."""

REQUEST: Final = "request"
"""The id of the request that started it, a text; read by `redflow.logs`."""

HEADERS_LIMIT: Final = 1024
"""Bytes, as stored."""

_encoder = msgspec.msgpack.Encoder()
_map = msgspec.msgpack.Decoder(dict[str, Any])
_bytes = msgspec.msgpack.Decoder(bytes)
_BINARY = (0xC4, 0xC5, 0xC6)
"""First bytes of MessagePack's byte strings; a map begins with another."""


def encode_headers(parts: Mapping[str, Any]) -> bytes:
    """Encode named parts as an execution stores them; b"" when there are none.

    Values are plain MessagePack: texts, numbers, bytes, lists, maps. Raises InvalidInput over the
    limit, naming the largest part.
    """
    if not parts:
        return b""
    data = _encoder.encode(_encoder.encode(dict(parts)))
    if len(data) > HEADERS_LIMIT:
        largest = max(parts, key=lambda name: len(_encoder.encode(parts[name])))
        raise InvalidInput(
            f"headers of an execution have {len(data):,} bytes, over the {HEADERS_LIMIT:,}",
            field=largest,
            hint=f"shorten {largest!r}, the largest part",
        )
    return data


def decode_headers(data: bytes | None) -> dict[str, Any]:
    """Decode what an execution stores, or what a token's envelope hands out of it.

    No headers are no parts. Raises InvalidInput when they are damaged.
    """
    if not data:
        return {}
    try:
        return _map.decode(_bytes.decode(data) if data[0] in _BINARY else data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidInput(f"headers cannot be decoded: {error}", field="headers") from error
