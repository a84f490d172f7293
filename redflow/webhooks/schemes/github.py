"""GitHub: `X-Hub-Signature-256` over the body; its delivery id is not signed."""

from __future__ import annotations

from collections.abc import Sequence

from redflow.model.webhook import SchemeOptions
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.schemes.verifying import Verified, by_message, hex_digests, require_match


def verify_github(
    delivery: Delivery, secrets: Sequence[str], options: SchemeOptions, now: float
) -> Verified:
    """Verify the signature. There is no time in it, so only the body tells what was there before.

    Whoever has seen one delivery may write another id over it: the id is shown and never trusted.
    """
    expected = [b"sha256=" + one for one in hex_digests(secrets, delivery.body)]
    require_match(expected, [delivery.header("x-hub-signature-256").encode()])
    return by_message(delivery.body, delivery.header("x-github-delivery"))
