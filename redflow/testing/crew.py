"""Who runs an environment: one worker after another, and the clock moved from timer to timer."""

from __future__ import annotations

from collections.abc import Sequence

from redflow import defaults
from redflow.driver import AsyncDriver, Connector
from redflow.nodes.context import Context
from redflow.nodes.registry import Registry
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, command
from redflow.store.space import Space
from redflow.testing.clock import VirtualClock
from redflow.testing.faults import Faults, faulty_driver
from redflow.testing.history import Journal
from redflow.testing.staff import Staff

SWEEP = round(defaults.SWEEP * 1000)
LEASE = round(defaults.LEASE * 1000)
PAGE = 100
MOST_PENDING = 10_000


class Crew:
    """Keeps one worker at work, and lets time pass as it would: due timer by due timer."""

    def __init__(
        self,
        connector: Connector,
        space: Space,
        offer: Registry,
        clock: VirtualClock,
        faults: Faults,
        *,
        seed: int,
        patience: float,
    ) -> None:
        self._connector = connector
        self._space = space
        self._offer = offer
        self._clock = clock
        self._faults = faults
        self._seed, self._patience = seed, patience
        self._driver: AsyncDriver = connector.async_driver()
        self._staff: Staff | None = None
        self._queues: tuple[str, ...] = ()
        self._hired = 0
        self._dead: dict[str, int] = {}
        """Workers that vanished and have leases, and when they did."""
        self._guarded_until = 0
        self._timers: list[tuple[int, str]] = []
        self.journal = Journal(self._driver, space.keys)

    async def serve(self, queues: Sequence[str]) -> None:
        """Have a worker that claims from these queues as well."""
        wanted = tuple(dict.fromkeys((*self._queues, *queues)))
        if wanted != self._queues or self._staff is None:
            self._queues = wanted
            await self._hire()

    async def close(self) -> None:
        """End the worker, and every connection."""
        if self._staff is not None:
            await self._staff.close()
        await self._driver.close()

    def vanish(self) -> None:
        """The worker is gone from now on; its leases run out."""
        if self._staff is not None:
            self._staff.vanished = True

    def hang(self, context: Context) -> None:
        """A step will not return."""
        if self._staff is not None:
            self._staff.hang(context, self._clock.now)

    # Time

    async def settle(self) -> None:
        """Do all that can be done without time passing."""
        await self._worker().beat()
        await self._do_all()

    async def _do_all(self) -> None:
        tried: list[tuple[int, str]] = []
        while True:
            staff = self._worker()
            await staff.work(self._patience)
            if staff.vanished:
                self._dead[staff.settings.worker_id] = self._clock.now
                self._guarded_until = self._clock.now + 2 * LEASE
                await self._hire()
                continue
            self._timers = await self._read_timers()
            due = [one for one in self._timers if one[0] <= self._clock.now]
            if not due or due == tried:  # a sweep may not do what it did not do before
                break
            await staff.sweep()
            tried = due
        await self.journal.read(self._clock.time)

    async def advance(self, to: int) -> None:
        """Let time pass up to then; what is due before is done when it is due."""
        await self.settle()
        while (wake := self._next_wake()) is not None and wake <= to:
            await self._move(wake)
        await self._move(to)
        await self._worker().beat()

    async def finish(self, execution: str) -> None:
        """Let time pass until an execution has ended, or nothing more happens by itself."""
        await self.settle()
        while not self.journal.ended(execution):
            wake = self._next_wake()
            if wake is None:
                break
            await self._move(wake)
        await self._worker().beat()

    # How

    async def _move(self, to: int) -> None:
        """Let it be later, and do what can be done then."""
        self._clock.move(to)
        self._worker().time_out(to)
        if self._dead:
            await self._age_leases()
        if self._dead or any(due <= to for due, _ in self._timers):
            await self._worker().sweep()
        await self._do_all()

    def _next_wake(self) -> int | None:
        """When something happens by itself next; None for never."""
        now = self._clock.now
        times = [due for due, _ in self._timers]
        times += [self._worker().next_timeout()]
        found = [due for due in times if due > now]
        # What is due and was not done stands behind a lease that a worker took with it.
        if self._dead or (now < self._guarded_until and any(0 < due <= now for due in times)):
            found.append(now + SWEEP)
        return min(found, default=None)

    def _worker(self) -> Staff:
        assert self._staff is not None
        return self._staff

    async def _hire(self) -> None:
        """Put a new worker in the place of the one there was."""
        old, self._staff = self._staff, None
        if old is not None:
            await old.close()
        self._hired += 1
        self._staff = Staff(
            faulty_driver(self._connector, self._faults),
            self._space,
            self._offer,
            name=f"worker-{self._hired}",
            queues=self._queues,
            seed=self._seed + self._hired,
        )
        await self._staff.start()

    async def _read_timers(self) -> list[tuple[int, str]]:
        """The next timers of all partitions: when they are due, and their members."""
        indexes = ("timers", "schedules")
        found = await self._driver.run_many(
            [read_timers(one, index) for one in self._space.keys for index in indexes]
        )
        return [timer for page in found for timer in page]

    async def _age_leases(self) -> None:
        """Let leases of workers that are gone be as old as the clock says."""
        left: set[str] = set()
        for partition in self._space.keys:
            for queue in self._queues:
                left |= await self._age(partition.ready(queue))
        self._dead = {worker: at for worker, at in self._dead.items() if worker in left}

    async def _age(self, stream: str) -> set[str]:
        words = ("XPENDING", stream, "workers", "-", "+", MOST_PENDING)
        holders = set()
        for token, consumer, *_ in await self._driver.raw(*words):
            worker = consumer.decode()
            if worker in self._dead:
                holders.add(worker)
                idle = self._clock.now - self._dead[worker]
                claim = ("XCLAIM", stream, "workers", worker, 0, token, "IDLE", idle, "JUSTID")
                await self._driver.raw(*claim)
        return holders


def read_timers(partition: PartitionKeys, index: str) -> Op[list[tuple[int, str]]]:
    """The first timers, or schedules, of a partition, without the sentinel and what is paused."""
    words = ("ZRANGE", partition.permanent[index], 0, PAGE - 1, "WITHSCORES")
    return command("read_timers", *words, parse=_timers)


def _timers(reply: list[bytes]) -> list[tuple[int, str]]:
    pairs = zip(reply[1::2], reply[::2], strict=True)
    return [(int(float(score)), member.decode()) for score, member in pairs if score != b"inf"]
