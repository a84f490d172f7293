"""Edges settle, each once; a step whose edges are all settled starts or ends unrun."""

from tests.store.reference.tokens import begin_step
from tests.store.state import RUNNING, Call, Execution, Step, way


def spread(
    call: Call, execution: Execution, number: int, mode: str, not_taken: str = "", first: int = 1
) -> None:
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
                call.order(f"f:{execution.id}:{number}")
                break
            call.budget -= 1
            child = execution.steps[edge.child]
            child.arrived[number, position] = way(edge.kind, mode, position in refused)
            unrun = _look_at(call, execution, child)
            if unrun:
                todo.append((edge.child, 1, unrun, ""))


def settle_on(call: Call, execution: Execution, number: int) -> None:
    """Settle edges that were owed."""
    step = execution.steps[number]
    if step.owed:
        (first, mode, not_taken), step.owed = step.owed, None
        spread(call, execution, number, mode, not_taken, first)


def _look_at(call: Call, execution: Execution, child: Step) -> str:
    """Start or settle a step whose incoming edges are all settled; answers how it ended.

    A step that a rerun has kept stands as it is.
    """
    ways = list(child.arrived.values())
    if len(ways) < execution.incoming(child.number) or child.state:
        return ""
    planned = execution.plan.step(child.number)
    if "taken" in ways and ("blocked" not in ways or planned.any_outcome):
        if execution.may_run(child.number):
            begin_step(call, execution, child)
            return ""
        child.state, child.at = "X", call.now
        call.emit(execution, 13, child.number)
        return "x"
    child.state, child.why = "S", "b" if "blocked" in ways else "s"
    call.emit(execution, 12, child.number, child.why)
    return child.why
