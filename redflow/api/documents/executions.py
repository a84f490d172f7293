"""Executions, steps and what holds them up, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from redflow.api.documents.filling import filled
from redflow.api.values import plain
from redflow.model.execution import Compensation, Execution, ExecutionSummary, Step, StepReason
from redflow.model.explain import Reason
from redflow.model.outcome import ErrorInfo
from redflow.model.status import ExecutionStatus, Phase, StepStatus


class ErrorDocument(msgspec.Struct, frozen=True):
    """An error that is recorded; `attempts` counts the runs so far."""

    type: str
    message: str
    reason: str
    attempts: int


class ExecutionSummaryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as lists show it, without its values; `timeout` is seconds from its begin."""

    id: str
    workflow: str
    version: int
    status: ExecutionStatus
    phase: Phase
    created_at: datetime
    finished_at: datetime | None
    failed_node: str | None
    error: ErrorDocument | None
    labels: dict[str, str]
    metadata: dict[str, Any]
    scheduled_for: datetime | None
    timeout: float | None
    parent: str | None
    parent_node: str | None
    origin: str | None
    rerun_as: str | None
    cancel_reason: str | None
    compensation: Compensation | None
    failed_compensations: list[str]


class ExecutionDocument(ExecutionSummaryDocument, frozen=True, kw_only=True):
    """An execution; `output` is null until it has COMPLETED. A value that is encrypted shows as
    `{"$sealed": key id}` where the server has no key for it.
    """

    input: Any
    output: Any


class ExecutionPage(msgspec.Struct, frozen=True):
    """A part of a list; as long as `more` is true, ask again with its `cursor`."""

    items: list[ExecutionSummaryDocument]
    cursor: str | None
    more: bool


class Started(msgspec.Struct, frozen=True):
    """The id of an execution that was started, or had been with the same id or key."""

    id: str


class RerunDocument(msgspec.Struct, frozen=True):
    """What a rerun would keep and run; nothing was changed."""

    id: str
    version: int
    keep: list[str]
    run: list[str]
    undo: list[str]


class StepDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One node within an execution; `silent` is seconds since its worker was last heard of."""

    node_id: str
    type: str
    status: StepStatus
    queue: str
    attempt: int
    deliveries: int
    releases: int
    worker: str | None
    silent: float | None
    output: Any
    error: ErrorDocument | None
    reason: StepReason | None
    ready_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    due_at: datetime | None
    waiting_for: str | None


class Steps(msgspec.Struct, frozen=True):
    """The steps of an execution, parents first."""

    items: list[StepDocument]


class ReasonDocument(msgspec.Struct, frozen=True):
    """One thing that holds up a node, null for the execution itself; `fix` is the next step."""

    code: str
    node: str | None
    since: datetime | None
    params: dict[str, Any]
    fix: str


class Reasons(msgspec.Struct, frozen=True):
    """All that holds up an execution, in order."""

    items: list[ReasonDocument]


class Delivered(msgspec.Struct, frozen=True):
    """What became of a signal."""

    delivery: Literal["delivered", "buffered", "duplicate"]


def execution_of(one: Execution) -> ExecutionDocument:
    """Show an execution with its values."""
    changed = _changed(one) | {"input": plain(one.input), "output": plain(one.output)}
    return filled(ExecutionDocument, one, changed)


def summary_of(one: ExecutionSummary) -> ExecutionSummaryDocument:
    """Show an execution as lists do."""
    return filled(ExecutionSummaryDocument, one, _changed(one))


def _changed(one: ExecutionSummary) -> dict[str, Any]:
    return {
        "error": error_of(one.error),
        "labels": dict(one.labels),
        "metadata": plain(one.metadata),
        "failed_compensations": list(one.failed_compensations),
    }


def step_of(one: Step) -> StepDocument:
    """Show a step."""
    changed = {"error": error_of(one.error), "output": plain(one.output)}
    return filled(StepDocument, one, changed)


def error_of(one: ErrorInfo | None) -> ErrorDocument | None:
    """Show a recorded error."""
    return None if one is None else msgspec.convert(one.to_value(), ErrorDocument)


def reason_of(one: Reason) -> ReasonDocument:
    """Show what holds something up."""
    return filled(ReasonDocument, one, {"code": str(one.code), "params": plain(one.params)})
