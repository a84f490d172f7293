"""Finds sealed values in what is stored, and seals them with the newest key."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from redflow.crypto.crypto import Crypto
from redflow.crypto.envelope import VERSION, Envelope, read_envelope
from redflow.errors import DecryptionFailed, KeyMissing
from redflow.model import codec

# The three headers of a MessagePack extension that has no fixed size, and the envelope's version.
_HEADER = re.compile(b"(?:\xc7(.)|\xc8(..)|\xc9(....))" + bytes([codec.SEALED, VERSION]), re.DOTALL)
_pack = msgspec.msgpack.Encoder().encode


class Found(NamedTuple):
    """A sealed value in some bytes: where it stands, its header included."""

    start: int
    end: int
    envelope: Envelope


def sealed_in(data: bytes) -> list[Found]:
    """Return the sealed values in a stored field or token, from the left."""
    found: list[Found] = []
    at = 0
    while (match := _HEADER.search(data, at)) is not None:
        length = int.from_bytes(next(one for one in match.groups() if one is not None), "big")
        start = match.end() - 1  # the version belongs to the envelope
        at = match.start() + 1
        if start + length > len(data):
            continue
        try:
            envelope = read_envelope(data[start : start + length])
        except DecryptionFailed:
            continue
        found.append(Found(match.start(), start + length, envelope))
        at = start + length
    return found


def key_ids_in(data: bytes) -> list[str]:
    """Return the key of every sealed value in a stored field or token."""
    return [one.envelope.key_id for one in sealed_in(data)]


def resealed(data: bytes, crypto: Crypto) -> bytes:
    """Return the same bytes with every sealed value under the newest key.

    One that cannot be opened stays as it is: it is counted under its key as before.
    """
    parts, at = [], 0
    for one in sealed_in(data):
        if one.envelope.key_id == crypto.current_id:
            continue
        try:
            plain = crypto.decrypt(one.envelope)
        except (DecryptionFailed, KeyMissing):
            continue
        parts += [
            data[at : one.start],
            _pack(codec.sealed(crypto.seal(plain, one.envelope.origin))),
        ]
        at = one.end
    return b"".join([*parts, data[at:]])
