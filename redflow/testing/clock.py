"""The time that scripts see: it stands still until a test moves it."""

from __future__ import annotations

import time
from bisect import bisect_left
from dataclasses import fields
from datetime import datetime
from typing import Any

from redflow.errors import InvalidInput
from redflow.model.execution import instant, milliseconds_of
from redflow.store.space import Limits


class VirtualClock:
    """Milliseconds since 1970, moved forward by hand; begins at the real time unless told."""

    def __init__(self, start: datetime | None = None) -> None:
        if start is not None and start.utcoffset() is None:
            raise InvalidInput(
                f"start {start} has no time zone",
                field="start",
                hint="write datetime(2030, 1, 31, 9, tzinfo=UTC)",
            )
        self.now = _real() if start is None else milliseconds_of(start)
        self._real = [0]
        self._virtual = [self.now]

    @property
    def time(self) -> datetime:
        """What it shows."""
        return instant(self.now)

    def move(self, to: int) -> None:
        """Show a later time; an earlier one changes nothing."""
        if to > self.now:
            self.now = to
            self._real.append(_real())
            self._virtual.append(to)

    def virtual(self, real: datetime) -> datetime:
        """What it showed at a real time: servers count ids of stream entries by their own clock."""
        at = bisect_left(self._real, milliseconds_of(real)) - 1
        return instant(self._virtual[max(at, 0)])


class ClockLimits(Limits):
    """The usual limits, with a `now` that follows a clock."""

    def __init__(self, clock: VirtualClock) -> None:
        usual = Limits()
        for field in fields(Limits):
            if field.name != "now":
                object.__setattr__(self, field.name, getattr(usual, field.name))
        object.__setattr__(self, "clock", clock)

    def __getattribute__(self, name: str) -> Any:
        if name == "now":
            return object.__getattribute__(self, "clock").now
        return object.__getattribute__(self, name)


def _real() -> int:
    return int(time.time() * 1000)
