"""Executions and steps as users see them, and what the recorded letters mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from redflow.model.outcome import ErrorInfo
from redflow.model.status import ExecutionStatus, Phase, StepStatus, WorkflowStatus
from redflow.model.workflow import Workflow

T_co = TypeVar("T_co", covariant=True)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StepReason(StrEnum):
    """Why a step was skipped, or why it waits for its next attempt."""

    UPSTREAM_FAILED = "upstream_failed"
    BRANCH_NOT_TAKEN = "branch_not_taken"
    RETRY = "retry"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSummary:
    """An execution as lists show it, without its values; `failed_node` and `error` are the first
    failure that no edge handled.
    """

    id: str
    workflow: str
    version: int
    status: ExecutionStatus
    phase: Phase
    created_at: datetime
    finished_at: datetime | None = None
    failed_node: str | None = None
    error: ErrorInfo | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution(ExecutionSummary):
    """One run of a workflow version; `output` is None until it has COMPLETED."""

    input: Any
    output: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One node within an execution.

    `attempt` counts runs, 0 before the step is ready; `deliveries` are leases lost in this attempt,
    `releases` how often it was handed back uncharged. While RUNNING, `worker` runs it and was last
    heard of `silent` seconds before the read. `error` is the failure, or the last attempt's while
    another one is due at `due_at`.
    """

    node_id: str
    type: str
    status: StepStatus
    queue: str
    attempt: int = 0
    deliveries: int = 0
    releases: int = 0
    worker: str | None = None
    silent: float | None = None
    output: Any = None
    error: ErrorInfo | None = None
    reason: StepReason | None = None
    ready_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """A part of a list; `cursor` asks for the next part, None when there is none."""

    items: tuple[T_co, ...]
    cursor: str | None = None

    @property
    def more(self) -> bool:
        """Whether there may be more; a page that is short or empty does not mean the end."""
        return self.cursor is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowInfo:
    """A registered workflow; `latest` is the version that new executions run."""

    id: str
    latest: int
    status: WorkflowStatus
    created_at: datetime
    updated_at: datetime
    name: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowVersion(WorkflowInfo):
    """One version of a registered workflow, with its graph."""

    version: int
    content_hash: str
    definition: Workflow


_PHASES = {"r": Phase.RUNNING, "f": Phase.FAILING, "d": Phase.DONE}
_ENDS = {
    "C": ExecutionStatus.COMPLETED,
    "F": ExecutionStatus.FAILED,
    "X": ExecutionStatus.CANCELLED,
}
_SETTLED = {
    "C": StepStatus.COMPLETED,
    "F": StepStatus.FAILED,
    "S": StepStatus.SKIPPED,
    "X": StepStatus.CANCELLED,
}
_REASONS = {
    "b": StepReason.UPSTREAM_FAILED,
    "s": StepReason.BRANCH_NOT_TAKEN,
    "r": StepReason.RETRY,
    "l": StepReason.RELEASED,
}


def phase_of(letter: str) -> Phase | None:
    """Return the phase an execution is recorded in; None for a letter of a later version."""
    return _PHASES.get(letter)


def execution_status(ended_as: str | None) -> ExecutionStatus:
    """Return the status of an execution that ended so, or has not ended (None)."""
    return _ENDS[ended_as] if ended_as else ExecutionStatus.RUNNING


def step_status(letter: str, *, claimed: bool, ended: bool) -> StepStatus:
    """Return the status of a step: its record's letter ("" for none), whether a worker holds it,
    and whether its execution has ended.
    """
    if letter in _SETTLED:
        return _SETTLED[letter]
    if letter == "" and ended:
        return StepStatus.CANCELLED
    return StepStatus.RUNNING if letter == "q" and claimed else StepStatus.PENDING


def step_reason(letter: str) -> StepReason | None:
    """Return what the letter beside a skipped or waiting step stands for; "" for nothing."""
    return _REASONS[letter] if letter else None


def instant(milliseconds: int) -> datetime:
    """Return the time so many milliseconds after 1970, in UTC."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds_of(when: datetime) -> int:
    """Return the whole milliseconds from 1970 to a time that has a zone."""
    return (when - EPOCH) // timedelta(milliseconds=1)
