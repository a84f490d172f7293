"""Redis' time as this worker knows it: for measuring waits, never for deciding."""

from __future__ import annotations

import time


class RedisClock:
    """Milliseconds of Redis, carried forward from its last answer."""

    def __init__(self) -> None:
        self._offset = time.time() * 1000 - time.monotonic() * 1000

    def set(self, now: int) -> None:
        """Redis has just said what time it is."""
        self._offset = now - time.monotonic() * 1000

    def now(self) -> int:
        """What Redis would say now."""
        return round(time.monotonic() * 1000 + self._offset)
