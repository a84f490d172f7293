"""Executions, steps and workflows as the command line shows them: rows, fields and JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from redflow.cli.output import lasting

if TYPE_CHECKING:
    from redflow.model.execution import (
        ExecutionSummary,
        Step,
        WorkflowInfo,
        WorkflowVersion,
    )
    from redflow.model.outcome import ErrorInfo

EXECUTION_COLUMNS = ("ID", "WORKFLOW", "VERSION", "STATUS", "STARTED", "TOOK", "FAILED AT", "ERROR")
STEP_COLUMNS = ("STEP", "TYPE", "STATUS", "ATTEMPT", "STARTED", "TOOK", "DETAIL")
WORKFLOW_COLUMNS = ("ID", "LATEST", "STATUS", "NAME", "UPDATED")
NODE_COLUMNS = ("NODE", "TYPE", "NEEDS", "QUEUE", "ATTEMPTS", "TIMEOUT")


def execution_row(one: ExecutionSummary) -> tuple[Any, ...]:
    """Return the cells of EXECUTION_COLUMNS."""
    said = "" if one.error is None else error_text(one.error)
    return (
        one.id,
        one.workflow,
        one.version,
        one.status,
        one.created_at,
        took(one),
        one.failed_node,
        said,
    )


def took(one: ExecutionSummary) -> timedelta | None:
    """Return how long an execution took, None while it runs."""
    return None if one.finished_at is None else one.finished_at - one.created_at


def execution_fields(one: ExecutionSummary) -> list[tuple[str, Any]]:
    """Return what describes an execution, without its values."""
    return [
        ("id", one.id),
        ("workflow", one.workflow),
        ("version", one.version),
        ("status", one.status),
        ("phase", one.phase),
        ("started", one.created_at),
        ("finished", one.finished_at),
        ("took", took(one)),
        ("labels", dict(one.labels)),
        ("metadata", dict(one.metadata)),
        ("failed at", one.failed_node),
        ("error", None if one.error is None else error_text(one.error)),
    ]


def execution_document(one: ExecutionSummary) -> dict[str, Any]:
    """Return an execution as JSON shows it, without its values."""
    return {
        "id": one.id,
        "workflow": one.workflow,
        "version": one.version,
        "status": one.status,
        "phase": one.phase,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
        "failed_node": one.failed_node,
        "error": None if one.error is None else one.error.to_value(),
        "labels": dict(one.labels),
        "metadata": dict(one.metadata),
    }


def error_text(error: ErrorInfo) -> str:
    """Return an error in one text: its reason when that says more than the error itself."""
    text = f"{error.type.rpartition('.')[2]}: {error.message}"
    return text if error.reason in ("error", "not_retryable") else f"{error.reason}: {text}"


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
    if step.due_at is not None:
        left = step.due_at - (now or datetime.now(UTC))
        said.append(f"attempt {step.attempt} in {lasting(left)}")
    elif step.reason is not None and step.reason != "retry":
        said.append(step.reason.replace("_", " "))
    if step.worker is not None and not step.status.terminal:
        said.append(f"on {step.worker}")
    if step.deliveries:
        said.append(f"worker lost {step.deliveries} times")
    return "; ".join(said)


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
    }


def workflow_row(one: WorkflowInfo) -> tuple[Any, ...]:
    """Return the cells of WORKFLOW_COLUMNS."""
    return (one.id, one.latest, one.status, one.name, one.updated_at)


def workflow_document(one: WorkflowInfo) -> dict[str, Any]:
    """Return a workflow as JSON shows it, without its graph."""
    return {
        "id": one.id,
        "latest": one.latest,
        "status": one.status,
        "name": one.name,
        "description": one.description,
        "labels": dict(one.labels),
        "metadata": dict(one.metadata),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }


def workflow_fields(one: WorkflowVersion) -> list[tuple[str, Any]]:
    """Return what describes a version of a workflow."""
    return [
        ("id", one.id),
        ("name", one.name),
        ("description", one.description),
        ("version", one.version),
        ("latest", one.latest),
        ("status", one.status),
        ("hash", one.content_hash),
        ("labels", dict(one.labels)),
        ("metadata", dict(one.metadata)),
        ("updated", one.updated_at),
    ]


def node_rows(one: WorkflowVersion) -> list[tuple[Any, ...]]:
    """Return the cells of NODE_COLUMNS, one row a node."""
    needs: dict[str, list[str]] = {node.id: [] for node in one.definition.nodes}
    for edge in one.definition.edges:
        how = f" on {edge.on}" if edge.on != "success" else ""
        label = f" ({edge.label})" if edge.label else ""
        needs[edge.target].append(f"{edge.source}{label}{how}")
    return [
        (
            node.id,
            node.type,
            ", ".join(needs[node.id]),
            node.queue,
            1 if node.retry is None else node.retry.max_attempts,
            timedelta(seconds=node.timeout) if isinstance(node.timeout, (int, float)) else None,
        )
        for node in one.definition.nodes
    ]
