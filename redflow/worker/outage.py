"""Waiting out an outage: one line in the log when it begins, one when it is over."""

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


class Outage:
    """Failures of one kind of call in a row; workers never give up."""

    def __init__(self, what: str, *, longest: float = LONGEST) -> None:
        self._what = what
        self._longest = longest
        self._failures = 0
        self._since = 0.0
        self.ambiguous: set[TokenKey] = set()
        self.lost_reply = False
        """A reply may have been lost: what it claimed stands in this worker's pending list."""

    @property
    def active(self) -> bool:
        """Whether the last call failed."""
        return self._failures > 0

    async def wait(self, error: StoreError, keys: Iterable[TokenKey] = ()) -> None:
        """Rest before the next try, longer each time, with full jitter."""
        if not self._failures:
            self._since = time.monotonic()
            LOGGER.warning("%s: %s; keeping everything and trying again", self._what, error)
        self._failures += 1
        if isinstance(error, Unavailable) and error.ambiguous:
            self.lost_reply = True
            self.ambiguous.update(keys)
        longest = min(self._longest, FIRST * 2 ** min(self._failures, 10))
        await asyncio.sleep(longest * random.random())

    def over(self) -> None:
        """A call has succeeded."""
        if self._failures:
            self._failures = 0
            LOGGER.warning(
                "%s works again after %.1f s", self._what, time.monotonic() - self._since
            )

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
