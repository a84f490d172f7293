"""The checker finds what is wrong: a real history, damaged in one place, breaks that invariant."""

import pickle
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redflow.model import codec
from redflow.model.event import EventKind
from redflow.store.folding import ENDED
from tests.faultkit.checker import INVARIANTS, check
from tests.faultkit.history import Asked, Cause, History, Line, Seen, fence_of
from tests.faultkit.pods import Pods
from tests.faultkit.trial import Size, trial

pytestmark = pytest.mark.process

SEED = 8
SIZE = Size(executions=24, workers=2, span=0.3)

Damage = Callable[[History], None]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a sound history, so that each test may have one of its own."""
    import asyncio

    with Pods() as pods:
        directory: Path = tmp_path_factory.mktemp("history")
        return pickle.dumps(asyncio.run(trial(SEED, pods, directory, menu=(), size=SIZE)))


def executions(history: History, ended: str = "CFX") -> list[tuple[str, Seen]]:
    """Executions of clients that ended so, by name."""
    found = [(name, seen) for name, seen in sorted(history.executions.items()) if "." not in name]
    return [(name, seen) for name, seen in found if (seen.raw.ended_as or "?") in ended]


def worked(history: History) -> tuple[str, Seen, int]:
    """A completed function step with one attempt, and where its record stands."""
    for name, seen in executions(history, "C"):
        for at, step in enumerate(seen.raw.steps):
            node = seen.node(step.step)
            if (node.type, step.kind, len(history_tokens(history, name, node.id))) == (
                "function",
                "C",
                1,
            ):
                return name, seen, at
    raise AssertionError("no such step")


def history_tokens(history: History, name: str, node: str) -> list[Line]:
    return [x for x in history.lines if (x.word, x.execution, x.node) == ("begin", name, node)]


def change_step(seen: Seen, at: int, **changes: Any) -> None:
    seen.raw.steps[at] = replace(seen.raw.steps[at], **changes)


def event_at(seen: Seen, *kinds: int) -> int:
    return next(at for at, one in enumerate(seen.events) if one.kind in kinds)


def lose_an_execution(history: History) -> None:
    del history.executions[executions(history)[0][0]]


def invent_an_execution(history: History) -> None:
    name = executions(history)[0][0]
    history.asked = [one for one in history.asked if one.execution != name]


def change_an_input(history: History) -> None:
    name, seen = executions(history)[0]
    history.executions[name].raw = replace(seen.raw, input=codec.encode("other"))


def end_twice(history: History) -> None:
    _, seen = executions(history)[0]
    seen.events.append(seen.events[event_at(seen, *ENDED)])


def happen_after_the_end(history: History) -> None:
    _, seen = executions(history)[0]
    last = seen.events[event_at(seen, *ENDED)]
    seen.events.append(last._replace(kind=EventKind.WORKFLOW_PAUSED, seq=(last.seq or 0) + 1))


def ignore_a_cancel(history: History) -> None:
    name, _ = executions(history, "C")[0]
    history.asked.append(Asked("cancel", name, "", "ok", "NoneType", 0, 1))


def change_a_value(history: History) -> None:
    _, seen, at = worked(history)
    change_step(seen, at, value=codec.encode("other"))


def record_an_old_token(history: History) -> None:
    name, seen, at = worked(history)
    line = history_tokens(history, name, seen.node(seen.raw.steps[at].step).id)[0]
    history.lines.append(line._replace(fence=line.fence + 1))


def run_a_token_twice(history: History) -> None:
    name, seen, at = worked(history)
    node = seen.node(seen.raw.steps[at].step).id
    history.lines.append(history_tokens(history, name, node)[0])


def forget_the_end_of_an_attempt(history: History) -> None:
    name, seen, at = worked(history)
    node = seen.node(seen.raw.steps[at].step).id
    history.lines = [
        x for x in history.lines if (x.word, x.execution, x.node) != ("end", name, node)
    ]


def begin_before_a_parent(history: History) -> None:
    for name, seen in executions(history):
        for line in history.lines:
            number = seen.plan.numbers.get(line.node, 0) if line.execution == name else 0
            parents = seen.node(number).parents if number else []
            if line.word == "begin" and any(
                seen.steps[x.step].kind == "C" and seen.node(x.step).type == "function"
                for x in parents
            ):
                del seen.__dict__["steps"]
                history.lines[history.lines.index(line)] = line._replace(at=0)
                return


def settle_before_a_parent(history: History) -> None:
    _, seen, _ = worked(history)
    kinds = (EventKind.STEP_COMPLETED, EventKind.STEP_SKIPPED)
    at = [place for place, one in enumerate(seen.events) if one.kind in kinds]
    first, last = seen.events[at[0]], seen.events[at[-1]]
    seen.events[at[0]] = first._replace(seq=last.seq)
    seen.events[at[-1]] = last._replace(seq=first.seq)


def run_once_more(history: History) -> None:
    name, seen, at = worked(history)
    node = seen.node(seen.raw.steps[at].step).id
    line = history_tokens(history, name, node)[0]
    history.lines.append(line._replace(fence=line.fence - (1 << 20)))


def overlap(history: History, *, cause: bool = False) -> None:
    """Issue a token while the attempt before it runs."""
    name, seen, at = worked(history)
    node = seen.node(seen.raw.steps[at].step).id
    line = history_tokens(history, name, node)[0]
    issued = line.wall + 5_000_000_000
    history.lines = [
        x._replace(wall=issued + 10**9) if x[:4] == ("end", *line[1:4]) else x
        for x in history.lines
    ]
    fence = (issued // 1_000_000) << 20
    history.lines.append(line._replace(fence=fence, wall=issued + 1, at=line.at + 5 * 10**9))
    if cause:
        history.causes.append(Cause("stop", line.pid, line.wall, issued + 10**9))


def overlap_for_a_cause_but_renewed(history: History) -> None:
    overlap(history, cause=True)
    newest = history.lines[-1]
    old = next(x for x in history.lines if x[:3] == newest[:3])
    asked = newest.wall - 100_000_000
    history.lines.append(old._replace(word="renew", more={"asked": asked}))


def renew_a_lost_lease(history: History) -> None:
    overlap(history, cause=True)
    newest = history.lines[-1]
    old = next(x for x in history.lines if x[:3] == newest[:3])
    asked = newest.wall + 100_000_000
    history.lines.append(old._replace(word="renew", more={"asked": asked}))


def lose_an_event(history: History) -> None:
    _, seen = executions(history)[0]
    del seen.events[event_at(seen, EventKind.STEP_COMPLETED, EventKind.STEP_FAILED)]


def count_a_lease(history: History) -> None:
    _, seen, at = worked(history)
    change_step(seen, at, deliveries=1)


def go_back_an_epoch(history: History) -> None:
    history.epochs[0] = [2, 1]


def find_an_orphan(history: History) -> None:
    history.audit.append("rf:{x:0}:what: no such key in the data model")


def fire_early(history: History) -> None:
    for _, seen in executions(history):
        for at, one in enumerate(seen.events):
            waits = one.kind == EventKind.STEP_WAITING and seen.node(one.step or 0).type == "wait"
            if waits and seen.of(one.step or 0, EventKind.STEP_COMPLETED):
                seen.events[at] = one._replace(at=one.at + 100)
                return


def accept_a_signal_twice(history: History) -> None:
    one = next(x for x in history.asked if x.answer in ("delivered", "buffered"))
    history.asked.append(one)


def lose_a_signal(history: History) -> None:
    one = next(x for x in history.asked if x.answer in ("delivered", "buffered"))
    history.executions[one.execution].fields.append("kept")


def undo_in_order(history: History) -> None:
    for _, seen in executions(history, "FX"):
        kind = EventKind.COMPENSATION_TRIGGERED
        at = [place for place, one in enumerate(seen.events) if one.kind == kind]
        if len(at) > 1:
            first, last = seen.events[at[0]], seen.events[at[-1]]
            seen.events[at[0]] = first._replace(extra=last.extra)
            seen.events[at[-1]] = last._replace(extra=first.extra)
            return


def undo_nothing(history: History) -> None:
    for _, seen in executions(history, "FX"):
        kind = EventKind.COMPENSATION_TRIGGERED
        if any(one.kind == kind for one in seen.events):
            seen.events = [one for one in seen.events if one.kind != kind]
            return


def try_too_often(history: History) -> None:
    _, seen, at = worked(history)
    change_step(seen, at, attempt=9)


def leave_a_claim(history: History) -> None:
    history.left.append("partition 0: 1 claims in queue mail")


DAMAGES: list[tuple[str, Damage]] = [
    ("I1", lose_an_execution), ("I1", invent_an_execution), ("I1", change_an_input),
    ("I2", end_twice), ("I2", happen_after_the_end), ("I2", ignore_a_cancel),
    ("I3", change_a_value), ("I3", record_an_old_token), ("I3", run_a_token_twice),
    ("I3", forget_the_end_of_an_attempt),
    ("I4", begin_before_a_parent), ("I4", settle_before_a_parent),
    ("I5", run_once_more),
    ("I6", overlap), ("I6", overlap_for_a_cause_but_renewed), ("I6", renew_a_lost_lease),
    ("I7", lose_an_event), ("I7", count_a_lease), ("I7", go_back_an_epoch),
    ("I9", find_an_orphan),
    ("I10", fire_early),
    ("I11", accept_a_signal_twice), ("I11", lose_a_signal),
    ("I12", undo_in_order), ("I12", undo_nothing),
    ("I13", try_too_often),
    ("I14", leave_a_claim),
]  # fmt: skip


def test_a_sound_history_breaks_nothing(recorded: bytes):
    assert check(pickle.loads(recorded)) == []


@pytest.mark.parametrize(("invariant", "damage"), DAMAGES)
def test_a_damaged_history_breaks_an_invariant(invariant: str, damage: Damage, recorded: bytes):
    history = pickle.loads(recorded)
    damage(history)
    broken = {sentence.partition(":")[0] for sentence in check(history)}
    assert invariant in broken


def test_an_overlap_for_a_cause_is_none(recorded: bytes):
    history = pickle.loads(recorded)
    overlap(history, cause=True)
    assert [one for one in check(history) if one.startswith("I6")] == []


def test_every_invariant_is_broken_by_some_damage():
    assert {name for name, _ in DAMAGES} == set(INVARIANTS)


def test_a_token_tells_when_it_was_issued():
    now = time.time_ns() // 1_000_000
    assert fence_of(f"{now}-3") == (now << 20) + 3
