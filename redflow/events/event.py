"""One event, as handlers and readers get it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from redflow.model.event import EventKind

SEED_TYPES = tuple(kind.type for kind in EventKind if kind <= EventKind.COMPENSATION_TRIGGERED)
"""The eleven types that a workflow engine of this kind is known for."""

GAP = "events.gap"
"""Stands for records that were removed before a reader came to them; made by the reader."""

EVENT_TYPES = (*(kind.type for kind in EventKind), GAP)
"""Every type that an event may have."""

CODES = {kind.type: kind.value for kind in EventKind}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `id` is the same whenever and wherever it is delivered.

    `sequence` counts within the execution, from 1; `step.started` and what belongs to no execution
    have none. `node_id` is None for events of the execution and for steps whose plan is gone;
    `workflow` once the execution was purged. `data` holds no inputs and outputs: read those from
    the execution.
    """

    id: str
    type: str
    namespace: str
    execution_id: str | None
    workflow: str | None
    node_id: str | None
    attempt: int | None
    time: datetime
    sequence: int | None
    data: Mapping[str, Any] = field(default_factory=dict)
