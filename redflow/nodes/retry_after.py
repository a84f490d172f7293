"""When a server that is busy wants to be asked again: the header Retry-After of RFC 9110."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 86_400.0
"""Seconds: a server does not put a step off for more than a day."""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds to wait, None when the reply does not say.

    A time is taken relative to the server's own `date`, so that clocks which differ do no harm.
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return min(float(said[:9]), LONGEST)
    until = _time(said)
    if until is None:
        return None
    start = _time(headers.get("date", "")) or now
    return min(max(0.0, (until - start).total_seconds()), LONGEST)


def _time(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
