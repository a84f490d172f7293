"""The types of events, and the shape of one in the event stream."""

from enum import IntEnum
from typing import Any

import msgspec


class EventKind(IntEnum):
    """The code of an event as the scripts write it; codes are stored, so they never change."""

    WORKFLOW_STARTED = 1
    WORKFLOW_COMPLETED = 2
    WORKFLOW_FAILED = 3
    WORKFLOW_CANCELLED = 4
    STEP_STARTED = 5
    STEP_COMPLETED = 6
    STEP_FAILED = 7
    STEP_RETRYING = 8
    STEP_WAITING_SIGNAL = 9
    SIGNAL_RECEIVED = 10
    COMPENSATION_TRIGGERED = 11
    STEP_SKIPPED = 12
    STEP_CANCELLED = 13
    STEP_RELEASED = 14
    STEP_RECLAIMED = 15
    WORKFLOW_SCHEDULED = 16
    WORKFLOW_PAUSED = 17
    WORKFLOW_RESUMED = 18
    STEP_WAITING = 19
    WORKFLOW_CANCELLING = 20
    WORKFLOW_FAILING = 21
    SCHEDULE_SKIPPED = 22
    EPOCH_CHANGED = 30

    @property
    def type(self) -> str:
        """Return the name that handlers and the console know: `workflow.started`."""
        return self.name.lower().replace("_", ".", 1)


EVENT_TYPES: dict[int, str] = {kind.value: kind.type for kind in EventKind}
EVENT_CODES: dict[str, int] = {name: code for code, name in EVENT_TYPES.items()}


class EventRecord(msgspec.Struct, array_like=True, frozen=True):
    """One event; `seq` counts within the execution, `step` is the step's number in the plan.

    A started note has no `seq`: it says nothing that its settled event does not say again. A new
    epoch is no execution's event: `execution` is empty, `seq` and `extra` are the epoch. Nor are
    ticks that started nothing: `extra` is [schedule, reason, first, last, number], in seconds.
    """

    kind: int
    execution: str
    seq: int | None
    step: int | None = None
    extra: Any = None
