"""Keeps the blocking read turning: one that does not come back is made anew, then the worker ends.

Every call of the driver is bounded, so this is for what no bound of the driver reaches: a library
that waits for what never comes. Only the blocking read is watched. It is what makes a healthy
looking worker do nothing; the calls of the pump and of the sweeper are given ANSWER_SECONDS by the
driver, and while one of them hangs all the same, the others and the heartbeat go on.

An outage is no reason to give up: while sweeps are not answered, the reader is not judged.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from redflow.driver import AsyncDriver
from redflow.errors import RedflowError
from redflow.worker.outage import Outage
from redflow.worker.reader import Reader

LOGGER = logging.getLogger("redflow.worker")

BLOCKS = 3
ANSWER = 5.0
"""A turn may take so many of the longest blocks, and the seconds an answer may take."""

LOOKS = 10
"""Looks in that time. They are counted, not timed: a loop or a process that stood still for an
hour has looked once, and its reader is not to blame."""

RENEWALS = 3
"""In a row, without one turn between them, before the worker gives up."""


class WedgedReader(RedflowError):
    """The blocking read does not come back, whatever its connection: the worker stops."""


class Watchdog:
    """Runs the reader and watches that it turns."""

    def __init__(
        self, reader: Reader, driver: AsyncDriver, outage: Outage, *, interval: float
    ) -> None:
        """`outage` is that of a part that asks all the time, whatever the reader does."""
        self._reader = reader
        self._driver = driver
        self._outage = outage
        self._reading: asyncio.Task[None] | None = None
        self.limit = BLOCKS * interval + ANSWER
        """Seconds a turn may take."""
        self.renewals = 0

    async def run(self) -> None:
        """Read until cancelled; raises WedgedReader, and whatever the reader raises."""
        in_a_row = 0
        try:
            while True:
                reading = self._begin()
                if await self._turns(reading):
                    in_a_row = 0
                    continue
                if in_a_row == RENEWALS:
                    raise WedgedReader(
                        f"the blocking read has not come back for {self.limit:g} s,"
                        f" {RENEWALS} times after its connections were made anew",
                        hint="start the worker again, and report what its log says",
                    )
                in_a_row += 1
                await self._renew(reading)
        finally:
            await self._end()

    def _begin(self) -> asyncio.Task[None]:
        if self._reading is None:
            self._reading = asyncio.create_task(self._reader.run())
        return self._reading

    async def _turns(self, reading: asyncio.Task[None]) -> bool:
        """Whether the reader turns before it is too late; raises what ended it."""
        before = self._reader.turned
        for _ in range(LOOKS):
            await asyncio.wait({reading}, timeout=self.limit / LOOKS)
            if reading.done():
                reading.result()
            # Until its first beat is answered a worker does not know what it may read.
            turned = self._reader.turned
            if turned is None or turned != before or self._outage.active:
                return True
        return False

    async def _renew(self, reading: asyncio.Task[None]) -> None:
        """Drop the connections, and the read that waits for them; what it had won is adopted."""
        self.renewals += 1
        LOGGER.warning(
            "the blocking read has not come back for %.1f s: its connections are made anew",
            self.limit,
        )
        self._reader.lost_reply()
        await self._driver.renew_reading()
        reading.cancel()
        await asyncio.wait({reading}, timeout=1.0)
        if reading.done():  # else it is asked again: two would win more than there is room for
            self._reading = None

    async def _end(self) -> None:
        """End the reader; what it waits in may swallow a cancel, so it is asked again."""
        reading = self._reading
        while reading is not None and not reading.done():
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({reading}, timeout=1.0)
