"""Why an action on an execution is refused, as errors that say what to do instead."""

from collections.abc import Iterable

from redflow.errors import Conflict, InvalidInput, NotFound, OutOfMemory
from redflow.model.execution import execution_status, phase_of
from redflow.model.plan import Plan, PlanStep
from redflow.model.status import Phase
from redflow.store.records import RawExecution

SIGNAL = "signal"

_HINTS = {
    Phase.DONE: "it has ended: rerun_execution runs it again as a new one",
    Phase.SCHEDULED: "it has not begun: cancel it, or wait until it runs",
    Phase.FAILING: "it is ending already: wait for it with result(), then rerun_execution",
    Phase.CANCELLING: "it is ending already: wait for it with result(), then rerun_execution",
    Phase.COMPENSATING: "what it did is being undone: wait for it with result()",
}


def too_late(action: str, raw: RawExecution) -> Conflict:
    """Say that an execution is past the point where something can be done to it."""
    phase = phase_of(raw.phase, raw.flags) or Phase.RUNNING
    status = execution_status(raw.ended_as, raw.phase)
    return Conflict(
        f"cannot {action}: execution {raw.id!r} is {status} in the phase {phase}",
        hint=_HINTS.get(phase, "it has changed meanwhile: look at it and try again"),
    )


def unknown_execution(execution: str, namespace: str) -> NotFound:
    """Say that there is no execution under an id."""
    return NotFound(
        f"execution {execution!r} does not exist in namespace {namespace!r}",
        hint="it was never started there, or retention has removed it",
    )


def unknown_node(plan: Plan, node: str) -> InvalidInput:
    """Say that a workflow has no such node, and which it has."""
    known = _some(plan.nodes)
    return InvalidInput(
        f"workflow {plan.workflow!r} version {plan.version} has no node {node!r}",
        field="node",
        hint=f"its nodes are {known}",
    )


def signal_of(plan: Plan, node: str) -> str:
    """Return the signal that a node waits for, or that has this name; raise InvalidInput."""
    names = {step.id: _signal_name(step) for step in plan.steps if step.type == SIGNAL}
    if node in names:
        return names[node]
    if node in names.values():
        return node
    waiting = _some(sorted(set(names.values())))
    raise InvalidInput(
        f"workflow {plan.workflow!r} version {plan.version} waits for no signal {node!r}",
        field="node",
        hint=f"it waits for {waiting}" if names else "it has no node of type signal",
    )


def signals_full(execution: str, name: str) -> Conflict:
    """Say that an execution keeps as many early signals as it may."""
    return Conflict(
        f"execution {execution!r} does not take signal {name!r}: it keeps as many as it may that"
        " no step has waited for yet",
        hint="send it again once its steps have taken some",
    )


def not_skippable(execution: str, node: str, word: str) -> Conflict:
    """Say why a step cannot be skipped."""
    if word == "settled":
        why, hint = "it has ended already", "rerun_execution with from_node=... runs it again"
    else:
        why, hint = "it is not ready yet", "skip the steps it waits for, or wait for them"
    return Conflict(f"cannot skip node {node!r} of execution {execution!r}: {why}", hint=hint)


def still_running(execution: str) -> Conflict:
    """Say that an execution cannot be run again before it has ended."""
    return Conflict(
        f"cannot rerun execution {execution!r}: it has not ended",
        hint="cancel it or wait for it with result(), then rerun it",
    )


def no_room(where: str) -> OutOfMemory:
    """Say that nothing is taken in while Redis is near its maxmemory."""
    return OutOfMemory(
        f"no execution is taken in: Redis at {where} is near its maxmemory; what runs goes on",
        hint="repeat with the same id later, purge finished executions, or raise maxmemory",
    )


def inactive_workflow(workflow: str) -> Conflict:
    """Say that a workflow starts nothing."""
    return Conflict(
        f"workflow {workflow!r} is INACTIVE and starts no executions",
        hint="reactivate it: client.workflows.reactivate, redflow workflow reactivate",
    )


def _signal_name(step: PlanStep) -> str:
    name = step.config.get("name")
    return name if isinstance(name, str) and name else step.id


def _some(names: Iterable[str], most: int = 20) -> str:
    """List names, not more than can be read."""
    listed = list(names)
    text = ", ".join(listed[:most])
    return f"{text} and {len(listed) - most} more" if len(listed) > most else text
