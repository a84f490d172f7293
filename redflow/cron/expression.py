"""A cron expression in a time zone: its ticks, in seconds since 1970, forwards and backwards.

croniter does the arithmetic, but for one thing: when clocks go back it gives a tick at a named hour
twice. What is meant to happen at half past two happens once a day, so the second is left out here,
as it is for every hour that is named (`2`, `2,14`, `1-5`). What runs at any hour (`*`, `*/2`)
follows real time and does repeat. When clocks go forward, a tick that would fall into the gap comes
when the gap ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterBadDateError, CroniterError

from redflow.errors import InvalidInput

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_FIELD = re.compile(r"[0-9A-Za-z*/,#?-]+")
_MADE_UP = re.compile(r"(?:^|,)[hr](?:$|[(/,])", re.IGNORECASE)
"""Fields that croniter fills in by a hash or at random: no two processes would agree on them."""

_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression; `parse` makes it."""

    cron: str
    timezone: str
    zone: ZoneInfo
    once: bool
    """Whether its hours are named, so that none is meant twice when clocks go back."""

    def after(self, instant: int) -> Iterator[int]:
        """Yield the ticks behind an instant, in seconds; ends when none comes in fifty years."""
        return self._walk(instant, back=False)

    def before(self, instant: int) -> Iterator[int]:
        """Yield the ticks ahead of an instant, newest first."""
        return self._walk(instant, back=True)

    def _walk(self, instant: int, *, back: bool) -> Iterator[int]:
        start = datetime.fromtimestamp(instant, self.zone)
        ticks = croniter(self.cron, start, second_at_beginning=False)
        step = ticks.get_prev if back else ticks.get_next
        while True:
            try:
                tick = round(step(float))
            except CroniterBadDateError:
                return
            if not (self.once and datetime.fromtimestamp(tick, self.zone).fold):
                yield tick


@lru_cache(maxsize=1024)
def parse(cron: str, timezone: str) -> Expression:
    """Check an expression of five fields, or six with seconds last, and the name of a time zone.

    Raises InvalidInput, also for an expression that never comes true.
    """
    zone, text = _zone(timezone), NAMED.get(cron.strip().lower(), cron)
    fields = text.split()
    _check_fields(cron, fields)
    try:
        hours = croniter.expand(text)[0][1]
    except (CroniterError, ValueError) as error:
        raise _bad(cron, str(error)) from None
    named = "*" not in fields[1] and "*" not in hours  # 0-23 is the same as *
    expression = Expression(" ".join(fields), timezone, zone, named)
    if not list(islice(expression.after(0), 1)):
        raise _bad(cron, "no such date ever comes")
    return expression


def _check_fields(cron: str, fields: list[str]) -> None:
    if len(cron) > _LONGEST:
        raise _bad(cron[:80], f"it has more than {_LONGEST} characters")
    if len(fields) not in (5, 6):
        raise _bad(cron, f"it has {len(fields)} fields")
    for field in fields:
        if not _FIELD.fullmatch(field) or _MADE_UP.search(field):
            raise _bad(cron, f"{field!a} cannot be read")


def _bad(cron: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"cron expression {cron!a} is refused: {why}",
        field="cron",
        hint="give minute, hour, day of month, month, day of week, and seconds last if wanted:"
        ' "0 2 * * *" is two in the night',
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found, no name at all, a directory of zones
        raise InvalidInput(
            f"time zone {ascii(name)[:80]} is not known",
            field="timezone",
            hint='give the name of the IANA database: "Europe/Berlin", "UTC"',
        ) from None
