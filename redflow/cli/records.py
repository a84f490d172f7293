"""Executions and workflows as the command line shows them: rows, fields and JSON."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redflow.model.execution import (
        ExecutionSummary,
        WorkflowInfo,
        WorkflowVersion,
    )
    from redflow.model.outcome import ErrorInfo

EXECUTION_COLUMNS = ("ID", "WORKFLOW", "VERSION", "STATUS", "STARTED", "TOOK", "FAILED AT", "ERROR")
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
        ("scheduled for", one.scheduled_for),
        ("finished", one.finished_at),
        ("took", took(one)),
        ("timeout", None if one.timeout is None else timedelta(seconds=one.timeout)),
        ("labels", dict(one.labels)),
        ("metadata", dict(one.metadata)),
        ("parent", one.parent),
        ("parent node", one.parent_node),
        ("rerun of", one.origin),
        ("rerun as", one.rerun_as),
        ("failed at", one.failed_node),
        ("error", None if one.error is None else error_text(one.error)),
        ("cancel reason", one.cancel_reason),
        ("compensation", one.compensation),
        ("not undone", ", ".join(one.failed_compensations)),
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
        "scheduled_for": one.scheduled_for,
        "timeout": one.timeout,
        "parent": one.parent,
        "parent_node": one.parent_node,
        "origin": one.origin,
        "rerun_as": one.rerun_as,
        "cancel_reason": one.cancel_reason,
        "compensation": one.compensation,
        "failed_compensations": list(one.failed_compensations),
    }


def error_text(error: ErrorInfo) -> str:
    """Return an error in one text: its reason when that says more than the error itself."""
    text = f"{error.type.rpartition('.')[2]}: {error.message}"
    return text if error.reason in ("error", "not_retryable") else f"{error.reason}: {text}"


def workflow_row(one: WorkflowInfo) -> tuple[Any, ...]:
    """Return the cells of WORKFLOW_COLUMNS."""
    return (one.id, one.latest, one.status, one.name, one.updated_at)


def workflow_document(one: WorkflowInfo) -> dict[str, Any]:
    """Return a workflow as JSON shows it, without its graph."""
    return {
        "id": one.id,
        "latest": one.latest,
        "versions": one.versions,
        "status": one.status,
        "paused": one.paused,
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
        ("versions", one.versions),
        ("status", one.status),
        ("paused", "yes" if one.paused else "no"),
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
