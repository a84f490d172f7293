"""Values as JSON: exact where JSON can, text where it cannot, and shut ones named as such."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from redflow.crypto.envelope import read_envelope
from redflow.model.codec import Sealed, Stored

_encoder = msgspec.json.Encoder(decimal_format="string")


def to_json(document: Any) -> bytes:
    """Encode an answer: dates in ISO 8601, bytes in base64, decimals and UUIDs as text."""
    return _encoder.encode(document)


def plain(value: Any) -> Any:
    """Return a user's value as JSON shows it; what is sealed names its key, and stays shut."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Sealed):
        return {"$sealed": read_envelope(value.data).key_id}
    if isinstance(value, Stored):
        return {"$stored": {"size": value.size}}
    return value
