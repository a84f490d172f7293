"""Any other HMAC of the body, in a header, with or without a time that is signed as well."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence

from redflow.model.webhook import SchemeOptions
from redflow.webhooks.delivery import Delivery
from redflow.webhooks.schemes.verifying import (
    Verified,
    bad_signature,
    by_message,
    is_time,
    require_match,
    require_time,
)


def verify_hmac(
    delivery: Delivery, secrets: Sequence[str], options: SchemeOptions, now: float
) -> Verified:
    """Verify the signature that the options describe; the same message is the same delivery."""
    message, time = delivery.body, ""
    if options.timestamp_header:
        time = delivery.header(options.timestamp_header)
        if not is_time(time):
            raise bad_signature()
        message = f"{time}.".encode() + message
    given = delivery.header(options.header)
    expected = [options.prefix.encode() + _signature(one, message, options) for one in secrets]
    require_match(expected, [given.encode()])
    if time:
        require_time(time, now)
    return by_message(message)


def _signature(secret: str, message: bytes, options: SchemeOptions) -> bytes:
    digest = hmac.digest(secret.encode(), message, options.algorithm)
    return base64.b64encode(digest) if options.encoding == "base64" else digest.hex().encode()
