"""What the scripts must do to one partition, in plain Python, written from what workflows mean.

What can be derived is not kept: live steps, join counters, indexes and fields follow from the steps
(see rendering.py). The limits of one call are part of the meaning, so pages and orders agree too.
"""

from collections.abc import Iterable, Sequence

from redflow.model.plan import FAILURE, Plan, inline_needs
from redflow.store.executions import Start, pack_value
from redflow.store.space import Limits
from redflow.store.steps import (
    ABSENT,
    CANCELLED,
    DUPLICATE,
    GONE,
    RECORDED,
    STALE,
    STOPPING,
)
from tests.store.state import (
    DONE,
    FAILING,
    RUNNING,
    Call,
    Execution,
    Outcome,
    Step,
    Sweeper,
    Timer,
    Token,
    way,
)


class Partition:
    """The state of a partition and every call that changes it."""

    def __init__(self, limits: Limits, queues: Iterable[str]) -> None:
        self.limits = limits
        self.plans: dict[str, Plan] = {}
        self.workflows: dict[str, tuple[str, int, str]] = {}
        self.executions: dict[str, Execution] = {}
        self.streams: dict[str, list[Token]] = {queue: [] for queue in queues}
        self.timers: dict[str, int] = {}
        self.records = 0
        self.sweeper = Sweeper()
        self.last = Call(0, 0)

    # --- calls

    def start(
        self, now: int, starts: Sequence[Start], names: Sequence[str], hashes: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        """Start executions of published workflows."""
        call = self._open(now)
        words = [
            self._start(call, one, names[one.workflow - 1], hashes[one.plan - 1]) for one in starts
        ]
        return words, self._close(call).orders

    def advance(
        self, now: int, outcomes: Sequence[Outcome], claims: Sequence[tuple[str, int]], worker: str
    ) -> tuple[list[int], list[tuple[Token, int]], list[str], list[tuple[str, str]]]:
        """Record outcomes, then hand out tokens: (token, whether to drop it)."""
        call = self._open(now)
        codes = [self._outcome(call, outcome) for outcome in outcomes]
        self._close(call)
        claimed = [
            (token, int(self._stopping(token.execution)))
            for queue, count in claims
            for token in [t for t in self.streams[queue] if t.consumer is None][:count]
        ]
        for token, _ in claimed:
            token.consumer, token.silent = worker, False
        return codes, claimed, call.orders, call.ended

    def extend(self, worker: str, tokens: Sequence[Token]) -> list[str]:
        """Renew leases."""
        words = []
        for token in tokens:
            if not token.live or token.consumer is None:
                words.append("lost")
                continue
            token.consumer, token.silent = worker, False
            words.append("stop" if self._stopping(token.execution) else "ok")
        return words

    def reclaim(
        self, now: int, tokens: Sequence[Token], deliveries_limit: int, lost_error: bytes
    ) -> tuple[list[str], list[str]]:
        """Re-issue steps whose lease ran out, unless the outage guard holds."""
        call = self._open(now)
        words = [
            "held"
            if now < (self.sweeper.hold or 0)
            else self._reclaim(call, token, deliveries_limit, lost_error)
            for token in tokens
        ]
        return words, self._close(call).orders

    def promote(self, now: int, members: Sequence[str]) -> tuple[list[str], list[str]]:
        """Fire timers and carry out orders."""
        call = self._open(now)
        words = []
        for member in members:
            if self.timers.get(member, now + 1) > now:
                words.append("early")
                continue
            del self.timers[member]
            kind, execution_id, number = member.split(":")
            execution = self.executions.get(execution_id)
            if execution:
                self._touch(call, execution)
                {"w": self._wake, "f": self._settle_on, "k": self._stop_page}[kind](
                    call, execution, int(number)
                )
            words.append("done" if execution else "gone")
        return words, self._close(call).orders

    def list_due(
        self, now: int, worker: str, *, lease: int, sweep_lease: int, sweep_gap: int, limit: int
    ) -> tuple[int, list[str], list[Token]]:
        """When the next timer is due (0: none), due members and silent tokens."""
        if not self.sweeper.take(now, worker, lease, sweep_lease, sweep_gap):
            return 0, [], []
        first = sorted(self.timers, key=lambda member: (self.timers[member], member))[:limit]
        due = [member for member in first if self.timers[member] <= now]
        later = [self.timers[member] for member in first if self.timers[member] > now]
        silent = [t for q in self.streams.values() for t in [t for t in q if t.silent][:limit]]
        return min(later, default=0), due, silent

    def bump_epoch(self, now: int, server: tuple[str, str, str], lease: int) -> tuple[str, int]:
        """Take note of the history that the server's data have."""
        call = self._open(now)
        word = self.sweeper.meet(call, server, lease)
        self._close(call)
        return word, self.sweeper.epoch

    # --- one start, one outcome, one lease, one member

    def _start(self, call: Call, start: Start, name: str, given: str) -> str:
        first = self.executions.get(start.execution)
        if first:
            same = (first.workflow, first.digest) == (name, start.digest)
            return "dup" if same else f"conflict {first.workflow} {first.digest}"
        if name not in self.workflows:
            return "unknown"
        published, version, status = self.workflows[name]
        if status != "ACTIVE":
            return "inactive"
        if not start.version and published != given:
            return f"moved {published}"
        plan = self.plans[given]
        execution = Execution(
            start.execution, plan, name, start.version or version, start.digest, call.now,
            start.input, start.meta, start.headers, [Step(i) for i in range(len(plan.steps) + 1)],
        )  # fmt: skip
        execution.steps[0].state = "C"
        self.executions[start.execution] = execution
        self._touch(call, execution)
        self._emit(call, execution, 1, None, f"{name} {execution.version}")
        self._spread(call, execution, 0, "c")
        return "ok"

    def _outcome(self, call: Call, outcome: Outcome) -> int:
        token = outcome.token
        execution = self.executions.get(token.execution)
        if not execution:
            self._consume(token)
            return GONE
        if not token.live:
            recorded = any(s.token is token and s.state in ("C", "F", "X") for s in execution.steps)
            return DUPLICATE if recorded else STALE
        step = execution.steps[token.step]
        self._consume(token)
        self._touch(call, execution)
        if outcome.kind in "rl" and not execution.may_run(step.number):
            self._cancel(call, execution, step, token, outcome.meta)
            return CANCELLED
        if outcome.kind == "c":
            self._complete(call, execution, step, outcome)
        elif outcome.kind == "f":
            self._fail(call, execution, step, token, outcome.meta, outcome.value)
        elif outcome.kind == "r":
            step.retry_error = outcome.value
            self._emit(call, execution, 8, step.number, outcome.meta)
            due = call.now + int(outcome.detail)
            self._park(execution, step, Timer(due, token.queue, token.attempt + 1, 0, 0, "r"))
        else:
            self._emit(call, execution, 14, step.number, outcome.value.decode())
            counts = (token.attempt, token.deliveries, min(token.releases + 1, 127))
            if outcome.detail == "0":
                self._issue(execution, step, token.queue, *counts, None)
            else:
                due = call.now + int(outcome.detail)
                self._park(execution, step, Timer(due, token.queue, *counts, "l"))
        return RECORDED if execution.phase == RUNNING else STOPPING

    def _reclaim(self, call: Call, token: Token, limit: int, lost_error: bytes) -> str:
        if not token.live or token.consumer is None or not token.silent:
            return "busy"
        self._consume(token)
        execution = self.executions.get(token.execution)
        if not execution:
            return "gone"
        self._touch(call, execution)
        step, deliveries = execution.steps[token.step], token.deliveries + 1
        meta = f"{token.attempt},{deliveries},{token.releases},{token.queue},0,0"
        if not execution.may_run(step.number):
            self._cancel(call, execution, step, token, meta)
            return "cancelled"
        if deliveries > limit:
            self._fail(call, execution, step, token, meta, lost_error)
            return "lost"
        counts = (token.attempt, deliveries, token.releases)
        self._issue(execution, step, token.queue, *counts, token.data)
        self._emit(call, execution, 15, step.number, meta)
        return "moved"

    def _wake(self, call: Call, execution: Execution, number: int) -> None:
        step = execution.steps[number]
        if step.state != "t" or step.timer is None:
            return
        if not execution.may_run(number):
            self._cancel(call, execution, step)
            return
        timer = step.timer
        counts = (timer.attempt, timer.deliveries, timer.releases)
        self._issue(execution, step, timer.queue, *counts, None)

    def _settle_on(self, call: Call, execution: Execution, number: int) -> None:
        step = execution.steps[number]
        if step.owed:
            (first, mode, not_taken), step.owed = step.owed, None
            self._spread(call, execution, number, mode, not_taken, first)

    def _stop_page(self, call: Call, execution: Execution, first: int) -> None:
        if execution.phase != FAILING:
            return
        last = min(first + self.limits.page - 1, len(execution.plan.steps))
        for number in range(first, last + 1):
            step = execution.steps[number]
            if execution.may_run(number):
                continue
            if step.state == "q" and step.token and step.token.consumer is None:
                self._consume(step.token)
                self._cancel(call, execution, step)
            elif step.state == "t":
                del self.timers[f"w:{execution.id}:{number}"]
                self._cancel(call, execution, step)
        if last < len(execution.plan.steps):
            self._order(call, f"k:{execution.id}:{last + 1}")

    # --- what happens to a step

    def _complete(self, call: Call, execution: Execution, step: Step, outcome: Outcome) -> None:
        step.state, step.token, step.meta = "C", outcome.token, outcome.meta
        step.value, step.not_taken = outcome.value, outcome.detail
        self._emit(call, execution, 6, step.number, outcome.meta)
        self._spread(call, execution, step.number, "c", outcome.detail)

    def _fail(
        self, call: Call, execution: Execution, step: Step, token: Token, meta: str, error: bytes
    ) -> None:
        step.state, step.token, step.meta, step.value = "F", token, meta, error
        self._emit(call, execution, 7, step.number, meta)
        handled = any(edge.kind == FAILURE for edge in execution.edges(step.number))
        if not handled and execution.phase == RUNNING:
            execution.phase, execution.error = FAILING, error
            execution.failed_step = step.number
        self._spread(call, execution, step.number, "f")

    def _cancel(
        self,
        call: Call,
        execution: Execution,
        step: Step,
        token: Token | None = None,
        meta: str = "",
    ) -> None:
        step.state, step.token, step.meta, step.at = "X", token, meta, call.now
        self._emit(call, execution, 13, step.number, None)
        self._spread(call, execution, step.number, "x")

    def _spread(
        self, call: Call, execution: Execution, number: int, mode: str, not_taken: str = "",
        first: int = 1,
    ) -> None:  # fmt: skip
        """Settle the edges of a settled step and of all steps it skips, deepest first."""
        if execution.phase != RUNNING and not any(s.finalizer for s in execution.plan.steps):
            return
        todo = [(number, first, mode, not_taken)]
        while todo:
            number, first, mode, not_taken = todo.pop()
            refused = {int(position) for position in not_taken.split(",") if position}
            for position, edge in enumerate(execution.edges(number)[first - 1 :], first):
                if call.budget == 0:
                    step = execution.steps[number]
                    step.owed, step.was_owed = (position, mode, not_taken), True
                    self._order(call, f"f:{execution.id}:{number}")
                    break
                call.budget -= 1
                child = execution.steps[edge.child]
                child.arrived[number, position] = way(edge.kind, mode, position in refused)
                unrun = self._look_at(call, execution, child)
                if unrun:
                    todo.append((edge.child, 1, unrun, ""))

    def _look_at(self, call: Call, execution: Execution, child: Step) -> str:
        """Start or settle a step whose incoming edges are all settled; answers how it ended."""
        ways = list(child.arrived.values())
        if len(ways) < execution.incoming(child.number):
            return ""
        planned = execution.plan.step(child.number)
        if "taken" in ways and ("blocked" not in ways or planned.any_outcome):
            if execution.may_run(child.number):
                data = self._travelling(execution, child.number)
                self._issue(execution, child, planned.queue, 1, 0, 0, data)
                return ""
            child.state, child.at = "X", call.now
            self._emit(call, execution, 13, child.number, None)
            return "x"
        child.state, child.why = "S", "b" if "blocked" in ways else "s"
        self._emit(call, execution, 12, child.number, child.why)
        return child.why

    def _travelling(self, execution: Execution, number: int) -> list[bytes] | None:
        """The values that travel with a step's first token; None when it must read them."""
        needs = inline_needs(execution.plan.step(number))
        if needs is None:
            return None
        values = []
        for name in needs:
            value = pack_value(execution.input, self.limits.inline_value)
            if name != "input":
                parent = execution.steps[int(name[1:])]
                value = parent.value if parent.state == "C" else b"=" + ABSENT
            if value[:1] == b"@":
                return None
            values.append(value[1:])
        return values if sum(map(len, values)) <= self.limits.inline_total else None

    # --- tokens, timers, orders, events

    def _issue(
        self, execution: Execution, step: Step, queue: str, attempt: int, deliveries: int,
        releases: int, data: list[bytes] | None,
    ) -> None:  # fmt: skip
        step.state, step.timer = "q", None
        step.token = Token(
            queue, execution.id, step.number, execution.plan.hash, attempt, deliveries, releases,
            data, execution.headers,
        )  # fmt: skip
        self.streams[queue].append(step.token)

    def _consume(self, token: Token) -> None:
        if token.live:
            token.live = False
            self.streams[token.queue].remove(token)

    def _park(self, execution: Execution, step: Step, timer: Timer) -> None:
        step.state, step.token, step.timer = "t", None, timer
        self.timers[f"w:{execution.id}:{step.number}"] = timer.due

    def _order(self, call: Call, member: str) -> None:
        self.timers[member] = call.now
        call.orders.append(member)

    def _emit(
        self, call: Call, execution: Execution, kind: int, step: int | None, extra: object
    ) -> None:
        execution.events += 1
        call.events.append((kind, execution.id, execution.events, step, extra))

    def _stopping(self, execution_id: str) -> bool:
        execution = self.executions.get(execution_id)
        return execution is not None and execution.phase == FAILING

    def _open(self, now: int) -> Call:
        return Call(now, self.limits.edge_budget)

    def _touch(self, call: Call, execution: Execution) -> None:
        call.touched[execution.id] = execution

    def _close(self, call: Call) -> Call:
        """End executions that nothing will move any more; begin to stop those that failed."""
        for execution in call.touched.values():
            if execution.phase != DONE and execution.live == 0:
                letter = "C" if execution.phase == RUNNING else "F"
                execution.phase, execution.stopping_since = DONE, None
                execution.ended = (call.now, letter)
                self._emit(call, execution, 2 if letter == "C" else 3, None, None)
                call.ended.append((execution.id, letter))
            elif execution.phase == FAILING and execution.stopping_since is None:
                execution.stopping_since = call.now
                self._order(call, f"k:{execution.id}:1")
        self.records += len(call.events)
        self.last = call
        return call
