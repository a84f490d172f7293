"""Handlers of events: registered by type, called at least once each, by one process at a time."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from redflow.client import AsyncClient
from redflow.defaults import EVENTS_LEASE
from redflow.errors import InvalidInput, NotFound, RedflowError
from redflow.events.caller import Handler
from redflow.events.consumer import Consumer, Lost
from redflow.events.event import Event
from redflow.events.feed import feed_of
from redflow.events.reader import Following, follow, recent
from redflow.events.registration import Registration, Start, registration_of
from redflow.metrics import Metrics, default_metrics
from redflow.store.events import forget_consumer, lead_consumers, read_consumers, read_place

LOGGER = logging.getLogger("redflow.events")

BEATS_OF_A_LEASE = 3
PATIENCE = 5.0
"""Seconds that a stopping bus waits for the calls of handlers under way."""
TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class ConsumerInfo:
    """A consumer and how many records it has yet to look at; those it does not want count."""

    name: str
    lag: int


class EventBus:
    """Calls handlers with events of a client's namespace, while it runs.

    It runs with the workers of an engine, in `async with bus.running()`, or in `await bus.run()`.
    Of several processes with a handler of one name, one leads and the others stand by: so a handler
    sees each execution's events in their order, and a dead leader is replaced within its lease.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        metrics: Metrics | None = None,
        lease: float = EVENTS_LEASE,
    ) -> None:
        """`lease` is in seconds, and the same in all processes."""
        self._client = client
        self._feed = feed_of(client)
        self._metrics = metrics if metrics is not None else default_metrics()
        self._lease = lease
        self._consumers: dict[str, Consumer] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._process = f"{platform.node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._changed = asyncio.Event()
        self._trusted_until = 0.0
        self._users = 0
        self._leading: asyncio.Task[None] | None = None

    # Handlers

    def register_handler(
        self,
        type: str | Iterable[str],
        handler: Handler,
        *,
        name: str | None = None,
        start: Start = "now",
        attempts: int | None = None,
        timeout: float | None = TIMEOUT,
    ) -> Handler:
        """Have a function called with every event of a type, or of several.

        Its `name` is that of its checkpoint: by default made of type, module and function, so that
        a handler that moves needs one. A name that is new begins with what happens from `start` on.
        An event that raises, or takes over `timeout` seconds, is tried again after 1 s, 2 s, up to
        60 s, `attempts` times or for ever. `events.gap` comes to every handler, whatever its type,
        before the events behind records that were trimmed unread. Raises InvalidInput.
        """
        types = type if isinstance(type, str) else tuple(type)
        self._add(
            registration_of(
                types, handler, name=name, start=start, attempts=attempts, timeout=timeout
            )
        )
        return handler

    def take_over(self, other: EventBus) -> None:
        """Register here what is registered with another bus."""
        for consumer in other._consumers.values():
            self._add(consumer.registration)

    def register_global_handler(
        self,
        handler: Handler,
        *,
        name: str | None = None,
        start: Start = "now",
        attempts: int | None = None,
        timeout: float | None = TIMEOUT,
    ) -> Handler:
        """Have a function called with every event; all else is as with `register_handler`."""
        self._add(
            registration_of(
                None, handler, name=name, start=start, attempts=attempts, timeout=timeout
            )
        )
        return handler

    def _add(self, registration: Registration) -> None:
        if registration.name in self._consumers:
            raise InvalidInput(
                f"there is a consumer {registration.name!r} already",
                field="name",
                hint="give one of the two handlers another name=...",
            )
        self._consumers[registration.name] = Consumer(self._feed, registration, self._metrics)
        self._changed.set()

    # Reading without a handler

    def follow(
        self,
        *,
        execution: str | None = None,
        types: Iterable[str] | str | None = None,
        after: str = "now",
    ) -> Following:
        """Iterate over events, as `redflow.events.follow` does; the bus need not run."""
        return follow(self._client, execution=execution, types=types, after=after)

    async def recent(
        self,
        limit: int = 100,
        *,
        execution: str | None = None,
        types: Iterable[str] | str | None = None,
    ) -> list[Event]:
        """Return the newest events that are kept, as `redflow.events.recent` does."""
        return await recent(self._client, limit, execution=execution, types=types)

    # Consumers in Redis

    async def consumers(self) -> list[ConsumerInfo]:
        """Return every consumer that was ever led in the namespace, by name."""
        source = self._feed.source
        await source.ask(f"namespace:{source.namespace}", "view")
        space = await source.space()
        await self._feed.prepare()
        names = await source.driver.run(read_consumers(space))
        newest = [await self._feed.newest(one.number) for one in space.keys]
        found = []
        for name in names:
            places = await source.driver.run_many([read_place(one, name) for one in space.keys])
            lags = [
                max(0, new.record - max(0, place.record)) if place is not None else 0
                for new, place in zip(newest, places, strict=True)
            ]
            found.append(ConsumerInfo(name, sum(lags)))
        return found

    async def forget(self, name: str) -> None:
        """Forget the checkpoints of a consumer that is used no more; raises NotFound, InvalidInput.

        One that is registered in this bus cannot be forgotten.
        """
        if name in self._consumers:
            raise InvalidInput(
                f"consumer {name!r} is registered here",
                field="name",
                hint="forget it where no process registers it any more",
            )
        source = self._feed.source
        await source.ask(f"namespace:{source.namespace}", "edit")
        driver, space = source.driver, await source.space()
        known = await driver.run(forget_consumer(space, None, name))
        ops = [forget_consumer(space, one, name) for one in space.keys]
        if not any(await driver.run_many(ops)) and not known:
            raise NotFound(
                f"consumer {name!r} is not known in namespace {source.namespace!r}",
                hint="consumers() lists those that are",
            )

    # Life

    async def start(self) -> None:
        """Begin to call handlers; those that are registered later are called as well.

        Every start wants a `stop`. Raises NotFound when the namespace does not exist, Unavailable.
        """
        if self._consumers:
            await self._feed.prepare()
        self._users += 1
        if self._leading is None or self._leading.done():
            self._changed = asyncio.Event()
            self._leading = asyncio.create_task(self._lead(), name="redflow-events")

    async def stop(self) -> None:
        """Let the calls under way end, for 5 s, note how far each has come, give up the lead."""
        self._users = max(0, self._users - 1)
        leading = self._leading
        if self._users or leading is None:
            return
        self._leading = None
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)
        for name in self._tasks:
            self._consumers[name].request_stop()
        tasks, self._tasks = list(self._tasks.values()), {}
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)
        await _end(tasks)
        with suppress(RedflowError):  # else its lease ends by itself
            await self._ask(0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[EventBus]:
        """Call handlers inside the block."""
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def run(self) -> None:
        """Call handlers until cancelled."""
        async with self.running():
            await asyncio.get_running_loop().create_future()

    # Leading

    async def _lead(self) -> None:
        """Keep the lead of what this process may lead, and take what nobody leads."""
        while True:
            self._changed.clear()
            if self._consumers:
                await self._beat()
            patience = self._lease / BEATS_OF_A_LEASE if self._consumers else None
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._changed.wait()

    async def _beat(self) -> None:
        sent = self._feed.timer.now()
        try:
            await self._feed.prepare()
            terms = await self._ask(self._lease)
        except RedflowError as error:
            LOGGER.warning("who leads the consumers of events cannot be told: %s", error)
            if not self._trusts():
                await self._leave(list(self._tasks))
            return
        self._trusted_until = sent + self._lease
        await self._leave([name for name in self._tasks if name not in terms])
        for name, term in terms.items():
            task = self._tasks.get(name)
            if task is None or task.done():
                work = self._consume(self._consumers[name], term)
                self._tasks[name] = asyncio.create_task(work, name=f"redflow-events-{name}")

    async def _ask(self, lease: float) -> dict[str, int]:
        source = self._feed.source
        if not self._consumers:
            return {}
        op = lead_consumers(
            await source.space(),
            list(self._consumers),
            process=self._process,
            lease=round(lease * 1000),
        )
        return await source.driver.run(op)

    async def _leave(self, names: list[str]) -> None:
        """End what another process leads, or may."""
        await _end([task for name in names if (task := self._tasks.pop(name, None)) is not None])

    async def _consume(self, consumer: Consumer, term: int) -> None:
        name = consumer.registration.name
        try:
            await consumer.run(term, self._trusts)
        except Lost:
            LOGGER.warning("another process leads consumer %s by now", name)
        except RedflowError as error:
            LOGGER.warning("consumer %s begins again with the next beat: %s", name, error)
        except Exception:
            LOGGER.exception("consumer %s begins again with the next beat", name)

    def _trusts(self) -> bool:
        """Whether the lease of what this process leads has not run out by its own clock."""
        return self._feed.timer.now() < self._trusted_until


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
