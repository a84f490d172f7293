"""One step from claim to outcome: read its input, run it where it belongs, say what came of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from redflow.errors import InputTooLarge, InvalidInput, NotFound, StoreError
from redflow.expressions import ExpressionError
from redflow.model.outcome import Outcome, OutcomeReason, Released
from redflow.nodes.context import Context, Resume
from redflow.worker.claims import Claims, Held
from redflow.worker.coroutines import Coroutines
from redflow.worker.endings import failed, masked, outcome_of_error, returned, timed_out, unprepared
from redflow.worker.inputs import Given, read_input, travelled_input
from redflow.worker.plans import Prepared
from redflow.worker.processes import Processes
from redflow.worker.resumes import read_resume
from redflow.worker.shared import Shared
from redflow.worker.threads import Threads

LOGGER = logging.getLogger("redflow.worker")

LONGEST_WAIT = 1.0
"""Seconds a claimed step waits here for a slot before another worker may have it."""

Report = Callable[[Held, Outcome], None]


class Attempts:
    """Runs held steps within the slots of this worker; every step is reported exactly once."""

    def __init__(self, shared: Shared, report: Report, note: Callable[[Held], None]) -> None:
        self._driver = shared.driver
        self._plans = shared.plans
        self._settings = shared.settings
        self._values = shared.values
        self._counting = shared.counting
        self._spans = shared.spans
        self._report = report
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._coroutines = Coroutines()
        self._waiting: deque[Held] = deque()
        self._for_pool: deque[Held] = deque()
        self._reading: set[asyncio.Task[None]] = set()
        self._pool_bound = 0.0
        self.threads = Threads(shared.settings.threads)
        self.children = Processes(shared.settings.children)
        self.claims = Claims()
        self.under_way = 0
        self.idle = asyncio.Event()
        self.idle.set()

    # What the worker may claim

    def room(self) -> int:
        """How many more steps this worker would run at once."""
        waiting = len(self._waiting) + len(self._for_pool)
        free = self._settings.concurrency - self.under_way - waiting
        if self._pool_bound:
            free = min(free, self._pool_room())
        return max(0, free)

    def _pool_room(self) -> int:
        """Room while threads or children were found full: what is claimed may be for them again."""
        full = [pool for pool in (self.threads, self.children) if not pool.free]
        if not full:
            self._pool_bound = 0.0
            return self._settings.concurrency
        return 0 if self._pool_bound > time.monotonic() else min(pool.size for pool in full)

    # Claim to start

    def accept(self, held: Held) -> None:
        """Take over a claimed step; a token that is held already changes nothing."""
        if held.key in self.claims:
            return None
        self.claims[held.key] = held
        self.idle.clear()
        if self.under_way >= self._settings.concurrency:
            # The blocking read may win some from each of many partitions at once.
            self._waiting.append(held)
            return None
        return self._begin(held)

    def _begin(self, held: Held) -> None:
        self.under_way += 1
        envelope = held.envelope
        prepared = self._plans.known(envelope.plan, envelope.step)
        if prepared is None or envelope.data is None or envelope.resume is not None:
            return self._read_soon(held)
        held.prepared = prepared
        try:
            given = travelled_input(held, prepared, self._values)
        except Exception as error:  # whatever is wrong with it, it is not the worker's end
            return self._unreadable(held, error)
        if given is None:
            return self._read_soon(held)
        return self._start(held, prepared, given)

    def _read_soon(self, held: Held) -> None:
        task = self._loop.create_task(self._read(held))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, held: Held) -> None:
        """Read what did not travel with the token; an outage gives the step back."""
        envelope = held.envelope
        try:
            prepared = self._plans.known(envelope.plan, envelope.step)
            if prepared is None:
                prepared = await self._plans.prepare(held.partition, envelope.plan, envelope.step)
            held.prepared = prepared
            given, resume = Given(None), None
            if not held.why:
                given = await read_input(self._driver, held, prepared, self._values)
                resume = await read_resume(self._driver, self._plans, held, self._values)
        except Exception as error:
            self._unreadable(held, error)
        else:
            self._start(held, prepared, given, resume)

    def _unreadable(self, held: Held, error: Exception) -> None:
        """The step cannot start: what is wrong with its input fails it, an outage gives it back."""
        self._counting.unreadable(error)
        if isinstance(error, InputTooLarge):
            return self._settle(held, failed(held, error, OutcomeReason.INPUT_TOO_LARGE))
        if isinstance(error, (StoreError, NotFound)):
            LOGGER.warning("input of a claimed step could not be read: %s", error)
            return self._settle(held, Released(OutcomeReason.UNREADABLE))
        if isinstance(error, ExpressionError):
            return self._settle(held, failed(held, error, OutcomeReason.EXPRESSION))
        if not isinstance(error, InvalidInput):
            LOGGER.error("input of a claimed step makes no sense: %s", error, exc_info=error)
        return self._settle(held, failed(held, error, OutcomeReason.INVALID_INPUT))

    # Start to finish

    def _start(
        self, held: Held, prepared: Prepared, given: Given, resume: Resume | None = None
    ) -> None:
        if held.why:
            return self._settle(held, None)
        if held.drop and not prepared.runs_while_stopping:
            return self._settle(held, Released(OutcomeReason.STOPPING))
        if prepared.runner is None:
            return self._settle(held, unprepared(held, prepared))
        envelope = held.envelope
        held.context = Context(
            prepared.info,
            envelope.execution,
            envelope.attempt,
            held.token,
            given.value,
            resume=resume,
            scope=given.scope,
            headers=envelope.headers,
        )
        if self._spans is not None:
            held.span = self._spans.begin(held, prepared, held.context, resume)
        if prepared.runner.where == "loop":
            return self._start_coroutine(held, prepared)
        if not self._pool_of(prepared).free:
            self._pool_bound = time.monotonic() + 5.0
            self.under_way -= 1
            self._for_pool.append(held)
            return None
        return self._start_outside(held, prepared, given.value)

    def _pool_of(self, prepared: Prepared) -> Threads | Processes:
        assert prepared.runner is not None
        return self.threads if prepared.runner.where == "thread" else self.children

    def _start_coroutine(self, held: Held, prepared: Prepared) -> None:
        assert prepared.runner is not None
        assert held.context is not None
        held.started, held.began = time.monotonic(), True

        def finished(value: Any, error: BaseException | None) -> None:
            self._finish(held, value, error)

        try:
            coroutine = prepared.runner.call(held.context)
        except Exception as error:
            return finished(None, error)
        task = self._coroutines.start(coroutine, held.context, finished)
        if task is not None:
            self._suspended(held, prepared.timeout, task.cancel)
        return None

    def _start_outside(self, held: Held, prepared: Prepared, value: Any) -> None:
        """Run in a thread or a child process."""
        runner, context = prepared.runner, held.context
        assert runner is not None
        assert context is not None
        held.started, held.began = time.monotonic(), True

        def finished(result: Any, error: BaseException | None) -> None:
            self._finish(held, result, error)
            self._run_waiting()

        if runner.where == "thread":
            mark_stuck = self.threads.start(runner.call, context, runner.name, finished)
            self._suspended(held, prepared.timeout, lambda: self._abandon(held, mark_stuck))
            return None
        assert runner.function is not None
        try:
            kill = self.children.start(runner.function, value, prepared.timeout, finished)
        except Exception as error:  # no process can be started now
            return self._finish(held, None, error)
        self._suspended(held, None, kill)
        held.deadline = None if prepared.timeout is None else held.started + prepared.timeout
        return None

    def _suspended(self, held: Held, timeout: float | None, cancel: Callable[[], object]) -> None:
        """The step did not finish at once: from now on it can be ended from outside."""
        held.cancel = cancel
        self._note(held)
        if timeout is not None:
            held.deadline = held.started + timeout
            held.timer = self._loop.call_later(timeout, held.interrupt, "timeout")
        if held.why:
            cancel()

    def _abandon(self, held: Held, mark_stuck: Callable[[], None]) -> None:
        """A thread cannot be ended: settle the step now, or let it finish if it is told to stop."""
        if held.why in ("stop", "lost"):
            return
        if held.why == "timeout":
            mark_stuck()
        self._finish(held, None, asyncio.CancelledError())

    def _run_waiting(self) -> None:
        """Start what waits, the oldest first, as far as there are slots for it."""
        while self._waiting and self.under_way < self._settings.concurrency:
            self._begin(self._waiting.popleft())
        for _ in range(len(self._for_pool)):
            held = self._for_pool.popleft()
            assert held.prepared is not None
            assert held.context is not None
            if self.under_way < self._settings.concurrency and self._pool_of(held.prepared).free:
                self.under_way += 1
                if held.why:
                    self._settle(held, None)
                else:
                    self._start_outside(held, held.prepared, held.context.input)
            else:
                self._for_pool.append(held)

    def release_waiting(self, longest: float = LONGEST_WAIT) -> None:
        """Give back steps that have waited here too long for a slot."""
        oldest = time.monotonic() - longest
        while self._waiting and self._waiting[0].claimed <= oldest:
            self.give_back(self._waiting.popleft())
        while self._for_pool and self._for_pool[0].claimed <= oldest:
            self.under_way += 1
            self._settle(self._for_pool.popleft(), Released(OutcomeReason.SHUTDOWN))

    def give_back(self, held: Held) -> None:
        """Return a claimed step that has not begun; its plan is read if it is not known yet."""
        self.claims[held.key] = held
        self.idle.clear()
        held.why = "shutdown"
        self._begin(held)

    # Finish

    def _finish(self, held: Held, value: Any, error: BaseException | None) -> None:
        if held.reported:
            return
        if error is None:
            if held.why != "timeout":
                outcome: Outcome | None = returned(value)
            else:
                outcome = timed_out(held)
        else:
            outcome = outcome_of_error(held, error)
        if outcome is not None and held.context is not None and held.context.mask:
            outcome = masked(held, outcome, held.context.mask)
        self._settle(held, outcome)

    def _settle(self, held: Held, outcome: Outcome | None) -> None:
        """Report once; without an outcome the token was lost, and nothing is to be said."""
        held.reported = True
        self.under_way -= 1
        if held.timer is not None:
            held.timer.cancel()
        if self._waiting or self._for_pool:
            self._loop.call_soon(self._run_waiting)
        elif not self.under_way:
            self.idle.set()
        if outcome is None:
            outcome = outcome_of_error(held, asyncio.CancelledError())
        if self._spans is not None and held.span is not None:
            self._spans.end(held.span, outcome)
        if outcome is None:
            self.claims.pop(held.key, None)
            return
        if isinstance(outcome, Released) and not held.began:
            outcome = replace(outcome, began=False)
        self._report(held, outcome)

    def interrupt_all(self, why: str) -> None:
        """End every step under way."""
        for held in self.claims.snapshot():
            held.interrupt(why)

    def abandon_all(self) -> None:
        """Give back, uncharged, what would not end when it was told to."""
        for held in self.claims.snapshot():
            if not held.reported:
                LOGGER.warning("step %s does not end when it is told to", held.envelope.step)
                held.why = "shutdown"
                self._finish(held, None, asyncio.CancelledError())

    async def close(self) -> None:
        """Stop threads and children; what still runs in them is not waited for."""
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        if self._spans is not None:
            await self._spans.close()
        self._coroutines.close()
        self.threads.close()
        await asyncio.to_thread(self.children.close)
