"""Why something does not go on, in sentences: one for each code of a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from redflow.cli.output import human

if TYPE_CHECKING:
    from redflow.model.explain import Reason

Params = Mapping[str, Any]


def what_of(reason: Reason) -> str:
    """Say what a reason is; a code of a later version with all it brings."""
    sentence = SENTENCES.get(str(reason.code))
    if sentence is None:
        said = ", ".join(f"{name} {human(value)}" for name, value in reason.params.items())
        return f"{reason.code}: {said}" if said else str(reason.code)
    return sentence(reason.params)


def reason_document(reason: Reason) -> dict[str, Any]:
    """Return a reason as JSON shows it."""
    return {
        "code": str(reason.code),
        "node": reason.node,
        "since": reason.since,
        "what": what_of(reason),
        "params": dict(reason.params),
        "fix": reason.fix,
    }


def _ended(p: Params) -> str:
    return f"it has ended {p['status']}"


def _scheduled(p: Params) -> str:
    return f"its begin is due {human(p['until'])}"


def _paused(p: Params) -> str:
    if p.get("over"):
        return "a pause held it, and is over"
    scope, name = p["scope"], p["name"]
    what = f"the {scope}" if scope in ("execution", "namespace") else f"{scope} {name!r}"
    by = f" by {p['by']}" if p["by"] else ""
    return f"{what} is paused{by}" + (f": {p['reason']}" if p["reason"] else "")


def _stopping(p: Params) -> str:
    because = f": {p['because']}" if p["because"] else ""
    waits = f"; it waits for {_names(p['waits_for'])}" if p["waits_for"] else ""
    return f"the execution is {p['phase']}{because}{waits}"


def _compensating(p: Params) -> str:
    running = f", now {_names(p['running'])}" if p["running"] else ""
    return f"what the execution did is being undone{running}; {p['left']} to go"


def _waiting_steps(p: Params) -> str:
    return f"it comes after {_names(p['nodes'])}"


def _join_not_met(p: Params) -> str:
    owed = f", owed by {_names(p['owed_by'])}" if p["owed_by"] else ""
    counts = f"{p['taken']} taken, {p['blocked']} blocked"
    return f"{p['settled']} of {p['edges']} edges to it have settled ({counts}){owed}"


def _branch_not_taken(p: Params) -> str:
    edges = (
        f"{one['node']} ({one['label']})" if one["label"] else one["node"] for one in p["edges"]
    )
    return f"skipped: no edge to it was taken, from {', '.join(edges)}"


def _upstream_failed(p: Params) -> str:
    return f"skipped: {_names(p['nodes'])} did not complete"


def _no_worker_for_queue(p: Params) -> str:
    return f"no live worker serves queue {p['queue']!r}"


def _no_worker_with_handler(p: Params) -> str:
    missing = f"function {p['function']!r}" if p["function"] else f"node type {p['type']!r}"
    return f"no live worker of queue {p['queue']!r} has {missing}: {_names(p['workers'])}"


def _workers_busy(p: Params) -> str:
    return (
        f"it is number {p['rank']} in queue {p['queue']!r} of {p['workers']} live workers with"
        f" {p['slots']} slots"
    )


def _lease_held(p: Params) -> str:
    heard = f"last heard of {p['silent']:.1f}s ago"
    return f"it runs on {p['worker']}, {heard}; the lease expires {human(p['expires'])}"


def _worker_lost(p: Params) -> str:
    heard = f"not heard of for {p['silent']:.1f}s"
    return f"its worker {p['worker']} was {heard}, due to be taken back {human(p['reclaim_at'])}"


def _backoff(p: Params) -> str:
    error = f" after {p['error']}" if p["error"] else ""
    return f"attempt {p['attempt']} is due {human(p['until'])}{error}"


def _released(p: Params) -> str:
    return f"a worker gave it back; it is offered again {human(p['until'])}"


def _sleeping(p: Params) -> str:
    return f"it sleeps, due {human(p['until'])}"


def _waiting_signal(p: Params) -> str:
    limit = f"; it gives up {human(p['timeout'])}" if p["timeout"] else ""
    return f"it waits for signal {p['name']!r}{limit}"


def _waiting_child(p: Params) -> str:
    return f"it waits for execution {p['execution']}, which is {p['status']}"


def _sweep_late(p: Params) -> str:
    last = human(p["last_sweep"]) if p["last_sweep"] else "never"
    return f"it is due, and nobody sweeps: the last sweep was {last}"


def _redis_read_only(p: Params) -> str:
    because = {
        "replica": "is a replica",
        "disk": "cannot save to disk",
        "replicas": "has too few replicas",
        "loading": "is reading its data from disk",
    }
    return f"Redis takes no writes: it {because.get(p['because'], p['because'])}"


def _redis_full(p: Params) -> str:
    much = "near its" if p["near"] else "at its"
    return f"Redis is {much} maxmemory: {p['used']:,} of {p['limit']:,} bytes"


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)


SENTENCES: Mapping[str, Callable[[Params], str]] = {
    "ended": _ended,
    "scheduled": _scheduled,
    "paused": _paused,
    "stopping": _stopping,
    "compensating": _compensating,
    "waiting_steps": _waiting_steps,
    "join_not_met": _join_not_met,
    "branch_not_taken": _branch_not_taken,
    "upstream_failed": _upstream_failed,
    "no_worker_for_queue": _no_worker_for_queue,
    "no_worker_with_handler": _no_worker_with_handler,
    "workers_busy": _workers_busy,
    "lease_held": _lease_held,
    "worker_lost": _worker_lost,
    "backoff": _backoff,
    "released": _released,
    "sleeping": _sleeping,
    "waiting_signal": _waiting_signal,
    "waiting_child": _waiting_child,
    "sweep_late": _sweep_late,
    "redis_read_only": _redis_read_only,
    "redis_full": _redis_full,
}
"""Keys are those of redflow.model.explain.ReasonCode, which help need not import."""
