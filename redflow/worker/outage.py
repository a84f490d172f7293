"""Waiting out an outage: a line in the log when it begins, one when it is over, and never many."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterable

from redflow.errors import StoreError, Unavailable
from redflow.worker.claims import TokenKey

LOGGER = logging.getLogger("redflow.worker")

FIRST, LONGEST = 0.05, 2.0
APART = 10.0
"""Seconds between two outages that the log tells of: one that comes and goes fills no disk."""


class Outage:
    """Failures of one kind of call in a row; workers never give up."""

    def __init__(self, what: str, *, longest: float = LONGEST) -> None:
        self._what = what
        self._longest = longest
        self._failures = 0
        self._since = 0.0
        self._told = False
        self._told_at = float("-inf")
        self.ambiguous: set[TokenKey] = set()
        self.lost_reply = False
        """A reply may have been lost: what it claimed stands in this worker's pending list."""

    @property
    def active(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    @property
    def lasts(self) -> float:
        """Seconds since the first failure of those in a row; 0 when the last call succeeded."""
        return time.monotonic() - self._since if self._failures else 0.0

    async def wait(self, error: StoreError, keys: Iterable[TokenKey] = ()) -> None:
        """Rest before the next try, longer each time, with full jitter."""
        if not self._failures:
            self._since = time.monotonic()
        self._failures += 1
        self._tell(error)
        if isinstance(error, Unavailable) and error.ambiguous:
            self.lost_reply = True
            self.ambiguous.update(keys)
        longest = min(self._longest, FIRST * 2 ** min(self._failures, 10))
        await asyncio.sleep(longest * random.random())

    def over(self) -> None:
        """A call has succeeded."""
        if self._told:
            LOGGER.warning("%s works again after %.1f s", self._what, self.lasts)
        self._failures, self._told = 0, False

    def _tell(self, error: StoreError) -> None:
        """Tell of this outage once; of one that comes soon after another only if it lasts."""
        now = time.monotonic()
        if not self._told and now - self._told_at >= APART:
            self._told, self._told_at = True, now
            LOGGER.warning("%s: %s; keeping everything and trying again", self._what, error)

    def was_ambiguous(self, key: TokenKey) -> bool:
        """Whether an outcome was sent before by a call whose reply was lost; asked once."""
        if key in self.ambiguous:
            self.ambiguous.discard(key)
            return True
        return False


def is_refusal(error: StoreError) -> bool:
    """Whether Redis called the question itself a mistake: the same will be refused for ever."""
    return type(error) is StoreError and not lost_groups(error)


def lost_groups(error: StoreError) -> bool:
    """Whether streams or their groups are gone: after FLUSHALL, or XGROUP DESTROY."""
    return "NOGROUP" in str(error) or "UNBLOCKED" in str(error)
