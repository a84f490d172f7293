"""A step ends: completed, failed, cancelled or skipped by an operator; and joins the undo list."""

from redflow.model.plan import FAILURE
from tests.store.reference.frontier import spread
from tests.store.state import FAILING, RUNNING, Call, Execution, Outcome, Step, Token

CERTAIN, UNCERTAIN, BY_ITSELF = "sca", "sa", "a"
"""What a step did, as the compensations (started, completed, attempted) that it calls for."""


def complete(call: Call, execution: Execution, step: Step, outcome: Outcome) -> None:
    """Its function returned."""
    step.state, step.token, step.meta = "C", outcome.token, outcome.meta
    step.value, step.not_taken = outcome.value, outcome.detail
    call.emit(execution, 6, step.number, outcome.meta)
    _settled(call, execution, step, CERTAIN)
    spread(call, execution, step.number, "c", outcome.detail)


def fail(
    call: Call, execution: Execution, step: Step, token: Token | None, meta: str, error: bytes,
    did: str,
) -> None:  # fmt: skip
    """No attempt is left; without a failure edge the execution fails."""
    step.state, step.token, step.meta, step.value = "F", token, meta, error
    call.emit(execution, 7, step.number, meta)
    _settled(call, execution, step, did)
    handled = any(edge.kind == FAILURE for edge in execution.edges(step.number))
    if not handled and execution.phase == RUNNING:
        stop(execution, FAILING)
        execution.error, execution.failed_step = error, step.number
    spread(call, execution, step.number, "f")


def cancel(
    call: Call, execution: Execution, step: Step, token: Token | None, meta: str, *, begun: bool
) -> None:
    """It will not run on; an attempt that had begun stays on record."""
    step.state, step.at = "X", call.now
    step.token, step.meta = (token, meta) if begun else (None, "")
    call.emit(execution, 13, step.number)
    _settled(call, execution, step, UNCERTAIN if begun else "")
    spread(call, execution, step.number, "x")


def skip(
    call: Call, execution: Execution, step: Step, queue: str, value: bytes, not_taken: str,
    *, begun: bool,
) -> None:  # fmt: skip
    """An operator says what it would have given."""
    step.state, step.token, step.meta = "C", None, f"0,0,0,{queue},0,0"
    step.value, step.not_taken = value, not_taken
    call.emit(execution, 12, step.number, "o")
    _settled(call, execution, step, UNCERTAIN if begun else "")
    spread(call, execution, step.number, "c", not_taken)


def stop(execution: Execution, phase: str) -> None:
    """Nothing but finalizers will run; a pause is over."""
    execution.phase = phase
    execution.paused.clear()


def _settled(call: Call, execution: Execution, step: Step, did: str) -> None:
    step.waiting = None
    call.partition.timers.pop(f"d:{execution.id}:{step.number}", None)
    planned = execution.plan.step(step.number)
    if planned.undo and planned.undo_when in did:
        execution.undo.append(step.number)
        execution.undo_left += 1
