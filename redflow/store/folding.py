"""What the events of an execution make of it: folded as they are read, held against its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from redflow.model import codec
from redflow.model.event import EventKind, EventRecord
from redflow.model.outcome import OutcomeReason
from redflow.store.records import RawStep

SETTLED = {
    EventKind.STEP_COMPLETED: "C",
    EventKind.STEP_FAILED: "F",
    EventKind.STEP_SKIPPED: "S",
    EventKind.STEP_CANCELLED: "X",
}
"""The letter of a record by the event that tells of it."""

ENDED = {
    EventKind.WORKFLOW_COMPLETED: "C",
    EventKind.WORKFLOW_FAILED: "F",
    EventKind.WORKFLOW_CANCELLED: "X",
}


@dataclass(slots=True)
class Folded:
    """A step as its events tell it."""

    letter: str = ""
    settled: int = 0
    attempt: int = 1
    deliveries: int = 0
    releases: int = 0
    note: str = ""

    def add(self, kind: int, extra: Any) -> None:
        """Take in an event of the step."""
        if kind in SETTLED:
            self.letter, self.note = SETTLED[EventKind(kind)], extra or ""
            self.settled += 1
        elif kind == EventKind.STEP_RETRYING:
            self.attempt, self.deliveries, self.releases = self.attempt + 1, 0, 0
        elif kind == EventKind.STEP_RELEASED:
            self.releases += 1
        elif kind == EventKind.STEP_RECLAIMED:
            self.deliveries += 1


@dataclass(slots=True)
class Told:
    """An execution as its events tell it, from the first that was read."""

    first: int
    last: int
    gap: str = ""
    ends: list[str] = field(default_factory=list)
    steps: dict[int, Folded] = field(default_factory=dict)

    def add(self, event: EventRecord) -> None:
        """Take in the next event; one that does not follow the last leaves a gap."""
        assert event.seq is not None
        if event.seq != self.last + 1 and not self.gap:
            self.gap = f"its events go from {self.last} to {event.seq}"
        self.last = event.seq
        if event.kind in ENDED:
            self.ends.append(ENDED[EventKind(event.kind)])
        if event.step is not None:
            self.steps.setdefault(event.step, Folded()).add(event.kind, event.extra)


def take_in(told: dict[str, Told], events: list[EventRecord]) -> None:
    """Fold the events of one entry; notes without a number say nothing new.

    The first event of an id begins it anew: an execution of that id may have been purged.
    """
    for event in events:
        if event.seq is None or not event.execution:
            continue
        if event.seq == 1 or event.execution not in told:
            told[event.execution] = Told(event.seq, event.seq - 1)
        told[event.execution].add(event)


def differences(
    told: Told, steps: Mapping[int, RawStep], ended_as: str | None, *, rerun: bool
) -> Iterator[str]:
    """Say where the state of an execution is not what all of its events tell.

    A rerun has records that were copied, of which it has no events.
    """
    if told.gap:
        yield told.gap
    for number in sorted(told.steps.keys() | (() if rerun else steps.keys())):
        problem = differs(told.steps.get(number), steps.get(number))
        if problem:
            yield f"step {number} is {problem}"
    if told.ends != ([ended_as] if ended_as else []):
        ends = ", ".join(told.ends) or "no end"
        yield f"ended as {ended_as or 'nothing'}, and its events tell of {ends}"


def differs(told: Folded | None, stored: RawStep | None) -> str:
    """How a stored step differs from its events; "" for one that was never begun."""
    kind = stored.kind if stored else ""
    if told is None or stored is None:
        live = kind in ("", "q", "h")
        return "" if live and told is None else f"recorded as {kind or None}, events: {told}"
    if told.settled > 1:
        return f"recorded once, and has {told.settled} events of its end"
    if (kind if kind in "CFSX" else "") != told.letter:
        return f"recorded as {kind}, and events tell {told.letter or 'of no end'}"
    if kind in "CF" and stored.attempt:
        counts = f"{stored.attempt},{stored.deliveries},{stored.releases}"
        if told.note.split(",")[:3] != counts.split(","):
            return f"recorded with the counts {counts}, and its event tells {told.note}"
        return _miscounted(told, stored)
    if kind == "S" and told.note != stored.why:
        return f"skipped because of {stored.why}, and its event tells {told.note}"
    return _miscounted(told, stored) if kind == "X" and stored.attempt else ""


def _miscounted(told: Folded, stored: RawStep) -> str:
    """Compare counts with the events of the step's life; the last loss of a lease has none."""
    more = {1} if _was_lost(stored) else {0, 1} if stored.kind == "X" else {0}
    counted = (stored.attempt, stored.releases) == (told.attempt, told.releases)
    if counted and stored.deliveries - told.deliveries in more:
        return ""
    return (
        f"recorded as attempt {stored.attempt} with {stored.deliveries} lost leases and"
        f" {stored.releases} releases, events tell {told}"
    )


def _was_lost(stored: RawStep) -> bool:
    if stored.kind != "F" or not stored.value:
        return False
    error = codec.decode(stored.value)  # its reason is clear, whether the message is sealed or not
    return isinstance(error, dict) and error.get("reason") == OutcomeReason.WORKER_LOST
