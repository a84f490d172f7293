"""Steps as the command line shows them: rows, fields and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from redflow.cli.output import lasting
from redflow.cli.records import error_text
from redflow.model.status import StepStatus

if TYPE_CHECKING:
    from redflow.model.execution import Step

STEP_COLUMNS = ("STEP", "TYPE", "STATUS", "ATTEMPT", "STARTED", "TOOK", "DETAIL")
WAITING_COLUMNS = ("WAITING", "FOR", "UNTIL")
UNDO = "~undo"
"""What the id of a step ends with that undoes another one."""

_SAID = {"held": "held by a pause", "operator": "by an operator"}
_CHILD_ENDED = ("child_failed", "child_cancelled")


def step_row(step: Step) -> tuple[Any, ...]:
    """Return the cells of STEP_COLUMNS."""
    return (
        step.node_id,
        step.type,
        step.status,
        step.attempt or None,
        step.started_at,
        step_time(step),
        step_detail(step),
    )


def step_time(step: Step) -> timedelta | None:
    """Return how long the last attempt of a settled step took."""
    if step.started_at is None or step.finished_at is None:
        return None
    return step.finished_at - step.started_at


def step_detail(step: Step, *, now: datetime | None = None) -> str:
    """Return what else is worth saying about a step: its error, its worker, why it waits."""
    said = []
    if step.error is not None:
        said.append(error_text(step.error))
    if step.status is StepStatus.WAITING:
        said.append(_waiting(step, now))
    elif step.due_at is not None:
        left = step.due_at - (now or datetime.now(UTC))
        said.append(f"attempt {step.attempt} in {lasting(left)}")
    elif step.reason is not None and step.reason != "retry":
        said.append(_SAID.get(step.reason, step.reason.replace("_", " ")))
    if step.worker is not None and not step.status.terminal:
        said.append(f"on {step.worker}")
    if step.deliveries:
        said.append(f"worker lost {step.deliveries} times")
    return "; ".join(said)


def _waiting(step: Step, now: datetime | None) -> str:
    """Say what a step rests for, and for how long at most."""
    said = f"waits for {waits_for(step)}"
    if step.due_at is None:
        return said
    return f"{said}, {lasting(step.due_at - (now or datetime.now(UTC)))} left"


def waits_for(step: Step) -> str:
    """Name what a waiting step waits for."""
    if step.waiting_for is None:
        return "its time"
    return f"{'execution' if step.reason == 'child' else 'signal'} {step.waiting_for}"


def step_document(step: Step) -> dict[str, Any]:
    """Return a step as JSON shows it, without its output."""
    return {
        "node_id": step.node_id,
        "type": step.type,
        "status": step.status,
        "queue": step.queue,
        "attempt": step.attempt,
        "deliveries": step.deliveries,
        "releases": step.releases,
        "worker": step.worker,
        "reason": step.reason,
        "error": None if step.error is None else step.error.to_value(),
        "ready_at": step.ready_at,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "due_at": step.due_at,
        "waiting_for": step.waiting_for,
    }


def waiting_row(step: Step) -> tuple[Any, ...]:
    """Return the cells of WAITING_COLUMNS."""
    return (step.node_id, waits_for(step), step.due_at)


def waiting_document(step: Step) -> dict[str, Any]:
    """Return what a step waits for, and until when, as JSON shows it."""
    return {
        "node_id": step.node_id,
        "reason": step.reason,
        "waiting_for": step.waiting_for,
        "until": step.due_at,
    }


def is_undo(node_id: str) -> bool:
    """Say whether a step undoes another one."""
    return node_id.endswith(UNDO)


def undo_steps(steps: Sequence[Step]) -> list[Step]:
    """Return the steps that undo others, in the order they run: one after the other."""
    found = [step for step in steps if is_undo(step.node_id)]
    ahead = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda step: step.started_at or step.ready_at or ahead)


def children_of(execution: str, steps: Sequence[Step]) -> dict[str, str]:
    """Return the executions that steps have started, by node; of several attempts the last."""
    from redflow.model.ids import child_id

    found = {}
    for step in steps:
        if step.reason == "child" and step.waiting_for is not None:
            found[step.node_id] = step.waiting_for
        elif step.type == "subworkflow" and _has_ended_with_child(step):
            found[step.node_id] = child_id(execution, step.node_id, step.attempt)
    return found


def _has_ended_with_child(step: Step) -> bool:
    if step.error is not None:
        return step.error.reason in _CHILD_ENDED
    return step.status is StepStatus.COMPLETED
