"""Durations as people write them: seconds, "1.5s", "500ms", "5m", "2h", "1d" or a timedelta."""

import math
import re
from datetime import timedelta

from redflow.errors import InvalidInput

_TEXT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

# Ten years: beyond it a duration is a mistake, and milliseconds stay exact in Lua.
_LONGEST = 10 * 365 * 86400.0


def seconds(value: object, *, positive: bool = False, field: str = "duration") -> float:
    """Return the duration in seconds; `positive` refuses zero. Raise InvalidInput."""
    result = _parse(value, field)
    if not 0 <= result <= _LONGEST:  # NaN and infinity fail here too
        raise InvalidInput(
            f"{field} {_shown(value)} is out of range; allowed are 0 seconds to 10 years",
            field=field,
        )
    if positive and result == 0:
        raise InvalidInput(f"{field} {_shown(value)} must be more than zero", field=field)
    return result


def _parse(value: object, field: str) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _as_float(value)
    match = _TEXT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidInput(
            f"{field} {_shown(value)} is not a duration",
            field=field,
            hint='write 1.5, "30s" or "5m"',
        )
    return float(match[1]) * _UNITS[match[2]]


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    if isinstance(value, int) and not -(10**20) < value < 10**20:
        return "(a number of over 20 digits)"  # printing it may itself be refused
    if isinstance(value, (str, int, float, timedelta)):
        return ascii(value)[:80]
    return f"(a {type(value).__name__})"
