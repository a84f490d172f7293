"""A key in a header: shows who sent a delivery, and nothing about what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from redflow.model.webhook import SchemeOptions
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.schemes.unsigned import by_key_header
from redflow.webhooks.schemes.verifying import Verified, require_match


def verify_api_key(
    delivery: Delivery, secrets: Sequence[str], options: SchemeOptions, now: float
) -> Verified:
    """Verify the key; whoever has it is trusted with `Idempotency-Key` as well."""
    given = delivery.header(options.header)
    expected = [_digest(options.prefix + secret) for secret in secrets]
    require_match(expected, [_digest(given)])
    return by_key_header(delivery)


def _digest(text: str) -> bytes:
    """Make texts of one length of it: comparing others would tell how long the key is."""
    return hashlib.sha256(text.encode()).digest()
