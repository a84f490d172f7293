"""What operators see of a namespace beside its executions: pauses, queues, workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from redflow import defaults
from redflow.model.execution import instant

Scope = Literal["execution", "workflow", "queue", "schedule", "namespace"]

ALIVE_BEATS = 3
ALIVE = round(defaults.BEAT * ALIVE_BEATS * 1000)
"""Milliseconds after its last beat for which a worker counts as alive."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What is paused, and by whom, why and since when as far as that was noted."""

    scope: Scope
    name: str = ""
    by: str = ""
    reason: str = ""
    since: datetime | None = None

    @classmethod
    def from_value(cls, scope: Scope, name: str, value: object) -> "Pause":
        """Read a note; one of another shape says nothing."""
        note = value if isinstance(value, Mapping) else {}
        by, reason, at = (note.get(key) for key in ("by", "reason", "at"))
        return cls(
            scope,
            name,
            by if isinstance(by, str) else "",
            reason if isinstance(reason, str) else "",
            instant(at) if isinstance(at, int) else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueInfo:
    """A queue: steps nobody has claimed yet, steps that run, live workers, and its own pause."""

    name: str
    waiting: int
    running: int
    workers: int
    paused: Pause | None = None


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How many values are sealed with a key; `here`: this process has it, `current`: it seals.

    `values` stand in executions, schedules and secrets, `tokens` travel with steps that are ready
    or running.
    """

    id: str
    values: int
    tokens: int
    here: bool
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker as its heartbeats tell; `alive` unless they have stopped for three beats."""

    id: str
    alive: bool
    last_beat: datetime
    queues: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    slots: int = 0
    version: str = ""
    host: str = ""
    pid: int = 0
    python: str = ""
    started_at: datetime | None = None
    draining: bool = False

    def runs(self, type: str, function: str) -> bool:
        """Say whether it has what a node needs; `function` is "" for other types."""
        return type in self.types and (not function or function in self.functions)


def worker_info(
    worker: str, about: Mapping[str, Any], *, beat: int, now: int, draining: bool
) -> WorkerInfo:
    """Show a worker from what it said of itself; times are in milliseconds of Redis."""
    started = about.get("started")
    return WorkerInfo(
        id=worker,
        alive=now - beat < ALIVE,
        last_beat=instant(beat),
        queues=tuple(about.get("queues", ())),
        functions=tuple(about.get("functions", ())),
        types=tuple(about.get("types", ())),
        slots=int(about.get("slots", 0)),
        version=str(about.get("version", "")),
        host=str(about.get("host", "")),
        pid=int(about.get("pid", 0)),
        python=str(about.get("python", "")),
        started_at=instant(started) if isinstance(started, int) else None,
        draining=draining,
    )
