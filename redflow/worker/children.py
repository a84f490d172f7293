"""Starts the child executions that steps ask for; such a step is settled here, not by `advance`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from redflow.crypto.values import Field
from redflow.errors import (
    AccessDenied,
    Conflict,
    InvalidInput,
    NotFound,
    RedflowError,
    StoreError,
    Unavailable,
)
from redflow.model.ids import child_id
from redflow.model.outcome import OutcomeReason, StartingChild
from redflow.model.plan import Plan
from redflow.store.steps import CANCELLED, DUPLICATE, GONE, STALE
from redflow.store.waiting import ChildStarted, start_child
from redflow.store.workflows import read_published, read_version
from redflow.worker.claims import Held
from redflow.worker.endings import failed
from redflow.worker.outage import Outage, is_refusal, lost_groups
from redflow.worker.outbox import meta_of
from redflow.worker.pump import Pump
from redflow.worker.shared import Shared

LOGGER = logging.getLogger("redflow.worker")

AT_ONCE = 4
"""Calls under way; each starts one child."""

_CODES = {"stale": STALE, "dup": DUPLICATE, "gone": GONE, "cancelled": CANCELLED}


class Wish(NamedTuple):
    """A child to be started: by which step, what it runs, its input as stored."""

    held: Held
    asked: StartingChild
    input: bytes
    digest: str
    meta: str
    child: str


class Children:
    """Keeps asking for each child until Redis has answered; the ids stay the same."""

    def __init__(
        self, shared: Shared, pump: Pump, restore_groups: Callable[[], Awaitable[None]]
    ) -> None:
        self._shared = shared
        self._driver = shared.driver
        self._pump = pump
        self._restore_groups = restore_groups
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(AT_ONCE)
        self._latest: dict[str, str] = {}
        self._pinned: dict[tuple[str, int], str] = {}
        self.outage = Outage("start_child")

    @property
    def clear(self) -> bool:
        """Whether every child that was asked for is started, or is known not to be."""
        return not self._tasks

    def start(self, held: Held, asked: StartingChild) -> None:
        """Start a child of a step that has given up its slot; a bad input fails the step."""
        ran = time.monotonic() - held.started
        try:
            encoded = self._shared.values.encode(asked.input)
        except Exception as error:  # encoding runs the author's code, which may raise anything
            self._refuse(held, error, OutcomeReason.INVALID_INPUT)
            return
        assert held.prepared is not None
        envelope = held.envelope
        child = child_id(envelope.execution, held.prepared.step.id, envelope.attempt)
        values = self._shared.values
        packed, away = values.pack(encoded, child, Field.INPUT)
        wish = Wish(held, asked, packed, values.digests(encoded)[0], meta_of(held, ran), child)
        if away is None:
            self._begin(wish)
        else:
            self._pump.storing.keep(held, away, lambda kept: self._begin(wish._replace(input=kept)))

    def _begin(self, wish: Wish) -> None:
        task = asyncio.create_task(self._keep_asking(wish))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ask no more; leases of steps that wait for an answer run out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_asking(self, wish: Wish) -> None:
        async with self._free:
            while True:
                try:
                    if await self._asked(wish):
                        return
                except (AccessDenied, InvalidInput) as error:
                    self._refuse(wish.held, error, OutcomeReason.NOT_RETRYABLE)
                    return
                except NotFound as error:
                    self._refuse(wish.held, error, OutcomeReason.ERROR, retryable=True)
                    return
                except StoreError as error:
                    if is_refusal(error):
                        self._give_up(wish, error)
                        return
                    await self._failed(wish, error)
                except Exception as error:  # an answer, but no one we know how to read
                    LOGGER.exception("the reply of start_child could not be read")
                    await self._failed(wish, Unavailable(repr(error), ambiguous=True))

    async def _failed(self, wish: Wish, error: StoreError) -> None:
        if lost_groups(error):
            await self._restore_groups()
        await self.outage.wait(error, [wish.held.key])

    async def _asked(self, wish: Wish) -> bool:
        """Ask once; False when another plan is meant by now."""
        if (rights := self._shared.rights) is not None:
            headers, workflow = wish.held.envelope.headers, wish.asked.workflow
            await rights.may_start(headers, workflow, "subworkflow")
        plan = await self._plan_of(wish)
        async with self._pump.calling():
            started = await self._call(wish, plan)
            self.outage.over()
            if started.word == "moved":
                self._latest[wish.asked.workflow] = started.detail
                return False
            self._answered(wish, started)
        return True

    async def _plan_of(self, wish: Wish) -> Plan:
        """The plan the child runs; raises NotFound."""
        workflow, version = wish.asked.workflow, wish.asked.version
        known = self._pinned.get((workflow, version)) if version else self._latest.get(workflow)
        known = known or await self._ask_plan(wish)
        return await self._shared.plans.get(wish.held.partition, known)

    async def _ask_plan(self, wish: Wish) -> str:
        workflow, version = wish.asked.workflow, wish.asked.version
        if version is None:
            latest = await self._driver.run(read_published(wish.held.partition, workflow))
            if latest is None:
                raise _unknown(workflow)
            self._latest[workflow] = latest
            return latest
        found = await self._driver.run(read_version(self._shared.space, workflow, version))
        if found is None:
            raise NotFound(
                f"workflow {workflow!r} has no version {version}",
                hint="name a version that is registered, or none for the latest",
            )
        self._pinned[workflow, version] = found[0]
        return found[0]

    async def _call(self, wish: Wish, plan: Plan) -> ChildStarted:
        held, envelope = wish.held, wish.held.envelope
        shared = self._shared
        queues = list(dict.fromkeys((*shared.settings.queues, *shared.plans.queues)))
        op = start_child(
            shared.space,
            held.partition,
            queues=queues,
            parent=envelope.execution,
            child=wish.child,
            plans=(envelope.plan, plan.hash),
            workflow=wish.asked.workflow,
            token=held.token,
            queue=queues.index(held.queue) + 1,
            step=envelope.step,
            meta=wish.meta,
            version=wish.asked.version or 0,
            digest=wish.digest,
            input=wish.input,
        )
        return await self._driver.run(op, deadline=None)

    def _answered(self, wish: Wish, started: ChildStarted) -> None:
        held, word = wish.held, started.word
        problem = _problem(wish, word)
        if problem is not None:
            self._latest.pop(wish.asked.workflow, None)
            again = word in ("unknown", "inactive")
            reason = OutcomeReason.ERROR if again else OutcomeReason.NOT_RETRYABLE
            self._refuse(held, problem, reason, retryable=again)
            return
        assert self._pump.attempts is not None
        self._pump.attempts.claims.pop(held.key, None)
        if started.ended:
            self._shared.plans.count_ended(started.ended)
        if started.orders and self._pump.carry_out is not None:
            self._pump.carry_out(held.partition, started.orders)
        repeated = self.outage.was_ambiguous(held.key)
        if word in _CODES:
            self._pump.not_plainly_recorded(held, _CODES[word], repeated=repeated, op="start_child")
            return
        if self._shared.spans is not None:
            self._shared.spans.started_child(held, wish.child, wish.asked.workflow)
        metrics, namespace = self._shared.metrics, self._shared.space.keys.namespace
        label = metrics.workflow_label(wish.asked.workflow)
        metrics.started.labels(namespace, label, "subworkflow").inc()

    def _refuse(
        self, held: Held, error: Exception, reason: OutcomeReason, *, retryable: bool = False
    ) -> None:
        """There will be no child: the attempt fails, by `advance` like any other."""
        self._pump.report(held, failed(held, error, reason, retryable=retryable))

    def _give_up(self, wish: Wish, error: StoreError) -> None:
        assert self._pump.attempts is not None
        LOGGER.error(
            "child %s of execution %s cannot be started, the step runs again: %s",
            wish.child,
            wish.held.envelope.execution,
            error,
        )
        self._pump.attempts.claims.pop(wish.held.key, None)


def _unknown(workflow: str) -> NotFound:
    return NotFound(
        f"workflow {workflow!r} is not registered", hint="register it, or correct the id"
    )


def _problem(wish: Wish, word: str) -> RedflowError | None:
    """Why there will be no child; None for any other answer."""
    workflow = wish.asked.workflow
    if word == "unknown":
        return _unknown(workflow)
    if word == "inactive":
        return Conflict(f"workflow {workflow!r} is INACTIVE", hint="reactivate it")
    if word == "conflict":
        return Conflict(
            f"execution {wish.child!r} exists and is no child of this step",
            hint="start executions under ids of your own that hold no dot",
        )
    if word == "deep":
        return InvalidInput(
            f"execution {wish.child!r} would be nested too deep",
            hint="let subworkflows nest less, or start the execution by a function",
        )
    return None
