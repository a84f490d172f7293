"""A worker: wires the parts, starts them, and stops them without losing anything."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from redflow.crypto.values import Values
from redflow.driver import AsyncDriver, Connector
from redflow.driver.watching import Watch
from redflow.errors import RedflowError, StoreError
from redflow.metrics import Metrics
from redflow.model.operations import ALIVE_BEATS
from redflow.nodes.registry import Registry
from redflow.store.epoch import Fence
from redflow.store.space import Space
from redflow.store.workers import Beat
from redflow.store.workflows import put_partition
from redflow.worker.control import Control
from redflow.worker.health import Health
from redflow.worker.heartbeat import Heartbeat
from redflow.worker.outfit import BARE, Outfit
from redflow.worker.parts import Parts, about
from redflow.worker.pump import IN_FLIGHT
from redflow.worker.readiness import Found, Inspection, check_server
from redflow.worker.settings import WorkerSettings
from redflow.worker.watchdog import Watchdog

LOGGER = logging.getLogger("redflow.worker")

TICK = 0.5
FLUSH = 2.0
"""Seconds a stopping worker waits for its last outcomes to be acknowledged."""


class StuckThreads(RedflowError):
    """A quarter of the threads are past their deadline: the worker stops, to be restarted."""


class Worker:
    """Runs steps of one namespace on the running loop; `async with` starts and drains it."""

    def __init__(
        self,
        connector: Connector,
        open_space: Callable[[], Awaitable[Space]],
        registry: Registry,
        settings: WorkerSettings,
        metrics: Metrics,
        *,
        outfit: Outfit = BARE,
    ) -> None:
        self._outfit = outfit
        self._connector = connector
        self._open_space = open_space
        self._registry = registry
        self.settings = settings
        self._metrics = metrics
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._driver: AsyncDriver | None = None
        self._patience: asyncio.Timeout | None = None
        self.drain = settings.drain

    @property
    def id(self) -> str:
        """The name its claims are pending under."""
        return self.settings.worker_id

    def health(self) -> Health:
        """Return how it is now; cheap, and safe to ask from any thread, also before its start."""
        if not self._tasks:
            return Health()
        now, beats, read = time.monotonic(), self.heartbeat, self.reader.turned
        reader_age, loop_age = None if read is None else now - read, now - beats.ticked
        turns = reader_age is not None and reader_age <= self.watchdog.limit
        return Health(
            ready=turns and self.pump.accepting and loop_age <= ALIVE_BEATS * self.settings.beat,
            reader_age=reader_age,
            loop_age=loop_age,
            missed_beats=beats.missed,
            outage=max(p.outage.lasts for p in (self.pump, self.reader, self.sweeper)),
            renewals=self.watchdog.renewals,
            fenced=self.pump.fenced,
            reclaimed=self.sweeper.reclaimed,
        )

    # Life

    async def start(self) -> None:
        """Connect and begin to claim."""
        self._space = await self._open_space()
        driver = self._connector.async_driver()
        driver.watch = Watch(self._metrics)
        fence = Fence(self._space, round(self.settings.lease * 1000))
        known: Found | None = None
        try:
            if self._connector.lasting:
                known = await check_server(driver, self._connector.where)
            driver.guard(fence)
            await driver.run_many(
                [put_partition(self._space, p, self.settings.queues) for p in self._space.keys]
            )
            if self._outfit.companion is not None:
                await self._outfit.companion.start()
        except BaseException:
            await driver.close()
            raise
        self._driver = driver
        self._wire(driver, fence)
        self._metrics.slots.follow(self, self._space.keys.namespace, self._slots)
        self.heartbeat.start()
        parts: list[Coroutine[Any, Any, None]] = [self.pump.run() for _ in range(IN_FLIGHT)]
        parts += [self.watchdog.run(), self.sweeper.run(), self.timers.run(), self.control.run()]
        parts += [self.retention.run(), self.audit.run(), self._tick()]
        if known is not None:
            parts.append(Inspection(driver, known).run())
        self._tasks = [asyncio.create_task(part) for part in parts]
        for task in self._tasks:
            task.add_done_callback(self._part_ended)
        LOGGER.info(
            "worker %s started: namespace %s, queues %s, %d slots",
            self.id,
            self._space.keys.namespace,
            ", ".join(self.settings.queues),
            self.settings.concurrency,
        )

    def _wire(self, driver: AsyncDriver, fence: Fence) -> None:
        keys, outfit = self._space.keys, self._outfit
        values = Values(keys.namespace, outfit.crypto, outfit.payloads)
        services = outfit.services(driver, keys.prefix)
        parts = Parts(
            driver,
            self._space,
            self._registry,
            self.settings,
            self._metrics,
            values=values,
            services=services,
            rights=outfit.rights,
        )
        self.pump, self.attempts, self.children = parts.pump, parts.attempts, parts.children
        self.sweeper, self.timers = parts.sweeper, parts.timers
        self.reader, self.retention, self.audit = parts.reader, parts.retention, parts.audit
        self.watchdog = Watchdog(
            self.reader, driver, self.sweeper.outage, interval=self.settings.interval
        )
        beats = self._connector.heartbeat_driver()
        beats.guard(fence)
        self.heartbeat = Heartbeat(
            beats,
            self._space,
            self.settings,
            self.attempts.claims,
            about=about(self._registry, self.settings),
            on_beat=self._on_beat,
        )
        self.control = Control(parts.shared, self.attempts.claims, self.heartbeat.beat_now)

    async def run(self) -> None:
        """Start, work until `request_stop`, drain; raises what made a part fail."""
        await self.start()
        try:
            await self._stop.wait()
        finally:
            await self.stop()
        if self._failure is not None:
            raise self._failure

    def request_stop(self, *, drain: float | None = None) -> None:
        """Have `run` drain and return; a second time with `drain=0`: give everything back now."""
        if drain is not None:
            self.drain = drain
            if self._patience is not None:
                self._patience.reschedule(asyncio.get_running_loop().time() + drain)
        self._stop.set()

    async def stop(self) -> None:
        """Claim nothing more, let steps finish for `drain` seconds, give back the rest."""
        driver, self._driver = self._driver, None
        if driver is None:
            return
        self.pump.accepting = False
        self._metrics.slots.forget(self)
        try:
            await self._end(self.reader_task)
            await self._give_back_waiting()
            await self._drain()
            await self._flush()
        finally:
            await self._end(*self._tasks)
            await self.pump.storing.close()
            await self.children.close()
            await self.control.close()
            await asyncio.to_thread(self.heartbeat.stop)
            await self.attempts.close()
            if self._outfit.companion is not None:
                await self._outfit.companion.stop()
            await driver.close()
            LOGGER.info("worker %s stopped", self.id)

    async def __aenter__(self) -> Worker:
        await self.start()
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        await self.stop()
        if kind is None and self._failure is not None:
            raise self._failure

    # Stopping

    async def _give_back_waiting(self) -> None:
        """Give back what was claimed and has not begun, heard of or not."""
        self.attempts.release_waiting(longest=0.0)
        try:
            async with asyncio.timeout(FLUSH):
                unheard = await self.reader.unheard()
        except (StoreError, TimeoutError) as error:
            LOGGER.warning("pending entries could not be read, their leases run out: %s", error)
            return
        for held in unheard:
            self.attempts.give_back(held)

    async def _drain(self) -> None:
        """Wait for the steps under way, then end them; a second request to stop shortens it."""
        attempts, storing = self.attempts, self.pump.storing
        idle = attempts.idle.is_set() and storing.clear
        if not idle and not await self._idle_within(self.drain):
            left = attempts.under_way + storing.count
            LOGGER.warning("drain time is over: %d steps are given back", left)
            attempts.interrupt_all("shutdown")
            if not await self._idle_within(FLUSH):
                attempts.abandon_all()
                await storing.close()
        attempts.release_waiting(longest=0.0)

    async def _idle_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds) as self._patience:
                await self.attempts.idle.wait()
                await self.pump.storing.settled()
        except TimeoutError:
            return False
        finally:
            self._patience = None
        return True

    async def _flush(self) -> None:
        """Wait until the last outcomes are acknowledged, for a bounded time."""
        deadline = time.monotonic() + FLUSH
        while not (self.pump.clear and self.children.clear) and time.monotonic() < deadline:
            self.pump.wake()
            await asyncio.sleep(0.01)

    async def _end(self, *tasks: asyncio.Task[None]) -> None:
        left: set[asyncio.Task[None]] = set(tasks)
        while left:
            for task in left:
                task.cancel()
            # Again after a second: what a part calls may have swallowed the first.
            _, left = await asyncio.wait(left, timeout=1.0)

    # Parts

    @property
    def reader_task(self) -> asyncio.Task[None]:
        """The blocking read, and what watches it."""
        return self._tasks[IN_FLIGHT]

    async def _tick(self) -> None:
        """Prove that the loop turns, give back what waits too long, count stuck threads."""
        rest, lag = min(TICK, self.settings.beat), self._metrics.lag.labels()
        while True:
            self.heartbeat.ticked = ticked = time.monotonic()
            self.attempts.release_waiting()
            if self.attempts.threads.too_many_stuck():
                names = ", ".join(sorted(set(self.attempts.threads.stuck.values())))
                self._fail(
                    StuckThreads(
                        f"{len(self.attempts.threads.stuck)} of {self.settings.threads} threads are"
                        f" past their deadline in {names}",
                        hint='make these functions return, or run them with run="process"',
                    )
                )
            await asyncio.sleep(rest)
            lag.observe(max(0.0, time.monotonic() - ticked - rest))

    def _slots(self) -> dict[str, int]:
        busy = self.attempts.under_way
        free = max(0, self.settings.concurrency - busy)
        return {"busy": busy, "free": free, "stuck": len(self.attempts.threads.stuck)}

    def _on_beat(self, beat: Beat) -> None:
        self.sweeper.queues = beat.queues
        namespace = self._space.keys.namespace
        for queue, count in beat.workers.items():
            self._metrics.workers.labels(namespace, queue).set(count)
        if self.pump.close_queues(beat.paused):
            open_queues = ", ".join(self.pump.open_queues) or "none, all are paused"
            LOGGER.info("worker %s claims from queues: %s", self.id, open_queues)
        if beat.drain and not self._stop.is_set():
            LOGGER.info("worker %s was told to drain", self.id)
            self.pump.accepting = False
            self.request_stop()

    def _part_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._fail(task.exception())

    def _fail(self, error: BaseException | None) -> None:
        """A part cannot go on: claim nothing more, drain, and let `run` raise."""
        if self._failure is None:
            self._failure = error
            LOGGER.error("worker %s stops: %s", self.id, error, exc_info=error)
        self.pump.accepting = False
        self._stop.set()
