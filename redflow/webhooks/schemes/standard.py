"""Standard Webhooks 1.0.0: `id.timestamp.body`, HMAC-SHA256 (`v1`) or ed25519 (`v1a`)."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from redflow.model.webhook import SchemeOptions
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.schemes.verifying import (
    MOST_SIGNATURES,
    UnfitSecret,
    Verified,
    bad_signature,
    by_id,
    is_time,
    require_match,
    require_time,
)

SECRET, PUBLIC = "whsec_", "whpk_"
_SHORTEST, _LONGEST, _PUBLIC_BYTES = 24, 64, 32
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # no dot: it divides what is signed


def verify_standard(
    delivery: Delivery, secrets: Sequence[str], options: SchemeOptions, now: float
) -> Verified:
    """Verify `webhook-signature`; the id is signed, so it tells one delivery from another."""
    id, time = delivery.header("webhook-id"), delivery.header("webhook-timestamp")
    if not _ID.fullmatch(id) or not is_time(time):
        raise bad_signature()
    message = f"{id}.{time}.".encode() + delivery.body
    symmetric = [_decoded(one, SECRET) for one in secrets if not one.startswith(PUBLIC)]
    public = [_decoded(one, PUBLIC) for one in secrets if one.startswith(PUBLIC)]
    given = delivery.header("webhook-signature").split(" ")
    if not _fits_public(public, message, _of_version(given, "v1a")):
        expected = [base64.b64encode(hmac.digest(key, message, "sha256")) for key in symmetric]
        require_match(expected, _of_version(given, "v1"))
    require_time(time, now)
    return by_id(id)


def _of_version(given: Sequence[str], version: str) -> list[bytes]:
    parted = (one.partition(",") for one in given[:MOST_SIGNATURES])
    return [text.encode() for found, _, text in parted if found == version]


def _fits_public(keys: Sequence[bytes], message: bytes, given: Sequence[bytes]) -> bool:
    """Say whether one of the keys verifies; nothing here is secret, so time may tell."""
    return any(_is_signed(key, message, one) for key in keys for one in given)


def _is_signed(key: bytes, message: bytes, given: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            base64.b64decode(given, validate=True), message
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(secret: str, prefix: str) -> bytes:
    """Return the bytes of a key; raises UnfitSecret, which does not show it."""
    try:
        key = base64.b64decode(secret.removeprefix(prefix), validate=True)
    except ValueError:
        key = b""
    if len(key) == _PUBLIC_BYTES if prefix == PUBLIC else _SHORTEST <= len(key) <= _LONGEST:
        return key
    raise UnfitSecret(
        f"it is not {SECRET} and the base64 of {_SHORTEST} to {_LONGEST} bytes, nor {PUBLIC} and"
        f" that of {_PUBLIC_BYTES}"
    )
