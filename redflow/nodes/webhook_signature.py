"""Signatures of outgoing webhooks, as Standard Webhooks 1.0.0 has them: HMAC-SHA256, `v1`."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from redflow.nodes.base import UnfitInput

PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_ID_CHARS = 26


def message_id(idempotency_key: str) -> str:
    """Return the id of a message: the same for every attempt, and without the dot that divides
    what is signed.
    """
    digest = hashlib.sha256(idempotency_key.encode()).digest()
    return "msg_" + base64.b32encode(digest).decode().lower()[:_ID_CHARS]


def signing_key(text: str, name: str) -> bytes:
    """Decode a `whsec_` key of 24 to 64 bytes; raise UnfitInput that names the secret alone."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not text.startswith(PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
        raise UnfitInput(
            f"secret {name!r} is no key for signing webhooks",
            field="secret",
            hint=f"store {PREFIX} and the base64 of {_SHORTEST} to {_LONGEST} random bytes",
        )
    return key


def signature(keys: Sequence[bytes], message: str, timestamp: int, body: bytes) -> str:
    """Sign a message with every key; receivers accept any of the signatures."""
    signed = f"{message}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signed_with(key, signed)}" for key in keys)


def _signed_with(key: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
