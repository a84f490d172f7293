"""I7: the events of an execution, folded, are its state; no number is missing; epochs only grow."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from redflow.model.event import EventKind
from redflow.store.records import RawStep
from tests.faultkit.history import ENDED, SETTLED, Happened, History, Seen, decoded


@dataclass
class Folded:
    """A step as its events tell it."""

    letter: str = ""
    settled: int = 0
    attempt: int = 1
    deliveries: int = 0
    releases: int = 0
    note: str = ""


def check_fold(history: History) -> Iterator[str]:
    """I7: what is stored of an execution is what its events tell, field by field."""
    for partition, epochs in history.epochs.items():
        if epochs != sorted(set(epochs)):
            yield f"partition {partition}: its epochs are {epochs}"
    for name, seen in history.executions.items():
        numbers = [event.seq for event in seen.events if event.seq is not None]
        if numbers != list(range(1, seen.seq + 1)):
            yield f"execution {name}: events {numbers}, and {seen.seq} are counted"
        steps = fold(seen.events)
        for number in sorted(set(steps) | set(seen.steps)):
            problem = _differs(steps.get(number), seen.steps.get(number))
            if problem:
                yield f"execution {name}, step {seen.node(number).id}: {problem}"
        ends = [ENDED[EventKind(one.kind)] for one in seen.events if one.kind in ENDED]
        if ends != ([seen.raw.ended_as] if seen.raw.ended_as else []):
            yield f"execution {name}: ended {seen.raw.ended_as}, and events tell {ends}"
        yield from _check_beginning(name, seen)


def fold(events: list[Happened]) -> dict[int, Folded]:
    """What events make of each step."""
    steps: dict[int, Folded] = defaultdict(Folded)
    for event in sorted((one for one in events if one.seq is not None), key=lambda x: x.seq or 0):
        if event.step is None:
            continue
        step = steps[event.step]
        if event.kind in SETTLED:
            step.letter, step.note = SETTLED[EventKind(event.kind)], event.extra or ""
            step.settled += 1
        elif event.kind == EventKind.STEP_RETRYING:
            step.attempt, step.deliveries, step.releases = step.attempt + 1, 0, 0
        elif event.kind == EventKind.STEP_RELEASED:
            step.releases += 1
        elif event.kind == EventKind.STEP_RECLAIMED:
            step.deliveries += 1
    return dict(steps)


def _differs(told: Folded | None, stored: RawStep | None) -> str:
    """How a stored step differs from its events; nothing for one that was never begun."""
    kind = stored.kind if stored else ""
    if told is None or stored is None:
        live = kind in ("", "q", "h")
        return "" if live and told is None else f"recorded as {kind or None}, events: {told}"
    if told.settled > 1:
        return f"has {told.settled} events of its end"
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
    error = decoded(stored.value) if stored.kind == "F" else None
    lost = isinstance(error, dict) and error.get("reason") == "worker_lost"
    more = {1} if lost else {0, 1} if stored.kind == "X" else {0}
    counted = (stored.attempt, stored.releases) == (told.attempt, told.releases)
    if counted and stored.deliveries - told.deliveries in more:
        return ""
    return (
        f"recorded as attempt {stored.attempt} with {stored.deliveries} lost leases and"
        f" {stored.releases} releases, events tell {told}"
    )


def _check_beginning(name: str, seen: Seen) -> Iterator[str]:
    first = seen.events[0] if seen.events else None
    started = [one for one in seen.events if one.kind == EventKind.WORKFLOW_STARTED]
    if first is None or first.seq != 1 or len(started) != 1:
        yield f"execution {name}: has {len(started)} events of its start"
    elif started[0].extra != f"{seen.raw.workflow} {seen.raw.version}":
        yield f"execution {name}: was started as {started[0].extra}"
