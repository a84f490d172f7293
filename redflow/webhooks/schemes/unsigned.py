"""No scheme at all: the path is the only secret, and that of a workflow is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from redflow.model.webhook import SchemeOptions
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.schemes.verifying import Verified, by_id

KEY_HEADER = "idempotency-key"
_KEY = re.compile(r"[!-~]{1,255}")


def verify_nothing(
    delivery: Delivery, secrets: Sequence[str], options: SchemeOptions, now: float
) -> Verified:
    """Take whatever comes; a sender that repeats itself says so by `Idempotency-Key`."""
    return by_key_header(delivery)


def by_key_header(delivery: Delivery) -> Verified:
    """Tell a delivery by what its sender calls it, if it does; without it each is another one."""
    key = delivery.header(KEY_HEADER)
    return by_id(key) if _KEY.fullmatch(key) else Verified("", b"")
