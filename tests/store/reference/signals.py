"""Signals: one resumes one step, first come first served; what nobody waits for is kept."""

from tests.store.reference.tokens import park, reissue, take_away
from tests.store.reference.values import signalled
from tests.store.state import RUNNING, SCHEDULED, Buffer, Call, Execution, Step, Waiting


def await_signal(call: Call, execution: Execution, step: Step, waiting: Waiting) -> None:
    """Let a step wait for a signal, or go on with one that came before."""
    name = waiting.what
    call.emit(execution, 9, step.number, name)
    buffer = execution.buffers.get(name)
    if buffer and buffer.payloads:
        buffer.head += 1
        payload = buffer.payloads.pop(0)
        call.emit(execution, 10, step.number, name)
        carried = (waiting.queue, waiting.attempt, waiting.deliveries, waiting.releases)
        reissue(call, execution, step, carried, signalled(payload))
        return
    execution.waiters.setdefault(name, []).append(step.number)
    park(call, execution, step, waiting, "w")


def deliver(call: Call, execution: Execution | None, name: str, signal: str, payload: bytes) -> str:
    """Deliver a signal from outside."""
    if not execution:
        return "gone"
    if signal in execution.seen:
        return "dup"
    if not (execution.stopping or execution.phase in (SCHEDULED, RUNNING)):
        return "late"
    waiters = [n for n in execution.waiters.get(name, []) if execution.may_run(n)]
    if not waiters and execution.stopping:
        return "late"
    if not waiters and buffered(execution) >= call.partition.limits.signals_cap:
        return "full"
    call.touch(execution)
    execution.seen.append(signal)
    if not waiters:
        execution.buffers.setdefault(name, Buffer()).payloads.append(payload)
        call.emit(execution, 10, None, name)
        return "buffered"
    step = execution.steps[waiters[0]]
    carried = step.carried
    take_away(call, execution, step)
    call.emit(execution, 10, step.number, name)
    reissue(call, execution, step, carried, signalled(payload))
    return "delivered"


def buffered(execution: Execution) -> int:
    """Signals that wait for a step."""
    return sum(len(buffer.payloads) for buffer in execution.buffers.values())
