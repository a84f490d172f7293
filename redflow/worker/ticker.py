"""Starts what is due of schedules; whoever sweeps a partition does, and each tick starts once."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from redflow.cron.decision import Decision, decide
from redflow.cron.schedule import RawSchedule, place_of, tick_id
from redflow.crypto.values import Field
from redflow.defaults import CATCH_UP
from redflow.driver.each import async_each
from redflow.errors import RedflowError, StoreError, Unavailable
from redflow.model import codec
from redflow.store.keys import PartitionKeys
from redflow.store.schedules import Fired, fire_schedule, read_meta, read_schedule
from redflow.store.workflows import read_published
from redflow.worker.outage import lost_groups
from redflow.worker.shared import Shared

LOGGER = logging.getLogger("redflow.worker")

STARTS, START_BYTES = 25, 4 * 1024 * 1024
"""Executions that one call starts, and the bytes of their inputs."""

NEVER = 2**53
"""When a schedule is due that has no tick any more, in ms."""

AT_ONCE = 8
"""Schedules fired side by side."""

ROUNDS = CATCH_UP // STARTS + 2
"""Calls for one schedule in a row: what it catches up with at most, and news it may meet."""


class Sweep(Protocol):
    """What a sweeper does for the ticker."""

    def due_at(self, milliseconds: int) -> None: ...

    def carry_out(self, partition: PartitionKeys, orders: list[str]) -> None: ...


class Ticker:
    """Fires schedules of one namespace; the script compares, so others may have been first."""

    def __init__(self, shared: Shared, sweep: Sweep) -> None:
        self._shared = shared
        self._driver = shared.driver
        self._sweep = sweep
        self._latest: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self.random: Callable[[], float] = random.random
        self.fired = 0

    async def fire(self, partition: PartitionKeys, schedules: Sequence[str]) -> int:
        """Start what is due of schedules; answers how many have moved on.

        One that cannot be fired keeps none of the others back: it stays due. Raises StoreError.
        """
        moved = 0
        for first in range(0, len(schedules), AT_ONCE):
            ids = schedules[first : first + AT_ONCE]
            found = await self._driver.run_many([read_schedule(partition, id) for id in ids])
            calls = [partial(self._try, partition, raw) for raw in found if raw is not None]
            for outcome in await async_each(calls):
                if isinstance(outcome, StoreError):
                    raise outcome
                moved += outcome
        return moved

    async def _try(self, partition: PartitionKeys, schedule: RawSchedule) -> bool:
        """Catch up with one schedule; what is wrong with it alone is said."""
        try:
            moved = await self._catch_up(partition, schedule)
        except RedflowError as error:
            if _is_of_all(error):
                raise
            self._latest.pop(schedule.definition.workflow, None)
            self._say_once(schedule.id, error)
            return False
        self._said.pop(schedule.id, None)
        return moved

    async def _catch_up(self, partition: PartitionKeys, schedule: RawSchedule) -> bool:
        """Start what is due of one schedule, call by call; answers whether it has moved on."""
        moved = False
        for _ in range(ROUNDS):
            now = self._shared.clock.now()
            if schedule.paused is not None or schedule.due > now:
                break
            decision = self._decide(schedule, now)
            fired = await self._fire(partition, schedule, decision)
            if fired.word not in ("ok", "moved"):
                break
            if fired.word == "ok":
                moved = True
                self._sweep.due_at(decision.due)
                schedule = _moved_on(schedule, decision, fired)
        return moved

    def _decide(self, schedule: RawSchedule, now: int) -> Decision:
        return decide(
            schedule.definition.rule,
            at=schedule.next,
            due=schedule.due,
            now=now,
            random=self.random,
            page=max(1, min(STARTS, START_BYTES // max(1, len(schedule.input)))),
        )

    async def _fire(
        self, partition: PartitionKeys, schedule: RawSchedule, decision: Decision
    ) -> Fired:
        shared, workflow = self._shared, schedule.definition.workflow
        if shared.rights is not None and decision.fire:
            _, headers = await self._driver.run(read_meta(partition, schedule.id))
            await shared.rights.may_start(headers, workflow, "schedule")
        plan = self._latest.get(workflow) or await self._driver.run(
            read_published(partition, workflow)
        )
        if plan is not None:
            self._latest[workflow] = plan
            await shared.plans.get(partition, plan)  # which makes its queues known
        op = fire_schedule(
            shared.space,
            partition,
            schedule,
            decision,
            inputs=self._inputs(schedule, decision),
            plan=plan,
            queues=list(dict.fromkeys((*shared.settings.queues, *shared.plans.queues))),
        )
        fired = await self._driver.run(op)
        if fired.word == "moved":
            self._latest[workflow] = fired.detail
        self._tell(partition, schedule, decision, fired)
        return fired

    def _inputs(self, schedule: RawSchedule, decision: Decision) -> list[bytes]:
        """The input of each tick, sealed for its execution; raises KeyMissing, DecryptionFailed."""
        if not decision.fire:
            return []
        values, id = self._shared.values, schedule.id
        packed = codec.encode(values.read(schedule.input, place_of(id), Field.INPUT))
        return [values.seal(packed, tick_id(id, tick), Field.INPUT) for tick in decision.fire]

    def _tell(
        self, partition: PartitionKeys, schedule: RawSchedule, decision: Decision, fired: Fired
    ) -> None:
        if fired.orders:
            self._sweep.carry_out(partition, fired.orders)
        started = fired.ticks.count("ok")
        self.fired += started
        if started:
            metrics, workflow = self._shared.metrics, schedule.definition.workflow
            label = metrics.workflow_label(workflow)
            metrics.started.labels(self._shared.space.keys.namespace, label, "cron").inc(started)
        if fired.word == "ok":
            for one in decision.skipped:
                LOGGER.warning(
                    "schedule %s skips %s ticks from %d to %d: %s",
                    schedule.id, one.count or "many", one.first, one.last, one.reason,
                )  # fmt: skip
            for tick, word in zip(decision.fire, fired.ticks, strict=True):
                if word not in ("ok", "dup"):
                    LOGGER.warning("schedule %s skips tick %d: %s", schedule.id, tick, word)

    def _say_once(self, schedule: str, error: Exception) -> None:
        """It will be tried again with every sweep, but one line is enough."""
        text = str(error)
        if self._said.get(schedule) != text:
            self._said[schedule] = text
            LOGGER.error("schedule %s cannot be fired, its tick waits: %s", schedule, text)


def _is_of_all(error: RedflowError) -> bool:
    """Whether no other schedule could be fired either: Redis is away, or has lost its streams."""
    return isinstance(error, Unavailable) or (isinstance(error, StoreError) and lost_groups(error))


def _moved_on(schedule: RawSchedule, decision: Decision, fired: Fired) -> RawSchedule:
    """The schedule as the call has left it."""
    started = [t for t, word in zip(decision.fire, fired.ticks, strict=True) if word == "ok"]
    last = tick_id(schedule.id, started[-1]) if started else schedule.last
    due = decision.due if decision.next else NEVER
    return schedule._replace(next=decision.next, due=due, last=last)
