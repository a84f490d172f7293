"""Identifies an input, so that a start that is repeated can be told from another one."""

import msgspec

from redflow.model.ids import short_hash

_CHARS = 13
"""65 bits: enough to tell an input from another one given under the same id by mistake."""

_sorted = msgspec.msgpack.Encoder(order="deterministic").encode
_plain = msgspec.msgpack.Decoder().decode


def digest_of(data: bytes) -> str:
    """Return the digest of an encoded value; maps that are equal have one, whatever their order."""
    return short_digest(canonical(data))


def canonical(data: bytes) -> bytes:
    """Return an encoded value with its maps in order."""
    return _sorted(_plain(data))


def short_digest(data: bytes) -> str:
    """Return the digest of bytes."""
    return short_hash(data, _CHARS)
