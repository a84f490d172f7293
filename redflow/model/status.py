"""The states of workflows, executions and steps, and which may follow which."""

from collections.abc import Mapping
from enum import StrEnum


class WorkflowStatus(StrEnum):
    """Whether a workflow accepts new executions."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class ExecutionStatus(StrEnum):
    """The public state of an execution."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether the execution has ended."""
        return not EXECUTION_NEXT[self]


class StepStatus(StrEnum):
    """The public state of a step; RUNNING means a worker has claimed it.

    WAITING: it rests without a worker, for a time, a signal or a child execution.
    """

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    WAITING = "WAITING"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Whether the step is settled."""
        return not STEP_NEXT[self]


class Phase(StrEnum):
    """What an execution is doing, beside its public status."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FAILING = "failing"
    CANCELLING = "cancelling"
    COMPENSATING = "compensating"
    DONE = "done"

    @property
    def terminal(self) -> bool:
        """Whether the execution has ended."""
        return not PHASE_NEXT[self]


EXECUTION_NEXT: Mapping[ExecutionStatus, frozenset[ExecutionStatus]] = {
    ExecutionStatus.PENDING: frozenset(
        {ExecutionStatus.RUNNING, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED}
    ),
    ExecutionStatus.RUNNING: frozenset(
        {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED}
    ),
    ExecutionStatus.COMPLETED: frozenset(),
    ExecutionStatus.FAILED: frozenset(),
    ExecutionStatus.CANCELLED: frozenset(),
}

# A retry, a release, a lost lease and a pause take a step back from RUNNING to PENDING; a step that
# waited is PENDING again before a worker may complete it. An operator may skip any live step.
STEP_NEXT: Mapping[StepStatus, frozenset[StepStatus]] = {
    StepStatus.PENDING: frozenset(
        {StepStatus.RUNNING, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED}
    ),
    StepStatus.RUNNING: frozenset(
        {
            StepStatus.PENDING,
            StepStatus.COMPLETED,
            StepStatus.FAILED,
            StepStatus.SKIPPED,
            StepStatus.WAITING,
            StepStatus.CANCELLED,
        }
    ),
    StepStatus.WAITING: frozenset(
        {StepStatus.PENDING, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED}
    ),
    StepStatus.COMPLETED: frozenset(),
    StepStatus.FAILED: frozenset(),
    StepStatus.SKIPPED: frozenset(),
    StepStatus.CANCELLED: frozenset(),
}

# What a reader may see next; a script may pass through several phases at once. A pause of the
# workflow can await a scheduled execution.
PHASE_NEXT: Mapping[Phase, frozenset[Phase]] = {
    Phase.SCHEDULED: frozenset(
        {Phase.RUNNING, Phase.PAUSED, Phase.FAILING, Phase.CANCELLING, Phase.DONE}
    ),
    Phase.RUNNING: frozenset(
        {Phase.PAUSED, Phase.FAILING, Phase.CANCELLING, Phase.COMPENSATING, Phase.DONE}
    ),
    Phase.PAUSED: frozenset(
        {Phase.RUNNING, Phase.FAILING, Phase.CANCELLING, Phase.COMPENSATING, Phase.DONE}
    ),
    Phase.FAILING: frozenset({Phase.COMPENSATING, Phase.DONE}),
    Phase.CANCELLING: frozenset({Phase.COMPENSATING, Phase.DONE}),
    Phase.COMPENSATING: frozenset({Phase.DONE}),
    Phase.DONE: frozenset(),
}
