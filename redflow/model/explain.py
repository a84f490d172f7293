"""Why an execution or a step does not go on: from what was read of it to reasons, in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from redflow import defaults
from redflow.model.execution import instant
from redflow.model.facts import Facts, StepFacts
from redflow.model.operations import Pause, WorkerInfo
from redflow.model.plan import Plan

LEASE = round(defaults.LEASE * 1000)
LATE = round(defaults.SWEEP * 2000)
"""Milliseconds after which what is due and not done says that nobody sweeps."""
NAMED = 20
"""Nodes named by one reason."""
FUNCTION = "function"

_LIVE = frozenset("qtwkh")
_WRITABLE = {
    "replica": "name the primary in the URL, or end the failover: it takes no writes",
    "disk": "free disk space or read the server's log; it goes on by itself then",
    "replicas": "let its replicas connect again, or lower min-replicas-to-write",
    "loading": "wait until it has read its data from disk",
}
_STATUSES = {"C": "COMPLETED", "F": "FAILED", "X": "CANCELLED"}


class ReasonCode(StrEnum):
    """What holds something up."""

    SCHEDULED = "scheduled"
    PAUSED = "paused"
    STOPPING = "stopping"
    COMPENSATING = "compensating"
    ENDED = "ended"
    WAITING_STEPS = "waiting_steps"
    JOIN_NOT_MET = "join_not_met"
    BRANCH_NOT_TAKEN = "branch_not_taken"
    UPSTREAM_FAILED = "upstream_failed"
    NO_WORKER_FOR_QUEUE = "no_worker_for_queue"
    NO_WORKER_WITH_HANDLER = "no_worker_with_handler"
    WORKERS_BUSY = "workers_busy"
    LEASE_HELD = "lease_held"
    WORKER_LOST = "worker_lost"
    BACKOFF = "backoff"
    RELEASED = "released"
    SLEEPING = "sleeping"
    WAITING_SIGNAL = "waiting_signal"
    WAITING_CHILD = "waiting_child"
    SWEEP_LATE = "sweep_late"
    REDIS_READ_ONLY = "redis_read_only"
    REDIS_FULL = "redis_full"


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that holds up a node, None for the execution itself; `fix` is the next step."""

    code: ReasonCode
    node: str | None = None
    since: datetime | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    fix: str = ""


def explain_execution(plan: Plan, facts: Facts) -> list[Reason]:
    """Say what holds up the execution itself, then every step that is ready, running or waiting.

    The others wait for these.
    """
    reasons = list(_whole(plan, facts))
    if facts.phase == "d":
        return reasons
    for number in sorted(facts.steps):
        if facts.steps[number].kind in _LIVE:
            reasons += _live(plan, facts, number)
    if (facts.owes and facts.phase != "s") or any(step.owes for step in facts.steps.values()):
        reasons += _late(facts, None, 0)
    return reasons


def explain_node(plan: Plan, facts: Facts, number: int) -> list[Reason]:
    """Say what holds up one step; `facts` has its record and those of its parents."""
    step = facts.steps[number]
    if step.kind and step.kind not in _LIVE:
        return list(_settled(plan, facts, number))
    whole = list(_whole(plan, facts, pauses=step.kind != "h" and step.worker is None))
    if step.kind:
        return whole + list(_live(plan, facts, number))
    return whole + list(_not_ready(plan, facts, number))


# The execution


def _whole(plan: Plan, facts: Facts, *, pauses: bool = True) -> Iterator[Reason]:
    """What holds up every step; a pause does not hold up those that run."""
    if facts.phase == "d":
        params: dict[str, Any] = {"status": facts.status}
        fix = f"nothing more runs; to run it again: redflow execution rerun {facts.id}"
        yield Reason(ReasonCode.ENDED, None, instant(facts.ended), params, fix)
    elif facts.phase == "s":
        params = {"until": instant(facts.begin)}
        fix = f"wait until then, or stop it: redflow execution cancel {facts.id}"
        yield Reason(ReasonCode.SCHEDULED, None, None, params, fix)
        yield from _late(facts, None, facts.begin)
    elif facts.phase in ("f", "c"):
        yield _stopping(plan, facts)
    elif facts.phase == "u":
        params = {
            "left": facts.undo_left,
            "running": _names(plan, _live_steps(facts)),
        }
        fix = f"wait until all is undone: redflow watch {facts.id}"
        yield Reason(ReasonCode.COMPENSATING, None, None, params, fix)
    if pauses:
        for pause in facts.paused:
            yield _paused(facts, pause, None)
    if facts.phase != "d":
        yield from _server(facts)


def _stopping(plan: Plan, facts: Facts) -> Reason:
    waits = _names(plan, _live_steps(facts))
    why = "failing" if facts.phase == "f" else "cancelling"
    since = instant(facts.stopping_since) if facts.stopping_since else None
    params: dict[str, Any] = {"phase": why, "because": facts.stopped_by, "waits_for": waits}
    fix = (
        "running steps are told to stop and end within their lease; only steps behind `always`"
        " still start"
    )
    return Reason(ReasonCode.STOPPING, None, since, params, fix)


def _paused(facts: Facts, pause: Pause, node: str | None) -> Reason:
    params: dict[str, Any] = {
        "scope": pause.scope,
        "name": pause.name,
        "by": pause.by,
        "reason": pause.reason,
    }
    resume = {
        "execution": f"redflow execution resume {facts.id}",
        "workflow": f"redflow workflow resume {pause.name}",
        "queue": f"redflow queue resume {pause.name}",
        "namespace": "redflow namespace resume",
    }
    return Reason(
        ReasonCode.PAUSED, node, pause.since, params, f"let it go on: {resume[pause.scope]}"
    )


def _server(facts: Facts) -> Iterator[Reason]:
    """What the server itself refuses, whoever asks."""
    if facts.read_only:
        yield Reason(
            ReasonCode.REDIS_READ_ONLY, None, None, {"because": facts.read_only},
            _WRITABLE[facts.read_only],
        )  # fmt: skip
    if facts.memory is not None:
        memory = facts.memory
        params = {"used": memory.used, "limit": memory.limit, "near": memory.near}
        fix = (
            "what runs goes on, nothing new is taken in: raise maxmemory, or remove what has ended"
            " with redflow execution purge"
        )
        yield Reason(ReasonCode.REDIS_FULL, None, None, params, fix)


def _live_steps(facts: Facts) -> list[int]:
    return [number for number, step in sorted(facts.steps.items()) if step.kind in _LIVE]


def _late(facts: Facts, node: str | None, due: int) -> Iterator[Reason]:
    """What is due, 0 for since ever, is done by a sweep; say so when none comes."""
    swept = facts.last_sweep
    if facts.now - max(swept, due) > LATE:
        params: dict[str, Any] = {"last_sweep": instant(swept) if swept else None}
        fix = "no worker sweeps: start one that can reach this namespace, redflow worker start -A"
        yield Reason(ReasonCode.SWEEP_LATE, node, instant(due) if due else None, params, fix)


# Steps that have no record yet


def _not_ready(plan: Plan, facts: Facts, number: int) -> Iterator[Reason]:
    if facts.phase != "r":
        if plan.step(number).undo_of and facts.phase in ("f", "c", "s"):
            yield _waits_to_undo(plan, number)
        return
    step, known = plan.step(number), facts.steps[number]
    if step.undo_of:
        yield _waits_to_undo(plan, number)
        return
    parents = sorted({parent.step for parent in step.parents})
    open_ones = [one for one in parents if not _has_settled(facts.steps[one])]
    owing = [one for one in parents if facts.steps[one].owes]
    if open_ones:
        names = _names(plan, open_ones)
        fix = f"it starts after them; ask why they wait: redflow explain {facts.id} {names[0]}"
        yield Reason(ReasonCode.WAITING_STEPS, step.id, None, {"nodes": names}, fix)
    if len(step.parents) > 1 or not open_ones:
        params: dict[str, Any] = {
            "settled": known.settled,
            "taken": known.taken,
            "blocked": known.blocked,
            "edges": max(len(step.parents), 1),
            "owed_by": _names(plan, owing),
        }
        fix = "it is decided when all its edges have settled"
        if not open_ones:
            fix = "the rest of them is settled by the next sweep of a worker, within seconds"
        yield Reason(ReasonCode.JOIN_NOT_MET, step.id, None, params, fix)
    if not open_ones:
        yield from _late(facts, step.id, 0)


def _waits_to_undo(plan: Plan, number: int) -> Reason:
    undone = plan.step(plan.step(number).undo_of).id
    fix = f"it runs only to undo {undone}, when the execution fails or is cancelled"
    return Reason(ReasonCode.WAITING_STEPS, plan.step(number).id, None, {"nodes": [undone]}, fix)


def _has_settled(step: StepFacts) -> bool:
    return bool(step.kind) and step.kind not in _LIVE


# Live steps


def _live(plan: Plan, facts: Facts, number: int) -> Iterator[Reason]:
    node, step = plan.step(number).id, facts.steps[number]
    if step.kind == "q":
        yield from _ready(plan, facts, number)
    elif step.kind == "t":
        yield from _timed(facts, node, step)
    elif step.kind == "w":
        yield from _awaits_signal(facts, node, step)
    elif step.kind == "k":
        params: dict[str, Any] = {"execution": step.waiting_for, "status": step.child_status}
        fix = f"it goes on when that has ended: redflow explain {step.waiting_for}"
        yield Reason(ReasonCode.WAITING_CHILD, node, None, params, fix)
        if step.child_status not in ("PENDING", "RUNNING"):
            yield from _late(facts, node, 0)
    elif facts.paused:
        for pause in facts.paused:
            yield _paused(facts, pause, node)
    else:
        fix = "the pause is over: the next sweep of a worker lets it go on, within seconds"
        yield Reason(ReasonCode.PAUSED, node, None, {"scope": "execution", "over": True}, fix)
        yield from _late(facts, node, 0)


def _timed(facts: Facts, node: str, step: StepFacts) -> Iterator[Reason]:
    until = instant(step.due)
    if step.why == "r":
        params: dict[str, Any] = {"attempt": step.attempt, "until": until, "error": step.error}
        yield Reason(ReasonCode.BACKOFF, node, None, params, "wait for the next attempt")
    elif step.why == "s":
        yield Reason(ReasonCode.SLEEPING, node, None, {"until": until}, "wait until then")
    else:
        params = {"attempt": step.attempt, "until": until}
        fix = "a worker gave it back, it is offered again then; that worker's log says why"
        yield Reason(ReasonCode.RELEASED, node, None, params, fix)
    yield from _late(facts, node, step.due)


def _awaits_signal(facts: Facts, node: str, step: StepFacts) -> Iterator[Reason]:
    timeout = instant(step.due) if step.due else None
    params: dict[str, Any] = {"name": step.waiting_for, "timeout": timeout}
    fix = f"send it: redflow signal send {facts.id} {step.waiting_for} '{{}}'"
    yield Reason(ReasonCode.WAITING_SIGNAL, node, None, params, fix)
    if step.due:
        yield from _late(facts, node, step.due)


def _ready(plan: Plan, facts: Facts, number: int) -> Iterator[Reason]:
    node, step = plan.step(number), facts.steps[number]
    since = instant(step.ready_at) if step.ready_at else None
    workers = facts.queues.get(step.queue, ())
    if step.worker is not None:
        yield from _claimed(facts, node.id, step, workers)
        return
    for pause in facts.pauses.get(step.queue, ()):
        yield _paused(facts, pause, node.id)
    handler = node.config.get("function", "") if node.type == FUNCTION else ""
    able = [one for one in workers if one.runs(node.type, handler)]
    if not workers:
        fix = f"start one: redflow worker start -A module:engine -q {step.queue}"
        yield Reason(ReasonCode.NO_WORKER_FOR_QUEUE, node.id, since, {"queue": step.queue}, fix)
    elif not able:
        what = f"function {handler!r}" if handler else f"node type {node.type!r}"
        params: dict[str, Any] = {
            "queue": step.queue,
            "type": node.type,
            "function": handler,
            "workers": [one.id for one in workers[:NAMED]],
        }
        fix = f"start a worker of queue {step.queue} whose engine registers {what}"
        yield Reason(ReasonCode.NO_WORKER_WITH_HANDLER, node.id, since, params, fix)
    else:
        params = {
            "queue": step.queue,
            "rank": (step.ahead or 0) + 1,
            "workers": len(workers),
            "slots": sum(one.slots for one in workers),
        }
        fix = f"it is claimed in its turn; more workers of queue {step.queue} make it sooner"
        yield Reason(ReasonCode.WORKERS_BUSY, node.id, since, params, fix)


def _claimed(
    facts: Facts, node: str, step: StepFacts, workers: Sequence[WorkerInfo]
) -> Iterator[Reason]:
    expires = facts.now - step.silent + LEASE
    lives = any(one.id == step.worker for one in workers)
    params: dict[str, Any] = {"worker": step.worker, "silent": step.silent / 1000}
    if lives and expires > facts.now:
        fix = f"it runs; if it should not take so long: redflow worker show {step.worker}"
        params |= {"expires": instant(expires)}
        yield Reason(ReasonCode.LEASE_HELD, node, None, params, fix)
        return
    due = max(expires, facts.guarded_until)
    fix = "a sweep of another worker gives it to somebody else then"
    params |= {"reclaim_at": instant(due)}
    yield Reason(ReasonCode.WORKER_LOST, node, None, params, fix)
    yield from _late(facts, node, due)


# Settled steps


def _settled(plan: Plan, facts: Facts, number: int) -> Iterator[Reason]:
    node, step = plan.step(number), facts.steps[number]
    if step.kind == "S" and step.why == "b":
        failed = [p.step for p in node.parents if facts.steps[p.step].kind in "FXS"]
        names = _names(plan, sorted(set(failed)))
        fix = f"look at them, then: redflow execution rerun {facts.id}"
        yield Reason(ReasonCode.UPSTREAM_FAILED, node.id, None, {"nodes": names}, fix)
        return
    if step.kind == "S":
        edges = [
            {"node": plan.step(parent.step).id, "label": parent.label, "on": parent.kind}
            for parent in node.parents[:NAMED]
        ]
        fix = "no edge to it was taken: the outputs of these nodes say which they chose"
        yield Reason(ReasonCode.BRANCH_NOT_TAKEN, node.id, None, {"edges": edges}, fix)
        return
    status = "SKIPPED" if step.kind == "C" and step.attempt == 0 else _STATUSES[step.kind]
    fix = f"nothing more happens to it; again: redflow execution rerun {facts.id} --from {node.id}"
    yield Reason(ReasonCode.ENDED, node.id, None, {"status": status}, fix)


def _names(plan: Plan, numbers: Sequence[int]) -> list[str]:
    return [plan.step(number).id for number in numbers[:NAMED]]
