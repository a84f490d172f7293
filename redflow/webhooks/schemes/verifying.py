"""What schemes share: comparing in constant time, signed times, what tells deliveries apart."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redflow.defaults import WEBHOOK_SKEW
from redflow.model.webhook import SchemeOptions
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.refusals import Refused, Result

MOST_SIGNATURES = 16
"""Signatures of one delivery that are looked at: senders write one for each live secret."""

_TIME = re.compile(r"[0-9]{1,12}", re.ASCII)
_ID = re.compile(r"[!-~]{1,255}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A delivery that is the sender's: `id` is what the sender calls it, "" when it has no name.

    `key` tells it from others: the same key is the same delivery. b"" when nothing does.
    """

    id: str
    key: bytes


Verify = Callable[[Delivery, Sequence[str], SchemeOptions, float], Verified]
"""Delivery, live secrets, options, seconds since 1970; raises Refused."""


class UnfitSecret(Exception):
    """A secret that is none for its scheme; its text never shows it."""


def bad_signature() -> Refused:
    """Refuse a delivery that nobody signed who knows a secret."""
    return Refused(Result.SIGNATURE, "no signature fits")


def require_match(expected: Iterable[bytes], given: Sequence[bytes]) -> None:
    """Raise Refused unless one of the given signatures is one of those expected.

    All are compared, each in constant time, so that the time tells nothing.
    """
    found = 0
    for right in expected:
        for one in given[:MOST_SIGNATURES]:
            found |= hmac.compare_digest(right, one)
    if not found:
        raise bad_signature()


def require_time(text: str, now: float) -> None:
    """Raise Refused for a time over WEBHOOK_SKEW away, in the past or to come; after signatures."""
    if abs(now - int(text)) > WEBHOOK_SKEW:
        raise Refused(Result.TIME, "the time that was signed is too far from ours")


def is_time(text: str) -> bool:
    """Say whether a text is seconds since 1970, written as senders do."""
    return _TIME.fullmatch(text) is not None


def hex_digests(secrets: Sequence[str], message: bytes, algorithm: str = "sha256") -> list[bytes]:
    """Return the HMAC of a message under each secret, in hex."""
    return [hmac.new(one.encode(), message, algorithm).hexdigest().encode() for one in secrets]


def by_id(id: str) -> Verified:
    """A delivery that is known by an id the sender signed."""
    return Verified(id, b"id:" + id.encode())


def by_message(message: bytes, id: str = "") -> Verified:
    """A delivery that is known by what was signed.

    That is the same as by its signature, but for a sender that signs with two secrets: whoever
    repeats it with the other of the two signatures repeats the same message.
    """
    return Verified(id, b"signed:" + hashlib.sha256(message).digest())


def signed_id(body: bytes, field: str) -> str:
    """Return the id that stands in a JSON body, which was signed; "" when there is none."""
    found = json_of(body)
    id = found.get(field) if isinstance(found, dict) else None
    return id if isinstance(id, str) and _ID.fullmatch(id) else ""


def json_of(body: bytes) -> Any:
    """Return a body that is JSON, else None."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
