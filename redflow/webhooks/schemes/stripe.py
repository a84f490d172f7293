"""Stripe: `Stripe-Signature: t=...,v1=...` over `t.body`; the event's id stands in the body."""

from __future__ import annotations

from collections.abc import Sequence

from redflow.model.webhook import SchemeOptions
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.schemes.verifying import (
    Verified,
    bad_signature,
    by_id,
    by_message,
    hex_digests,
    is_time,
    require_match,
    require_time,
    signed_id,
)


def verify_stripe(
    delivery: Delivery, secrets: Sequence[str], options: SchemeOptions, now: float
) -> Verified:
    """Verify a `v1` signature; a retry has another time and the same event, so the event counts."""
    items = [one.strip().partition("=") for one in delivery.header("stripe-signature").split(",")]
    times = [text for name, _, text in items if name == "t"]
    if len(times) != 1 or not is_time(times[0]):
        raise bad_signature()
    message = f"{times[0]}.".encode() + delivery.body
    given = [text.encode() for name, _, text in items if name == "v1"]
    require_match(hex_digests(secrets, message), given)
    require_time(times[0], now)
    event = signed_id(delivery.body, "id")
    return by_id(event) if event else by_message(message)
