"""Sweeps: what is due, timers and orders, leases that ran out."""

from tests.store.reference.frontier import settle_on
from tests.store.reference.settling import UNCERTAIN, cancel, fail
from tests.store.reference.starting import begin
from tests.store.reference.stopping import (
    cancel_live,
    pass_deadline,
    stop_for_cancel,
    time_out,
    turn_page,
)
from tests.store.reference.tokens import consume, issue, reissue, take_away
from tests.store.reference.values import TIMEOUT, TIMER, child_ended
from tests.store.state import SCHEDULED, Call, Contents, Execution, Token


def list_due(
    partition: Contents, now: int, worker: str, *, lease: int, sweep_lease: int, sweep_gap: int,
    limit: int,
) -> tuple[int, list[str], list[Token]]:  # fmt: skip
    """When the next timer is due (0: none), due members and silent tokens."""
    if not partition.sweeper.take(now, worker, lease, sweep_lease, sweep_gap):
        return 0, [], []
    timers = partition.timers
    first = sorted(timers, key=lambda member: (timers[member], member))[:limit]
    due = [member for member in first if timers[member] <= now]
    later = [timers[member] for member in first if timers[member] > now]
    silent = [t for q in partition.streams.values() for t in [t for t in q if t.silent][:limit]]
    return min(later, default=0), due, silent


def reclaim(call: Call, token: Token, limit: int, lost_error: bytes) -> str:
    """Re-issue a step whose lease ran out, unless the outage guard holds."""
    if call.now < (call.partition.sweeper.hold or 0):
        return "held"
    if not token.live or token.consumer is None or not token.silent:
        return "busy"
    consume(call, token)
    execution = call.partition.executions.get(token.execution)
    if not execution:
        return "gone"
    call.touch(execution)
    step, deliveries = execution.steps[token.step], token.deliveries + 1
    step.ran = True
    meta = f"{token.attempt},{deliveries},{token.releases},{token.queue},0,0"
    if not execution.may_run(step.number):
        cancel(call, execution, step, token, meta, begun=True)
        return "cancelled"
    if deliveries > limit:
        fail(call, execution, step, token, meta, lost_error, UNCERTAIN)
        return "lost"
    carried = (token.queue, token.attempt, deliveries, token.releases)
    issue(call, execution, step, carried, token.data, token.resume)
    call.emit(execution, 15, step.number, meta)
    return "moved"


def promote(call: Call, member: str, timeout_error: bytes) -> str:
    """Fire a timer, or carry out an order."""
    timers = call.partition.timers
    if timers.get(member, call.now + 1) > call.now:
        return "early"
    del timers[member]
    kind, execution_id, *rest = member.split(":")
    execution = call.partition.executions.get(execution_id)
    if not execution:
        return "gone"
    call.touch(execution)
    number = int(rest[0]) if rest else 0
    if kind == "w":
        _wake(call, execution, number)
    elif kind == "f" and execution.phase == SCHEDULED:
        begin(call, execution)
    elif kind == "f":
        settle_on(call, execution, number)
    elif kind == "k":
        turn_page(call, execution, number)
    elif kind == "d":
        pass_deadline(call, execution, number, timeout_error)
    elif kind == "x":
        time_out(call, execution, timeout_error)
    elif kind == "c":
        stop_for_cancel(call, execution)
    else:
        _hear_of_child(call, execution, number)
    return "done"


def _wake(call: Call, execution: Execution, number: int) -> None:
    step = execution.steps[number]
    if step.state not in ("t", "w") or step.waiting is None:
        return
    if not execution.may_run(number):
        cancel_live(call, execution, step)
        return
    why = step.waiting.why
    resume = TIMEOUT if step.state == "w" else TIMER if why == "s" else None
    carried = step.carried
    take_away(call, execution, step)
    reissue(call, execution, step, carried, resume)


def _hear_of_child(call: Call, execution: Execution, number: int) -> None:
    step = execution.steps[number]
    if step.state != "k" or step.waiting is None:
        return
    if execution.may_run(number):
        reissue(call, execution, step, step.carried, child_ended(step.waiting.what))
    else:
        cancel_live(call, execution, step)
