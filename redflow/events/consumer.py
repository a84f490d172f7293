"""Hands events to one handler: in the order of each partition, again until it works, and notes how
far it has come.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from redflow.errors import StoreError
from redflow.events.caller import Caller
from redflow.events.feed import PAUSE, Feed
from redflow.events.registration import Registration
from redflow.events.subscription import Item, Subscription
from redflow.metrics import Metrics
from redflow.store.events import OLDEST, Place, move_consumers, read_place

LOGGER = logging.getLogger("redflow.events")

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
SAVE_EVENTS = 100
SAVE_SECONDS = 0.5
"""A crash repeats at most so many events, or those of so long."""
SAVE_NOTHING_SECONDS = 5.0
"""Between notes of how far it has come among events that it does not want."""


class Lost(Exception):
    """Another process leads this consumer by now, or may."""


class Lane:
    """One partition: what was read, what is handled, and when to try again."""

    def __init__(self, number: int, place: Place) -> None:
        self.number = number
        self.items: deque[Item] = deque()
        self.done = self.saved = self.end = place
        self.failures = 0
        self.retry_at = 0.0

    def handled(self) -> None:
        """Pass by the first event."""
        self.done = self.items.popleft().place
        self.failures = 0
        if not self.items:
            self.done = self.end


class Consumer:
    """One handler and its lanes; one call is under way at a time.

    An event that fails holds up its own partition alone, so that the order of each execution stays.
    """

    def __init__(self, feed: Feed, registration: Registration, metrics: Metrics) -> None:
        self.registration = registration
        self._feed = feed
        self._timer = feed.timer
        self._metrics = metrics
        self._caller = Caller(registration.handler, registration.name)
        self._lanes: deque[Lane] = deque()
        self._subscription: Subscription | None = None
        self._stopping = False
        self._unsaved = 0
        self._saved_at = 0.0

    async def run(self, term: int, trusted: Callable[[], bool]) -> None:
        """Hand over events until told to stop; raises Lost once this process no longer leads."""
        self._stopping = False
        places = await self._load(term)
        self._lanes = deque(Lane(number, place) for number, place in places.items())
        self._saved_at, self._unsaved = self._timer.now(), 0
        subscription = await self._feed.subscribe(places, self.registration.wanted)
        self._subscription = subscription
        try:
            while not self._stopping:
                try:
                    await self._turn(subscription, term, trusted)
                except StoreError as error:
                    LOGGER.warning("consumer %s goes on later: %s", self.registration.name, error)
                    await self._timer.sleep(PAUSE)
            await self._save(term)
        finally:
            self._subscription = None
            await subscription.close()

    def request_stop(self) -> None:
        """Have `run` return once the event under way is handled."""
        self._stopping = True
        if self._subscription is not None:
            self._subscription.stir()

    async def _turn(
        self, subscription: Subscription, term: int, trusted: Callable[[], bool]
    ) -> None:
        """Do the next thing that can be done: hand over an event, read a page, or wait."""
        lane = self._next(subscription)
        if lane is None:
            await self._rest(subscription, term)
        elif lane.items:
            if not trusted():
                raise Lost(self.registration.name)
            await self._hand(lane)
        else:
            await self._read(subscription, lane)
        age = self._timer.now() - self._saved_at
        if self._unsaved >= SAVE_EVENTS or (self._unsaved and age >= SAVE_SECONDS):
            await self._save(term)

    def _next(self, subscription: Subscription) -> Lane | None:
        """The lane whose turn it is, of those with something to do."""
        now = self._timer.now()
        for _ in range(len(self._lanes)):
            lane = self._lanes[0]
            self._lanes.rotate(-1)
            if (now >= lane.retry_at) if lane.items else (lane.number in subscription.ready):
                return lane
        return None

    async def _read(self, subscription: Subscription, lane: Lane) -> None:
        batch = await subscription.read(lane.number)
        if batch is None:
            return
        lane.items.extend(batch.items)
        lane.end = batch.end
        if not lane.items:
            lane.done = batch.end

    async def _hand(self, lane: Lane) -> None:
        """Call the handler with the first event of a lane."""
        event, asked = lane.items[0].event, self.registration
        labels = self._feed.source.namespace, asked.name
        try:
            await self._caller.call(event, asked.timeout)
        except Exception as error:
            lane.failures += 1
            self._metrics.events_failed.labels(*labels).inc()
            about = (asked.name, event.type, event.id, lane.failures, error)
            if asked.attempts is None or lane.failures < asked.attempts:
                lane.retry_at = self._timer.now() + self._wait_after(lane.failures)
                text = "consumer %s failed with %s %s, attempt %d; it is tried again: %r"
                LOGGER.warning(text, *about, exc_info=error if lane.failures == 1 else None)
                return
            LOGGER.error("consumer %s gave up %s %s after attempt %d: %r", *about, exc_info=error)
        else:
            self._metrics.events_delivered.labels(*labels).inc()
        lane.retry_at = 0.0
        lane.handled()
        self._unsaved += 1

    def _wait_after(self, failures: int) -> float:
        """Seconds until the next try: twice as long each time, the upper half of it at random."""
        ceiling = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 10))
        return ceiling * (0.5 + self._timer.random() / 2)

    # How far it has come

    async def _load(self, term: int) -> dict[int, Place]:
        """Return where it left off in each partition; a new consumer begins, and that is noted."""
        name = self.registration.name
        space = await self._feed.source.space()
        driver = self._feed.source.driver
        found = await driver.run_many([read_place(one, name) for one in space.keys])
        places: dict[int, Place] = {}
        for number, place in enumerate(found):
            if place is not None:
                places[number] = place
                continue
            oldest = self.registration.start == "oldest"
            places[number] = OLDEST if oldest else await self._feed.newest(number)
            keys = space.keys.partition(number)
            await driver.run(move_consumers(space, keys, [(name, term, places[number])]))
        return places

    async def _save(self, term: int) -> None:
        """Note how far it has come; raises Lost when a later leader has done so."""
        lanes = [lane for lane in self._lanes if lane.done != lane.saved]
        space = await self._feed.source.space()
        ops = [
            move_consumers(
                space,
                space.keys.partition(lane.number),
                [(self.registration.name, term, lane.done)],
            )
            for lane in lanes
        ]
        noted = [lane.done for lane in lanes]
        for lane, place, words in zip(
            lanes, noted, await self._feed.source.driver.run_many(ops), strict=True
        ):
            if words != ["ok"]:
                raise Lost(self.registration.name)
            lane.saved = place
        self._saved_at, self._unsaved = self._timer.now(), 0
        self._report_lag()

    def _report_lag(self) -> None:
        totals = self._feed.totals
        lag = sum(
            max(0, totals.get(lane.number, 0) - max(0, lane.done.record)) for lane in self._lanes
        )
        labels = self._feed.source.namespace, self.registration.name
        self._metrics.events_lag.labels(*labels).set(lag)

    # Waiting

    async def _rest(self, subscription: Subscription, term: int) -> None:
        """Wait for news, the time of a retry, or the next note of progress."""
        now = self._timer.now()
        dirty = any(lane.done != lane.saved for lane in self._lanes)
        if self._unsaved or (dirty and now - self._saved_at >= SAVE_NOTHING_SECONDS):
            await self._save(term)
            dirty = False
        waits = [lane.retry_at - now for lane in self._lanes if lane.items]
        if dirty:
            waits.append(SAVE_NOTHING_SECONDS - (now - self._saved_at))
        self._report_lag()
        blocked = {lane.number for lane in self._lanes if lane.items}
        jobs: set[asyncio.Task[Any]] = {asyncio.create_task(subscription.wait(but=blocked))}
        if waits:
            jobs.add(asyncio.create_task(self._timer.sleep(max(0.0, min(waits)))))
        try:
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
