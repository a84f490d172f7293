"""Slack: `X-Slack-Signature` over `v0:timestamp:body`; events have an id, commands have none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redflow.model.webhook import SchemeOptions
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.schemes.verifying import (
    Verified,
    bad_signature,
    by_id,
    by_message,
    hex_digests,
    is_time,
    json_of,
    require_match,
    require_time,
    signed_id,
)


def verify_slack(
    delivery: Delivery, secrets: Sequence[str], options: SchemeOptions, now: float
) -> Verified:
    """Verify the signature; a retry has another time and the same `event_id`."""
    time = delivery.header("x-slack-request-timestamp")
    if not is_time(time):
        raise bad_signature()
    message = f"v0:{time}:".encode() + delivery.body
    expected = [b"v0=" + one for one in hex_digests(secrets, message)]
    require_match(expected, [delivery.header("x-slack-signature").encode()])
    require_time(time, now)
    event = signed_id(delivery.body, "event_id")
    return by_id(event) if event else by_message(message)


def greeting_of(delivery: Delivery) -> dict[str, Any] | None:
    """Return the answer when Slack asks whether this address is ours; else None."""
    found = json_of(delivery.body)
    if not isinstance(found, dict) or found.get("type") != "url_verification":
        return None
    challenge = found.get("challenge")
    return {"challenge": challenge} if isinstance(challenge, str) else None
