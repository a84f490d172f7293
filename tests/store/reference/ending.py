"""The end of a call: executions that nothing moves any more end, or begin to undo."""

from collections.abc import Sequence

from tests.store.reference.tokens import issue
from tests.store.state import COMPENSATING, DONE, RUNNING, Call, Contents, Execution


def open_call(partition: Contents, now: int, named: Sequence[str] = ()) -> Call:
    """Begin a call that names some executions."""
    return Call(partition, now, list(dict.fromkeys(named)), partition.limits.edge_budget)


def close(call: Call) -> Call:
    """End, compensate or begin to stop what the call has touched."""
    named = [call.touched[one] for one in call.named if one in call.touched]
    for execution in dict.fromkeys([*named, *call.touched.values()]):
        if execution.phase == DONE:
            continue
        if execution.live == 0:
            if not _undo_next(call, execution):
                _end(call, execution)
        elif execution.stopping and execution.stopping_since is None:
            execution.stopping_since = call.now
            call.order(f"k:{execution.id}:1")
    call.partition.records += len(call.events)
    call.partition.last = call
    return call


def _undo_next(call: Call, execution: Execution) -> bool:
    """Start the compensation of the step that settled last, if there is one to undo."""
    if execution.phase == RUNNING or execution.abandoned or not execution.undo_left:
        return False
    execution.phase, execution.stopping_since = COMPENSATING, None
    execution.undo_left -= 1
    undone = execution.undo[execution.undo_left]
    number = execution.plan.step(undone).undo
    call.emit(execution, 11, number, undone)
    queue = execution.plan.step(number).queue
    issue(call, execution, execution.steps[number], (queue, 1, 0, 0))
    return True


def _end(call: Call, execution: Execution) -> None:
    letter = "X" if execution.will_cancel else "C" if execution.phase == RUNNING else "F"
    execution.phase, execution.stopping_since = DONE, None
    execution.ended = (call.now, letter)
    execution.paused.clear()
    if execution.timed:
        execution.timed = False
        del call.partition.timers[f"x:{execution.id}"]
    call.emit(execution, {"C": 2, "F": 3, "X": 4}[letter], None)
    call.ended.append((execution.id, letter))
    if execution.parent:
        call.order("p:{}:{}".format(*execution.parent))
