"""The two calls in flight: outcomes go out and claims come back in one `advance`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager

from redflow.errors import StoreError, Unavailable
from redflow.model.outcome import Outcome, StartingChild
from redflow.store.executions import pack_value
from redflow.store.keys import PartitionKeys
from redflow.store.steps import (
    CANCELLED,
    GONE,
    RECORDED,
    STALE,
    STOPPING,
    Advanced,
    Claim,
    advance,
)
from redflow.worker.attempts import Attempts
from redflow.worker.claims import Held
from redflow.worker.conclusion import Conclusion, Place, conclude
from redflow.worker.outage import Outage, is_refusal, lost_groups
from redflow.worker.outbox import Outbox, Report, due_of, meta_of, rows_of, started_note
from redflow.worker.payloads import Storing
from redflow.worker.shared import Shared

LOGGER = logging.getLogger("redflow.worker")

IN_FLIGHT = 2
"""Calls at once: Redis and Python work at the same time; a third gains nothing (measured)."""

PATIENCE = 0.05
"""Seconds a partition waits for room while others fill the slots they free themselves."""

NOTE_AFTER = 0.1
"""Seconds after which a step that is still running is announced even if no other call is due."""


class Pump:
    """Sends reports and claims, partition by partition in turn."""

    def __init__(self, shared: Shared) -> None:
        self._driver = shared.driver
        self._space = shared.space
        self._settings = shared.settings
        self._plans = shared.plans
        self._clock = shared.clock
        self._values = shared.values
        self.storing = Storing(shared.values, self.report)
        self._counting = shared.counting
        self._turn: deque[Outbox] = deque()
        self._work = asyncio.Event()
        self._going = asyncio.Event()
        self._going.set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._drained = asyncio.Event()
        self._reserved = 0
        self._in_flight = 0
        self._loop = asyncio.get_running_loop()
        self.outboxes = [Outbox(keys) for keys in shared.space.keys]
        self._waits = self._counting.waits(shared.settings.queues)
        self.outage = Outage("advance")
        self.accepting = True
        self.attempts: Attempts | None = None
        self.open_queues: list[str] = []
        """The queues of this worker that are not paused; none before its first beat says so."""
        self.informed = asyncio.Event()
        self.parked: Callable[[PartitionKeys, int, str], None] | None = None
        self.start_child: Callable[[Held, StartingChild], None] | None = None
        self.carry_out: Callable[[PartitionKeys, list[str]], None] | None = None
        self.restore_groups: Callable[[], Awaitable[None]] | None = None
        self.fenced = 0

    # What goes out

    def report(self, held: Held, outcome: Outcome) -> None:
        """Take over a settled step; it stays held until Redis has acknowledged it."""
        if isinstance(outcome, StartingChild):
            assert self.start_child is not None
            return self.start_child(held, outcome)
        prepared, envelope = held.prepared, held.envelope
        run, inline = time.monotonic() - held.started, self._space.limits.inline_value
        conclusion = conclude(
            prepared.step if prepared else None,
            outcome,
            attempt=envelope.attempt,
            releases=envelope.releases,
            inline=inline,
            place=Place(self._values, envelope.execution),
            holds=held.holds if prepared is not None and prepared.chooses else None,
        )
        if conclusion.away is None:
            return self._send(held, outcome, conclusion, run)

        def stored(reference: bytes) -> None:
            value = pack_value(reference, inline)
            self._send(held, outcome, conclusion._replace(value=value), run)

        return self.storing.keep(held, conclusion.away, stored)

    def _send(self, held: Held, outcome: Outcome, conclusion: Conclusion, run: float) -> None:
        kind, value, detail, status, _ = conclusion
        outbox = self.outboxes[held.partition.number]
        outbox.reports.append(Report(held, kind, meta_of(held, run), value, detail))
        self._queue(outbox)
        self._waits[held.queue].observe(held.wait / 1000)
        if held.prepared is not None and status:
            held.prepared.tally.count(status, run)
            if kind == "r":
                self._counting.retried(held.prepared.step.type, outcome)

    def note(self, held: Held) -> None:
        """Announce a step that has not finished at once."""
        outbox = self.outboxes[held.partition.number]
        if not outbox.notes:
            self._loop.call_later(NOTE_AFTER, self._queue, outbox)
        outbox.notes.append(held)

    def look(self, partition: int) -> None:
        """Have a partition asked for work in its turn."""
        outbox = self.outboxes[partition]
        outbox.hot, outbox.dry = True, 0
        self._queue(outbox)

    @property
    def busy(self) -> bool:
        """Whether calls find work without the blocking read."""
        return bool(self._turn) or self._in_flight > 0

    async def drained(self, patience: float) -> bool:
        """Wait until calls find no work by themselves, for so many seconds; answer whether so."""
        if self.busy:
            self._drained.clear()
            waiting = self._loop.call_later(patience, self._drained.set)
            try:
                await self._drained.wait()
            finally:
                waiting.cancel()
        return not self.busy

    @property
    def clear(self) -> bool:
        """Whether everything reported has been acknowledged."""
        sent = not self._in_flight and not any(outbox.reports for outbox in self.outboxes)
        return sent and self.storing.clear

    def room(self) -> int:
        """Slots nobody has spoken for."""
        assert self.attempts is not None
        if not self.accepting or not self.open_queues:
            return 0
        return max(0, self.attempts.room() - self._reserved - self.storing.count)

    def close_queues(self, paused: Collection[str]) -> bool:
        """Claim from these queues no more, `*` stands for all; answers whether that is new.

        A blocking read that waits without a queue that is open again is not waited for.
        """
        ours = self._settings.queues
        now_open = [queue for queue in ours if queue not in paused and "*" not in paused]
        before, self.open_queues = self.open_queues, now_open
        if self.informed.is_set() and set(now_open) - set(before):
            for outbox in self.outboxes:
                self.look(outbox.keys.number)
        self.informed.set()
        return now_open != before

    async def pause(self) -> None:
        """Let the calls in flight end, and begin no other until `resume`."""
        self._going.clear()
        await self._quiet.wait()

    def resume(self) -> None:
        """Go on."""
        self._going.set()
        self._work.set()

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Make another call that settles steps: not while `pause` keeps them all back."""
        while not self._going.is_set():
            await self._going.wait()
        self._in_flight += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._quiet.set()
                if not self._turn:
                    self._drained.set()

    def wake(self) -> None:
        """Look at the outboxes again."""
        self._work.set()

    def _queue(self, outbox: Outbox) -> None:
        if not outbox.queued:
            outbox.queued, outbox.since = True, time.monotonic()
            self._turn.append(outbox)
        self._work.set()

    # One call after another

    async def run(self) -> None:
        """Pump until cancelled; an outage is waited out with everything kept in memory."""
        while True:
            outbox = self._next() if self._going.is_set() else None
            if outbox is None:
                self._work.clear()
                await self._work.wait()
                continue
            async with self.calling():
                await self._call(outbox)

    def _next(self) -> Outbox | None:
        """The partition whose turn it is: there is something to say to it, or room to claim.

        A call that reports claims as well, so one that only claims would never find room: after
        some patience the next free slot is its own, whoever frees it.
        """
        if not self._turn:
            return None
        room, patient = self.room(), time.monotonic() - PATIENCE
        chosen = None
        for outbox in self._turn:
            if outbox.reports or outbox.notes:
                chosen = chosen or outbox
            elif room and outbox.since <= patient:
                chosen = outbox
                break
        if chosen is None and room:
            chosen = self._turn[0]
        if chosen is not None:
            self._turn.remove(chosen)
            chosen.queued = False
        return chosen

    async def _call(self, outbox: Outbox) -> None:
        batch = outbox.take(1 if outbox.singly else self._settings.batch)
        notes = [held for held in outbox.notes if not held.reported]
        outbox.notes = []
        # Half the room at the most: the other call in flight wants some too.
        room = 0 if self.outage.active or outbox.singly else self.room()
        wanted = min(self._settings.batch, room, max(1, self._settings.concurrency // IN_FLIGHT))
        outbox.singly = max(0, outbox.singly - 1)
        self._reserved += wanted
        asked = self._claims(outbox, wanted)
        queues = list(dict.fromkeys((*self._settings.queues, *self._plans.queues)))
        executions, plans, rows = rows_of(batch, queues)
        op = advance(
            self._space,
            outbox.keys,
            consumer=self._settings.worker_id,
            queues=queues,
            claims=asked,
            notes=b"".join(started_note(held, self._settings.worker_id) for held in notes),
            notes_count=len(notes),
            executions=executions,
            plans=plans,
            outcomes=rows,
        )
        try:
            reply = await self._driver.run(op, deadline=None)
        except StoreError as error:
            await self._failed(outbox, batch, error)
            return
        except asyncio.CancelledError:
            outbox.reports.extendleft(reversed(batch))
            raise
        except Exception as error:  # an answer, but no one we know how to read
            LOGGER.exception("the reply of advance could not be read")
            await self._failed(outbox, batch, Unavailable(repr(error), ambiguous=True))
            return
        finally:
            self._reserved -= wanted
        self.outage.over()
        self._clock.set(reply.now)
        self._answered(outbox, batch, reply, asked)

    def _claims(self, outbox: Outbox, wanted: int) -> list[int]:
        """Shares of the room, as queue and count; the remainder goes to another queue each time."""
        if not wanted or not self.open_queues:
            return []
        number = len(self.open_queues)
        share, rest = divmod(wanted, number)
        outbox.first = (outbox.first + rest) % number
        words = []
        for at, queue in enumerate(self.open_queues):
            count = share + ((at - outbox.first) % number < rest)
            if count:
                words += [self._settings.queues.index(queue) + 1, count]
        return words

    def _answered(
        self, outbox: Outbox, batch: list[Report], reply: Advanced, asked: list[int]
    ) -> None:
        attempts = self.attempts
        assert attempts is not None
        claims = attempts.claims
        for report, code in zip(batch, reply.codes, strict=True):
            claims.pop(report.held.key, None)
            if report.kind not in "cf":
                self._park(outbox.keys, report, reply.now)
            repeated = bool(self.outage.ambiguous) and self.outage.was_ambiguous(report.held.key)
            if code != RECORDED:
                self.not_plainly_recorded(report.held, code, repeated=repeated)
        if reply.ended:
            self._plans.count_ended(reply.ended)
        if reply.orders and self.carry_out is not None:
            self.carry_out(outbox.keys, reply.orders)
        if asked:
            outbox.dry = 0 if reply.claims else outbox.dry + 1
            queues_asked, number = len(asked) // 2, len(self.open_queues)
            unasked = queues_asked < number and outbox.dry < number
            outbox.hot = unasked or _more(asked, reply.claims)
        if outbox.hot or outbox.reports:
            self._queue(outbox)
        queues, now = self._settings.queues, reply.now
        for claim in reply.claims:
            held = Held(
                outbox.keys,
                queues[claim.queue - 1],
                claim.token,
                claim.envelope,
                now_ms=now,
                drop=bool(claim.drop),
            )
            attempts.accept(held)

    def _park(self, partition: PartitionKeys, report: Report, now: int) -> None:
        """Have the timer of a step that waits fired when it is due."""
        due = due_of(report, now)
        if due and self.parked is not None:
            envelope = report.held.envelope
            self.parked(partition, due, f"w:{envelope.execution}:{envelope.step}")

    def not_plainly_recorded(
        self, held: Held, code: int, *, repeated: bool, op: str = "advance"
    ) -> None:
        """An outcome was refused, or its execution stops; `repeated`: it may be recorded all the
        same, by a call whose reply was lost.
        """
        if code in (CANCELLED, STOPPING):
            assert self.attempts is not None
            for other in self.attempts.claims.of_execution(held.envelope.execution):
                other.interrupt("stop")
        elif code in (STALE, GONE) and not repeated:
            self.fenced += 1
            self._counting.fenced(op)
            LOGGER.warning(
                "outcome of step %s of execution %s was refused: its lease was lost",
                held.envelope.step,
                held.envelope.execution,
            )

    async def _failed(self, outbox: Outbox, batch: list[Report], error: StoreError) -> None:
        """Keep the outcomes and come back; only one that is refused by itself is given up."""
        refused = is_refusal(error) and bool(batch)
        if refused and len(batch) == 1:
            self._give_up(batch.pop(), error)
        elif refused:
            outbox.singly += len(batch)  # scripts check before they write: most of them are fine
        outbox.reports.extendleft(reversed(batch))
        if outbox.reports:
            self._queue(outbox)
        if refused:
            return
        if lost_groups(error) and self.restore_groups is not None:
            # Outcomes go before claims: they may have been recorded.
            error = Unavailable(str(error), ambiguous=True)
            await self.restore_groups()
        await self.outage.wait(error, [report.held.key for report in batch])

    def _give_up(self, report: Report, error: StoreError) -> None:
        assert self.attempts is not None
        envelope = report.held.envelope
        LOGGER.error(
            "outcome of step %s of execution %s cannot be recorded, the step runs again: %s",
            envelope.step,
            envelope.execution,
            error,
        )
        self.attempts.claims.pop(report.held.key, None)


def _more(asked: list[int], claims: Sequence[Claim]) -> bool:
    """Whether a queue gave all that was asked of it, so that it may have more."""
    got = [claim.queue for claim in claims]
    return any(got.count(asked[at]) >= asked[at + 1] for at in range(0, len(asked), 2))
