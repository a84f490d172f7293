"""I7: the events of an execution, folded, are its state; no number is missing; epochs only grow."""

from collections import defaultdict
from collections.abc import Iterator

from redflow.model.event import EventKind
from redflow.store.folding import ENDED, Folded, differs
from tests.faultkit.history import Happened, History, Seen


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
            problem = differs(steps.get(number), seen.steps.get(number))
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
        if event.step is not None:
            steps[event.step].add(event.kind, event.extra)
    return dict(steps)


def _check_beginning(name: str, seen: Seen) -> Iterator[str]:
    first = seen.events[0] if seen.events else None
    started = [one for one in seen.events if one.kind == EventKind.WORKFLOW_STARTED]
    if first is None or first.seq != 1 or len(started) != 1:
        yield f"execution {name}: has {len(started)} events of its start"
    elif started[0].extra != f"{seen.raw.workflow} {seen.raw.version}":
        yield f"execution {name}: was started as {started[0].extra}"
