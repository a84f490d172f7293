"""Leases: a thread of its own with a connection of its own renews what this worker runs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence

from redflow.driver import Driver
from redflow.driver.backoff import DEADLINE
from redflow.driver.each import is_spread
from redflow.errors import RedflowError, StoreError
from redflow.model.operations import ALIVE_BEATS
from redflow.store.space import Space
from redflow.store.workers import Beat, put_worker
from redflow.worker.claims import Claims, Held
from redflow.worker.outage import is_refusal, lost_groups
from redflow.worker.renewal import MOST_LEASES, renewal_of
from redflow.worker.settings import WorkerSettings

LOGGER = logging.getLogger("redflow.heartbeat")


class Heartbeat:
    """Beats for the worker and renews leases, whatever the loop does.

    A coroutine's lease is renewed only while the loop ticked within three beats: one that hangs
    the loop is taken over. Any lease is renewed only until its attempt's deadline and five seconds.
    """

    def __init__(
        self,
        driver: Driver,
        space: Space,
        settings: WorkerSettings,
        claims: Claims,
        *,
        about: bytes,
        on_beat: Callable[[Beat], None],
    ) -> None:
        self._driver = driver
        self._space = space
        self._settings = settings
        self._claims = claims
        self._about = about
        self._on_beat = on_beat
        self._spread = is_spread(driver)
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._soon = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redflow-heartbeat", daemon=True)
        self.ticked = time.monotonic()
        """When the loop last came round; the worker sets it."""
        self.missed = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and take the worker off the list."""
        self._stop.set()
        self._soon.set()
        self._thread.join(timeout=self._settings.beat)

    def beat_now(self) -> None:
        """Do not wait for the next beat."""
        self._soon.set()

    def beat(self) -> None:
        """Renew every lease that may be renewed, then say that the worker lives."""
        failed: StoreError | None = None
        for number, held in self._renewable().items():
            for first in range(0, len(held), MOST_LEASES):
                try:
                    self._extend(number, held[first : first + MOST_LEASES])
                except StoreError as error:
                    if is_refusal(error) or lost_groups(error):
                        LOGGER.error("leases in partition %d are not renewed: %s", number, error)
                    elif not self._spread:
                        raise
                    else:
                        failed = failed or error
        op = put_worker(
            self._space,
            self._settings.worker_id,
            queues=self._settings.queues,
            about=self._about,
            alive=round(self._settings.beat * ALIVE_BEATS * 1000),
        )
        found = self._driver.run(op)
        self._loop.call_soon_threadsafe(self._on_beat, found)
        if failed is not None:
            raise failed

    def _run(self) -> None:
        """Beat for ever: an error is an outage, never the end of the thread."""
        while not self._stop.is_set():
            try:
                self.beat()
                self.missed = 0
            except RedflowError as error:
                self.missed += 1
                LOGGER.log(
                    logging.ERROR if self.missed > 1 else logging.WARNING,
                    "heartbeat missed %d times: %s",
                    self.missed,
                    error,
                )
            except Exception:
                if self._loop.is_closed():
                    break  # the process is ending
                self.missed += 1
                LOGGER.exception("heartbeat failed")
            self._soon.wait(self._settings.beat if not self.missed else self._settings.beat / 5)
            self._soon.clear()
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        try:
            self._driver.run(
                put_worker(
                    self._space,
                    self._settings.worker_id,
                    queues=self._settings.queues,
                    about=b"",
                    alive=round(self._settings.beat * ALIVE_BEATS * 1000),
                ),
                deadline=None,
            )
        except RedflowError as error:
            LOGGER.info("worker could not be taken off the list, it will expire: %s", error)
        finally:
            self._driver.close()

    def _renewable(self) -> dict[int, list[Held]]:
        now = time.monotonic()
        loop_hangs = now - self.ticked > ALIVE_BEATS * self._settings.beat
        young = now - self._settings.beat / 2
        found: dict[int, list[Held]] = {}
        for held in self._claims.snapshot():
            on_loop = held.prepared is None or (
                held.prepared.runner is not None and held.prepared.runner.where == "loop"
            )
            if held.claimed > young or held.overdue(now) or (loop_hangs and on_loop):
                continue
            found.setdefault(held.partition.number, []).append(held)
        return found

    def _extend(self, number: int, held: Sequence[Held]) -> None:
        op = renewal_of(self._space, self._settings, number, held)
        # The others may be on servers that answer: they are not kept waiting for one that does not.
        words = self._driver.run(op, deadline=None if self._spread else DEADLINE)
        for one, word in zip(held, words, strict=True):
            if word != "ok":
                self._loop.call_soon_threadsafe(one.interrupt, word)
