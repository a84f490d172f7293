"""Records of the streams as events: names of what they carry, and the starts they imply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from redflow.model.event import EventKind, EventRecord
from redflow.model.execution import StepReason

SKIPPED = {
    "b": StepReason.UPSTREAM_FAILED.value,
    "s": StepReason.BRANCH_NOT_TAKEN.value,
    "o": StepReason.OPERATOR.value,
}
ENDS_ATTEMPT = frozenset((EventKind.STEP_COMPLETED, EventKind.STEP_FAILED, EventKind.STEP_RETRYING))
WAITS = frozenset((EventKind.STEP_WAITING, EventKind.STEP_WAITING_SIGNAL))


@dataclass(frozen=True, slots=True)
class Told:
    """What a record tells beside its type; `run` is how long the attempt took."""

    data: dict[str, Any] = field(default_factory=dict)
    attempt: int | None = None
    run: timedelta | None = None


def tell(record: EventRecord, node_of: Callable[[int], str | None]) -> Told:
    """Return what a record tells; raises ValueError, TypeError when it is not what redflow writes.

    `node_of` names a step of the record's execution by its number.
    """
    reading = _READERS.get(record.kind)
    return Told() if reading is None else reading(record.extra, node_of)


def implies_start(record: EventRecord, told: Told) -> bool:
    """Say whether a step had started for this to happen.

    Workers announce only steps that run on for a while; for shorter ones this is all there is.
    """
    if record.kind in ENDS_ATTEMPT:
        return (told.attempt or 0) > 0
    return record.kind in WAITS


def time_of(ms: int) -> datetime:
    """Return an instant of Redis' clock."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def _named(extra: Any, _: Any) -> Told:
    _, version = str(extra).rsplit(" ", 1)
    return Told({"version": int(version)})


def _noted(extra: Any, _: Any) -> Told:
    attempt, _token, worker = extra
    return Told({"worker": worker}, int(attempt))


def _counted(extra: Any, _: Any) -> Told:
    attempt, deliveries, releases, queue, wait, run = extra.split(",")[:6]
    data = {
        "queue": queue,
        "wait_seconds": int(wait) / 1000,
        "run_seconds": int(run) / 1000,
        "lost_leases": int(deliveries),
        "releases": int(releases),
    }
    return Told(data, int(attempt), timedelta(milliseconds=int(run)))


def _signal(extra: Any, _: Any) -> Told:
    return Told({"signal": extra})


def _skipped(extra: Any, _: Any) -> Told:
    return Told({"reason": SKIPPED.get(extra, str(extra))})


def _undone(extra: Any, node_of: Callable[[int], str | None]) -> Told:
    return Told({"compensates": node_of(int(extra))})


def _released(extra: Any, _: Any) -> Told:
    return Told({"reason": str(extra)})


def _waiting(extra: Any, _: Any) -> Told:
    return Told({"child": extra} if extra else {})


def _missed(extra: Any, _: Any) -> Told:
    schedule, reason, first, last, number = extra
    data = {"schedule": schedule, "reason": reason, "ticks": number}
    ticks = {"first": time_of(first * 1000), "last": time_of(last * 1000)}
    return Told(data | {name: tick.isoformat() for name, tick in ticks.items()})


def _epoch(extra: Any, _: Any) -> Told:
    return Told({"epoch": int(extra)})


_READERS: dict[int, Callable[[Any, Callable[[int], str | None]], Told]] = {
    EventKind.WORKFLOW_STARTED: _named,
    EventKind.WORKFLOW_SCHEDULED: _named,
    EventKind.STEP_STARTED: _noted,
    EventKind.STEP_COMPLETED: _counted,
    EventKind.STEP_FAILED: _counted,
    EventKind.STEP_RETRYING: _counted,
    EventKind.STEP_RECLAIMED: _counted,
    EventKind.STEP_WAITING_SIGNAL: _signal,
    EventKind.SIGNAL_RECEIVED: _signal,
    EventKind.COMPENSATION_TRIGGERED: _undone,
    EventKind.STEP_SKIPPED: _skipped,
    EventKind.STEP_RELEASED: _released,
    EventKind.STEP_WAITING: _waiting,
    EventKind.SCHEDULE_SKIPPED: _missed,
    EventKind.EPOCH_CHANGED: _epoch,
}
