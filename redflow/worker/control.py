"""Hears at once what a heartbeat would tell later: which executions stop, which queues pause.

A message is a hint and nothing more: what it says is asked for, and the answer counts. So a message
that is lost, late or false costs a question.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from redflow.errors import StoreError, Unavailable
from redflow.worker.claims import Claims, Held
from redflow.worker.outage import Outage
from redflow.worker.renewal import MOST_LEASES, renewal_of
from redflow.worker.shared import Shared

LOGGER = logging.getLogger("redflow.worker")

LONGEST = 10.0
"""Seconds between two tries at the most: it may be denied for ever, and beats say the same."""


class Control:
    """Listens to the control channels of all partitions, on a connection of its own."""

    def __init__(self, shared: Shared, claims: Claims, beat_now: Callable[[], None]) -> None:
        self._driver = shared.driver
        self._space = shared.space
        self._settings = shared.settings
        self._claims = claims
        self._beat_now = beat_now
        self._stopping: set[str] = set()
        self._asking: asyncio.Task[None] | None = None
        self.outage = Outage("control channel", longest=LONGEST)
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled; what is said while nobody listens comes with the next beat."""
        channels = [f"{partition.prefix}control" for partition in self._space.keys]
        while True:
            try:
                await self._driver.listen(channels, self._hear, self._ready)
            except StoreError as error:
                self.listening.clear()
                await self.outage.wait(error)
            except Exception as error:  # no message may be the worker's end
                LOGGER.exception("the control channel cannot be read")
                self.listening.clear()
                await self.outage.wait(Unavailable(repr(error)))

    async def close(self) -> None:
        """Ask nothing more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _ready(self) -> None:
        self.outage.over()
        self.listening.set()

    def _hear(self, message: bytes) -> None:
        word, _, execution = message.decode(errors="replace").partition(" ")
        if word == "paused":
            self._beat_now()
        elif word == "stop" and self._claims.of_execution(execution):
            self._stopping.add(execution)
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        """Renew the leases of what may have to stop: the answer says whether it has to."""
        while self._stopping:
            now, execution = time.monotonic(), self._stopping.pop()
            held = [one for one in self._claims.of_execution(execution) if not one.overdue(now)]
            for first in range(0, len(held), MOST_LEASES):
                await self._renew(held[first : first + MOST_LEASES])

    async def _renew(self, page: list[Held]) -> None:
        """Renew leases of one execution, which are in one partition."""
        op = renewal_of(self._space, self._settings, page[0].partition.number, page)
        try:
            words = await self._driver.run(op, deadline=None)
        except StoreError as error:
            LOGGER.info("a hint to stop is left to the heartbeat: %s", error)
            return
        for held, word in zip(page, words, strict=True):
            if word != "ok":
                held.interrupt(word)
