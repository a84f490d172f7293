"""Executions are told to stop, and deadlines pass: live steps end page by page."""

import msgspec

from tests.store.reference.settling import UNCERTAIN, cancel, fail, stop
from tests.store.reference.tokens import reissue, take_away
from tests.store.state import (
    CANCELLING,
    COMPENSATING,
    DONE,
    FAILING,
    LIVE,
    RUNNING,
    SCHEDULED,
    Call,
    Execution,
    Step,
    Token,
)

ORPHANED = msgspec.msgpack.encode({"reason": "its parent stopped waiting for it"})
"""Why a child is cancelled by its parent."""


def stop_execution(call: Call, execution: Execution | None, kind: str, body: bytes) -> str:
    """Cancel (c) or fail (f) an execution."""
    if not execution:
        return "gone"
    phase = CANCELLING if kind == "c" else FAILING
    if execution.phase == phase:
        return "dup"
    if execution.phase not in (SCHEDULED, RUNNING):
        return "late"
    if kind == "c":
        stop_for_cancel(call, execution, body)
    else:
        execution.error = body
        _stop_for_failure(call, execution)
    return "ok"


def stop_for_cancel(call: Call, execution: Execution, body: bytes = ORPHANED) -> None:
    """Cancel, unless it stops already or has ended."""
    if execution.phase in (SCHEDULED, RUNNING):
        execution.will_cancel, execution.cancelled = True, body
        execution.abandoned = execution.plan.on_cancel == "abandon"
        _stop(call, execution, CANCELLING, 20)


def time_out(call: Call, execution: Execution, error: bytes) -> None:
    """The timeout of an execution has passed."""
    execution.timed = False
    call.touch(execution)
    if execution.phase in (SCHEDULED, RUNNING):
        execution.error = error
        _stop_for_failure(call, execution)


def pass_deadline(call: Call, execution: Execution, number: int, error: bytes) -> None:
    """The deadline of a step has passed."""
    step = execution.steps[number]
    if step.state not in LIVE or execution.phase == COMPENSATING:
        return
    if execution.may_run(number):
        begun = step.begun
        meta, token = end_wait(call, execution, step)
        fail(call, execution, step, token, meta, error, UNCERTAIN if begun else "")
    elif step.state != "k":
        cancel_live(call, execution, step)


def cancel_live(call: Call, execution: Execution, step: Step) -> None:
    """End a step without a worker."""
    begun = step.begun
    meta, token = take_away(call, execution, step)
    cancel(call, execution, step, token, meta, begun=begun)


def end_wait(call: Call, execution: Execution, step: Step) -> tuple[str, Token | None]:
    """Take a live step from what it waits for; a child is not needed any more."""
    if step.state == "k":
        _cancel_child(call, step)
    return take_away(call, execution, step)


def turn_page(call: Call, execution: Execution, first: int) -> None:
    """Stop, hold or let go on the steps of a page, as the execution stands now."""
    if execution.phase in (SCHEDULED, COMPENSATING, DONE):
        return
    last = min(first + call.partition.limits.page - 1, len(execution.plan.steps))
    for number in range(first, last + 1):
        step = execution.steps[number]
        if execution.stopping and not execution.may_run(number):
            _stop_step(call, execution, step)
        elif execution.paused and _waits_in_queue(step):
            carried = step.carried
            take_away(call, execution, step)
            reissue(call, execution, step, carried)
        elif step.state == "h" and not execution.paused:
            reissue(call, execution, step, step.carried)
    if last < len(execution.plan.steps):
        call.order(f"k:{execution.id}:{last + 1}")


def _stop_step(call: Call, execution: Execution, step: Step) -> None:
    if step.state == "k":
        _cancel_child(call, step)
    elif step.state in ("t", "w", "h") or _waits_in_queue(step):
        cancel_live(call, execution, step)


def _waits_in_queue(step: Step) -> bool:
    return step.state == "q" and step.token is not None and step.token.consumer is None


def _cancel_child(call: Call, step: Step) -> None:
    assert step.waiting is not None
    call.order(f"c:{step.waiting.what}")


def _stop_for_failure(call: Call, execution: Execution) -> None:
    _stop(call, execution, FAILING, 21)


def _stop(call: Call, execution: Execution, phase: str, event: int) -> None:
    call.touch(execution)
    if execution.phase == SCHEDULED:
        execution.steps[0].owed = None
        del call.partition.timers[f"f:{execution.id}:0"]
    stop(execution, phase)
    call.emit(execution, event, None)
