"""Executions and steps as users see them, and what the recorded letters mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar

from redflow.model.outcome import ErrorInfo
from redflow.model.status import ExecutionStatus, Phase, StepStatus, WorkflowStatus
from redflow.model.workflow import Workflow

T_co = TypeVar("T_co", covariant=True)

Compensation = Literal["completed", "failed", "abandoned"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StepReason(StrEnum):
    """Why a step was skipped, or what it waits for."""

    UPSTREAM_FAILED = "upstream_failed"
    BRANCH_NOT_TAKEN = "branch_not_taken"
    RETRY = "retry"
    RELEASED = "released"
    SLEEPING = "sleeping"
    SIGNAL = "signal"
    CHILD = "child"
    HELD = "held"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSummary:
    """An execution as lists show it, without its values; `failed_node` and `error` are the first
    failure that no edge handled, or why it was failed as a whole.

    `timeout` is seconds from its begin, which is `scheduled_for` or its creation. A child names the
    execution and the node that started it; a rerun its `origin`, which names the newest rerun.
    `compensation` is None where nothing was to be undone, it is not over, or lists leave it out.
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
    scheduled_for: datetime | None = None
    timeout: float | None = None
    parent: str | None = None
    parent_node: str | None = None
    origin: str | None = None
    rerun_as: str | None = None
    cancel_reason: str | None = None
    compensation: Compensation | None = None
    failed_compensations: tuple[str, ...] = ()


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
    another one is due at `due_at`. `waiting_for` is the name of a signal, or the id of a child. The
    step that undoes a node is called `<node>~undo`.
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
    waiting_for: str | None = None


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
    """A registered workflow; `latest` is the version, out of `versions`, that new executions run.

    While it is `paused` they begin paused.
    """

    id: str
    latest: int
    versions: int
    status: WorkflowStatus
    created_at: datetime
    updated_at: datetime
    paused: bool = False
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


_PHASES = {
    "s": Phase.SCHEDULED,
    "r": Phase.RUNNING,
    "f": Phase.FAILING,
    "c": Phase.CANCELLING,
    "u": Phase.COMPENSATING,
    "d": Phase.DONE,
}
_PAUSED = frozenset("pw")
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
_WAITING = {"w": StepReason.SIGNAL, "k": StepReason.CHILD}
_REASONS = {
    "b": StepReason.UPSTREAM_FAILED,
    "s": StepReason.BRANCH_NOT_TAKEN,
    "r": StepReason.RETRY,
    "l": StepReason.RELEASED,
}


def phase_of(letter: str, flags: str = "") -> Phase | None:
    """Return the phase an execution is recorded in; None for a letter of a later version."""
    if letter == "r" and not _PAUSED.isdisjoint(flags):
        return Phase.PAUSED
    return _PHASES.get(letter)


def execution_status(ended_as: str | None, phase: str = "r") -> ExecutionStatus:
    """Return the status of an execution that ended so, or has not ended (None)."""
    if ended_as:
        return _ENDS[ended_as]
    return ExecutionStatus.PENDING if phase == "s" else ExecutionStatus.RUNNING


def step_status(
    letter: str, *, claimed: bool, ended: bool, why: str = "", attempt: int = 1
) -> StepStatus:
    """Return the status of a step: its record's letter ("" for none), whether a worker holds it,
    whether its execution has ended, the letter beside it, and its attempt.
    """
    if letter == "C" and attempt == 0:
        return StepStatus.SKIPPED
    if letter in _SETTLED:
        return _SETTLED[letter]
    if letter == "" and ended:
        return StepStatus.CANCELLED
    if letter in _WAITING or (letter == "t" and why == "s"):
        return StepStatus.WAITING
    return StepStatus.RUNNING if letter == "q" and claimed else StepStatus.PENDING


def step_reason(why: str, *, letter: str = "", attempt: int = 1) -> StepReason | None:
    """Return why a step with this record is skipped or waits; `why` is the letter beside it."""
    if letter == "C" and attempt == 0:
        return StepReason.OPERATOR
    if letter == "h":
        return StepReason.HELD
    if letter == "t" and why == "s":
        return StepReason.SLEEPING
    return _WAITING.get(letter) or (_REASONS[why] if why else None)


def instant(milliseconds: int) -> datetime:
    """Return the time so many milliseconds after 1970, in UTC."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds_of(when: datetime) -> int:
    """Return the whole milliseconds from 1970 to a time that has a zone."""
    return (when - EPOCH) // timedelta(milliseconds=1)
