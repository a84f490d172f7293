"""The bytes of a sealed value: what is clear about it, in front of what is not.

    version 1 | length of key id 1 | key id | salt 16 | length of origin 2 | origin | nonce 12
    | ciphertext | tag 16

Everything in front of the nonce is authenticated with the ciphertext.
"""

from __future__ import annotations

from typing import NamedTuple

from redflow.errors import DecryptionFailed

VERSION = 1
SALT, NONCE, TAG = 16, 12, 16
LONGEST_ORIGIN = 2**16 - 1


class Envelope(NamedTuple):
    """A sealed value, taken apart; `clear` is what is authenticated but not encrypted."""

    key_id: str
    salt: bytes
    origin: bytes
    clear: bytes
    nonce: bytes
    ciphertext: bytes


def prefix_of(key_id: str, salt: bytes) -> bytes:
    """The part that all values of one sealing key have in common."""
    name = key_id.encode()
    return bytes([VERSION, len(name)]) + name + salt


def clear_part(prefix: bytes, origin: bytes) -> bytes:
    """What stands in front of the nonce."""
    return prefix + len(origin).to_bytes(2, "big") + origin


def read_envelope(data: bytes) -> Envelope:
    """Take a sealed value apart; raises DecryptionFailed for what is none."""
    if data[:1] != bytes([VERSION]):
        raise DecryptionFailed(
            "a sealed value has a form that this redflow does not know",
            hint="a newer redflow sealed it, or something else wrote to it",
        )
    at_salt = 2 + data[1] if len(data) > 1 else 0
    at_origin = at_salt + SALT + 2
    length = int.from_bytes(data[at_salt + SALT : at_origin], "big")
    at_nonce = at_origin + length
    at_text = at_nonce + NONCE
    if len(data) < at_text + TAG:
        raise damaged("it is cut off")
    try:
        key_id = data[2:at_salt].decode("ascii")
    except UnicodeDecodeError:
        raise damaged("its key id is no text") from None
    return Envelope(
        key_id,
        data[at_salt : at_salt + SALT],
        data[at_origin:at_nonce],
        data[:at_nonce],
        data[at_nonce:at_text],
        data[at_text:],
    )


def damaged(cause: str) -> DecryptionFailed:
    """The error for a value that is not what was sealed."""
    return DecryptionFailed(
        f"a sealed value was changed after it was sealed: {cause}",
        hint="something else wrote to Redis: restore it from a backup, or start again",
    )
