"""A worker without its background parts: every call is made when the environment has it made."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Any

from redflow.driver import AsyncDriver
from redflow.errors import RedflowError, StoreError
from redflow.metrics import Metrics
from redflow.model.operations import ALIVE
from redflow.model.outcome import Failed, Outcome, StartingChild
from redflow.model.retry import decide
from redflow.nodes.registry import Registry
from redflow.store.epoch import Fence
from redflow.store.space import Space
from redflow.store.workers import put_worker
from redflow.store.workflows import put_partition
from redflow.worker.claims import Held, TokenKey
from redflow.worker.outage import Outage, is_refusal
from redflow.worker.parts import Parts, about
from redflow.worker.pump import Pump
from redflow.worker.renewal import renewal_of
from redflow.worker.settings import WorkerSettings

SLOTS = 1000
"""Steps at once: nothing waits for a slot."""

TURNS = 100
"""Turns of the loop without a rest, while steps run; then one every millisecond."""

MOST_TRIES = 1000
"""Of one call: a rule of a test that refuses more is a mistake."""

ENDING = 1000
"""Turns of the loop that steps of a worker get to hear that it is gone."""


class StillRunning(RedflowError):
    """A step has not returned within the patience of the environment, in real time."""


class _SeededPump(Pump):
    """Reports as ever, with a jitter of retries that is the same in every run."""

    chance = random.Random(0)
    children = 0
    """Executions that steps have asked for: nobody is told when their steps are ready."""

    def report(self, held: Held, outcome: Outcome) -> None:
        self.children += isinstance(outcome, StartingChild)
        policy = held.prepared.step.retry if held.prepared else None
        if isinstance(outcome, Failed) and outcome.retryable and outcome.retry_after is None:
            attempt, chance = held.envelope.attempt, self.chance.random
            delay = None if policy is None else decide(policy, attempt, outcome.error, chance)
            outcome = replace(outcome, retry_after=delay)
        super().report(held, outcome)


class _Outage(Outage):
    """Is not rested in, and counted: the first call after one claims nothing."""

    failures = 0

    async def wait(self, error: StoreError, keys: Iterable[TokenKey] = ()) -> None:
        self.failures += 1
        await super().wait(error, keys)


class _Parts(Parts):
    pump_type = _SeededPump


class Staff:
    """The worker of an environment; one that has vanished is replaced by a new one."""

    def __init__(
        self,
        driver: AsyncDriver,
        space: Space,
        registry: Registry,
        *,
        name: str,
        queues: tuple[str, ...],
        seed: int,
    ) -> None:
        self.settings = WorkerSettings(
            worker_id=name, queues=queues, concurrency=SLOTS, children=1, threads=1
        )
        self.vanished = False
        self.hanging: dict[Any, int] = {}
        """Steps that never return, by their context, and the time at which they time out."""
        self._driver = driver
        self._space = space
        self._about = about(registry, self.settings)
        self._parts = _Parts(driver, space, registry, self.settings, Metrics())
        self._attempts = self._parts.attempts
        assert isinstance(self._parts.pump, _SeededPump)
        self._pump = self._parts.pump
        self._pump.chance = random.Random(seed)
        self._parts.sweeper.ticker.random = random.Random(seed).random
        self._outages = [_Outage(what, longest=0.0) for what in ("advance", "children", "sweep")]
        self._pump.outage, self._parts.children.outage, self._parts.sweeper.outage = self._outages
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to claim when told to."""
        self._driver.guard(Fence(self._space, round(self.settings.lease * 1000)))
        await self._persist(
            lambda: self._driver.run_many(
                [put_partition(self._space, p, self.settings.queues) for p in self._space.keys]
            )
        )
        await self.beat()
        self._task = asyncio.create_task(self._pump.run())

    async def close(self) -> None:
        """End without a word; what ran is told to end, and what it says is not heard."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for held in self._attempts.claims.snapshot():
            held.interrupt("lost")
        for _ in range(ENDING):
            if not self._attempts.under_way:
                break
            await asyncio.sleep(0)
        await self._parts.children.close()
        await self._attempts.close()
        await self._driver.close()

    # What it does when told to

    async def beat(self) -> None:
        """Renew leases, hear what stops and what is paused, and show that it lives."""
        await self._persist(self._say_it_lives)

    async def work(self, patience: float) -> None:
        """Run what is ready, and what becomes ready of it, until all that ran is recorded."""
        known = None
        while not self.vanished and known != self._seen():
            known = self._seen()
            await self._adopt()
            for number in range(len(list(self._space.keys))):
                if self._pump.room():
                    self._pump.look(number)
            await self._quiet(time.monotonic() + patience)

    async def sweep(self) -> None:
        """Fire what is due, carry out orders, take over lost leases."""
        await self._persist(self._parts.sweeper.sweep)

    def running(self) -> list[str]:
        """Nodes under way."""
        claims = self._attempts.claims.snapshot()
        return sorted(held.prepared.step.id for held in claims if held.prepared is not None)

    def hang(self, context: Any, now: int) -> None:
        """A step will not return: it is ended at its timeout, by the clock of the environment."""
        held = next(one for one in self._attempts.claims.snapshot() if one.context is context)
        timeout = held.prepared.timeout if held.prepared else None
        self.hanging[context] = 0 if timeout is None else now + round(timeout * 1000)

    def next_timeout(self) -> int:
        """When the next hanging step times out; 0 for never."""
        return min((due for due in self.hanging.values() if due), default=0)

    def time_out(self, now: int) -> None:
        """End attempts that are past their timeout."""
        for held in self._attempts.claims.snapshot():
            due = self.hanging.get(held.context, 0)
            if 0 < due <= now:
                held.interrupt("timeout")

    # How

    def _seen(self) -> tuple[int, ...]:
        """Changes with what may have left something to be claimed."""
        return self._pump.children, *(outage.failures for outage in self._outages)

    async def _say_it_lives(self) -> None:
        for held in self._attempts.claims.snapshot():
            op = renewal_of(self._space, self.settings, held.partition.number, [held])
            (word,) = await self._driver.run(op)
            if word != "ok":
                held.interrupt(word)
        beat = await self._driver.run(
            put_worker(
                self._space,
                self.settings.worker_id,
                queues=self.settings.queues,
                about=self._about,
                alive=ALIVE,
            )
        )
        self._parts.sweeper.queues = beat.queues
        self._pump.close_queues(beat.paused)

    async def _quiet(self, end: float) -> None:
        """Wait until nothing runs but what hangs, and nothing is left to be said."""
        turns = 0
        while not self.vanished and not self._is_quiet():
            if self._task is not None and self._task.done():
                self._task.result()
            if time.monotonic() > end:
                raise StillRunning(
                    f"still running: {', '.join(self.running())}",
                    hint="stub what takes long, or give Environment more patience (real seconds)",
                )
            turns += 1
            await asyncio.sleep(0 if turns < TURNS else 0.001)

    def _is_quiet(self) -> bool:
        if self._pump.busy or not self._pump.clear or not self._parts.children.clear:
            return False
        claims = self._attempts.claims.snapshot()
        held = {one.context for one in claims if not one.why}  # what was told to end will
        self.hanging = {one: due for one, due in self.hanging.items() if one in held}
        return self._attempts.under_way == len(self.hanging)

    async def _adopt(self) -> None:
        """After a lost reply: run what its call has claimed."""
        if not self._pump.outage.lost_reply:
            return
        self._pump.outage.lost_reply = False
        found: list[Held] = []

        async def read() -> None:
            found.extend(await self._parts.reader.unheard())

        await self._persist(read)
        for held in found:
            self._attempts.accept(held)

    async def _persist(self, ask: Callable[[], Awaitable[Any]]) -> None:
        """Ask again when it fails: a test's own rules end."""
        for tries in count(1):
            try:
                await ask()
            except StoreError as error:
                if is_refusal(error) or tries == MOST_TRIES:
                    raise
                await self._parts.sweeper.outage.wait(error)
            else:
                return
