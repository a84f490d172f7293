"""What becomes of ended executions: they run again in part, and are removed."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.store.reference.frontier import spread
from tests.store.reference.settling import skip
from tests.store.reference.starting import begin, make, refusal
from tests.store.reference.stopping import end_wait
from tests.store.state import COMPENSATING, DONE, LIVE, RUNNING, Call, Execution, Step


@dataclass(frozen=True)
class Rerun:
    """A rerun as its caller planned it; `copies` are (new step, old step, edges not taken)."""

    old: str
    new: str
    workflow: str
    plan: str
    version: int
    digest: str
    input: bytes | None
    copies: Sequence[tuple[int, int, str]]
    undos: Sequence[int]
    compensation: bool = False


def rerun(call: Call, given: Rerun) -> str:
    """Run an ended execution again: as a new one that keeps some of its steps."""
    old, there = call.partition.executions.get(given.old), call.partition.executions.get(given.new)
    if there:
        same = (there.origin, there.digest) == (given.old, given.digest)
        return "dup" if same else "conflict"
    if not old:
        return "gone"
    if old.phase != DONE:
        return "running"
    if call.partition.sweeper.full > call.now:
        return "full"
    refused = refusal(call, given.workflow, given.plan, given.version)
    if refused:
        return refused
    value = old.input if given.input is None else given.input
    new = make(call, given.new, given.workflow, given.plan, given.version, given.digest, value)
    new.meta, new.headers, new.origin = old.meta, old.headers, old.id
    old.rerun_as = new.id
    call.touch(old)
    for number, kept, not_taken in given.copies:
        new.steps[number] = _copy(old.steps[kept], number, not_taken)
    new.undo, new.undo_left = list(given.undos), len(given.undos)
    if given.compensation:
        _undo_again(call, new, old)
        return "ok"
    begin(call, new)
    for number, _, not_taken in given.copies:
        step = new.steps[number]
        spread(call, new, number, step.why if step.state == "S" else "c", not_taken)
    return "ok"


def _copy(step: Step, number: int, not_taken: str) -> Step:
    return Step(
        number, step.state, token=step.token, meta=step.meta, value=step.value,
        not_taken=not_taken, why=step.why, at=step.at,
    )  # fmt: skip


def _undo_again(call: Call, new: Execution, old: Execution) -> None:
    """Only compensate: the end will be the old one's."""
    new.phase, new.will_cancel = COMPENSATING, old.will_cancel
    new.error, new.failed_step, new.cancelled = old.error, old.failed_step, old.cancelled
    new.paused.clear()
    call.emit(new, 1, None, f"{new.workflow} {new.version}")


def skip_step(
    call: Call, execution: Execution | None, number: int, value: bytes, not_taken: str
) -> str:
    """An operator gives the output of a step that waits or runs."""
    if not execution:
        return "gone"
    if execution.phase != RUNNING:
        return "late"
    step = execution.steps[number]
    if not step.state:
        return "not_ready"
    if step.state not in LIVE:
        return "settled"
    call.touch(execution)
    begun = step.begun
    queue = step.carried[0]
    end_wait(call, execution, step)
    skip(call, execution, step, queue, value, not_taken, begun=begun)
    return "ok"


def purge(
    call: Call, execution: str, parent: str, *, completed_before: int, others_before: int
) -> str:
    """Remove an execution that ended long ago, unless its parent may still ask for it."""
    found = call.partition.executions.get(execution)
    if not found:
        return "gone"
    if not found.ended:
        return "live"
    at, letter = found.ended
    if at >= (completed_before if letter == "C" else others_before):
        return "early"
    above = call.partition.executions.get(parent)
    if above and not above.ended:
        return "kept"
    del call.partition.executions[execution]
    return "purged"
