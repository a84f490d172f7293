"""The functions now, date and duration."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from redflow.errors import InvalidInput
from redflow.expressions.errors import Refused, shorten
from redflow.expressions.values import SCOPE, Frame, kind
from redflow.model.durations import seconds

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d.{0,30})?", re.ASCII)


def now(frame: Frame) -> datetime:
    """Return the time of this evaluation; a scope that has `now` says what time it is."""
    given = frame[SCOPE].get("now")
    time: datetime = datetime.now(UTC) if given is None else given
    frame[SCOPE] = {"now": time}
    return time


def to_time(frame: Frame, value: Any) -> datetime:
    """Make a time with a zone, UTC when the value says none."""
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            value = datetime.fromisoformat(value)
        elif type(value) in (int, float):
            value = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        pass
    if not isinstance(value, datetime):
        what = repr(shorten(value, 40)) if isinstance(value, str) else kind(value)
        raise Refused(f"{what} is not a date", 'write "2030-01-31" or "2030-01-31T09:00:00Z"')
    return value if value.utcoffset() is not None else value.replace(tzinfo=UTC)


def to_duration(frame: Frame, value: Any) -> timedelta:
    """Make a duration of seconds or of a text such as "1.5s", "5m", "2h", "1d"."""
    try:
        return timedelta(seconds=seconds(value))
    except InvalidInput as error:
        raise Refused(str(error.args[0]), error.hint) from None
