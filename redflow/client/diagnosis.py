"""What `doctor` says of what was gathered; every finding has a cause and a remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import distributions

from redflow import defaults
from redflow.driver.cluster.slots import slot_of_key
from redflow.model.execution import instant
from redflow.model.operations import QueueInfo, WorkerInfo
from redflow.model.plan import Plan
from redflow.store.fitness import Finding
from redflow.store.keys import Keys, PartitionKeys
from redflow.store.server_state import read_state

NEAR = 0.75
"""Share of maxmemory from which it is worth a warning; from the watermark on it is an error."""
SWEEPS_LATE = 6
LEASES_HELD = 4
_REFUSALS = {
    "replica": ("it is a replica", "every write is refused", "name the primary in the URL"),
    "disk": (
        "it cannot save to its disk",
        "it refuses every write until it can",
        "free disk space, and read its log",
    ),
    "replicas": (
        "too few of its replicas are connected",
        "min-replicas-to-write has it refuse every write",
        "start the replicas, or lower min-replicas-to-write",
    ),
    "loading": ("it is loading its data", "it answers nothing before it has", "wait"),
}
OTHER_DISTRIBUTION = "redflow"
"""On PyPI this is another project with the same import name."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found, and what could not be checked, each with its reason."""

    findings: list[Finding] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    @property
    def errors(self) -> int:
        """How many findings are no mere warnings."""
        return sum(one.fatal for one in self.findings)


# The server


def judge_state(where: str, info: bytes) -> Iterator[Finding]:
    """Whether it takes writes, and has room for them."""
    state = read_state(info)
    if state.refuses:
        what, why, step = _REFUSALS[state.refuses]
        yield Finding(f"Redis at {where}: {what}", why, step, fatal=True, code="writes")
    if state.limit:
        share = state.used / state.limit
        if share >= NEAR:
            yield Finding(
                f"Redis at {where} uses {share:.0%} of its maxmemory",
                f"from {defaults.MEMORY_WATERMARK:.0%} on new executions are refused",
                "raise maxmemory, purge ended executions, or shorten retention",
                fatal=share >= defaults.MEMORY_WATERMARK,
                code="memory",
            )


def judge_timeout(where: str, seconds: str) -> Iterator[Finding]:
    """Whether it cuts idle connections."""
    if seconds not in ("", "0"):
        yield Finding(
            f"Redis at {where} closes connections that are idle for {seconds} s (timeout)",
            "clients find theirs closed when they next ask, which costs a second try",
            "CONFIG SET timeout 0",
            code="timeout",
        )


def judge_denied(user: str, denied: Iterable[str]) -> Iterator[Finding]:
    """Whether the user of the URL may run what the scripts run."""
    names = sorted(denied)
    if names:
        yield Finding(
            f"user {user!r} may not run {', '.join(names)}",
            "scripts that need it are refused before they write; on Redis 6.2 they stop half way",
            f"ACL SETUSER {user} {' '.join('+' + name.lower() for name in names)}, and the keys"
            " and channels of the prefix",
            fatal=True,
            code="acl",
        )


def judge_slots(keys: Keys, queues: Sequence[str]) -> Iterator[Finding]:
    """Whether each partition has one slot: a script takes keys of no more."""
    for partition in keys:
        slots = {slot_of_key(key) for key in _some_keys(partition, queues)}
        if len(slots) > 1:
            yield Finding(
                f"the keys of partition {partition.number} have {len(slots)} slots",
                "a cluster refuses every script that names two of them",
                "take a prefix without braces",
                fatal=True,
                code="slots",
            )


def _some_keys(partition: PartitionKeys, queues: Sequence[str]) -> list[str]:
    named = [partition.plan("p"), partition.workflow("w"), partition.execution("e.a~2")]
    return [*partition.permanent.values(), *map(partition.ready, queues), *named]


# This installation


def judge_installation(names: Iterable[str] | None = None) -> Iterator[Finding]:
    """Whether another project has been installed over this one."""
    if names is None:
        names = (one.metadata["Name"] or "" for one in distributions())
    if OTHER_DISTRIBUTION in {name.lower() for name in names}:
        yield Finding(
            "the distribution 'redflow' is installed beside 'redflow-engine'",
            "it is another project with the same import name: each overwrites files of the other",
            "pip uninstall redflow redflow-engine, then install redflow-engine again",
            fatal=True,
            code="distributions",
        )


# The namespace


def judge_queues(queues: Sequence[QueueInfo]) -> Iterator[Finding]:
    """Whether somebody serves each queue."""
    for one in queues:
        if not one.workers and one.paused is None:
            waiting = one.waiting + one.running
            yield Finding(
                f"queue {one.name!r} has no live worker"
                + (f", and {waiting} steps are in it" if waiting else ""),
                "nobody claims its steps",
                f"redflow worker start -A module:engine --queue {one.name}",
                fatal=waiting > 0,
                code="queue",
            )


def judge_functions(
    plans: Iterable[Plan], workers: Mapping[str, Sequence[WorkerInfo]]
) -> Iterator[Finding]:
    """Whether live workers of its queue offer what each node needs."""
    missing: dict[tuple[str, str, str], set[str]] = {}
    for plan in plans:
        for step in plan.steps:
            function = str(step.config.get("function", "")) if step.type == "function" else ""
            alive = [one for one in workers.get(step.queue, ()) if one.alive]
            if alive and not any(one.runs(step.type, function) for one in alive):
                missing.setdefault((step.type, function, step.queue), set()).add(plan.workflow)
    for (kind, function, queue), workflows in sorted(missing.items()):
        what = f"function {function!r}" if function else f"node type {kind!r}"
        yield Finding(
            f"no live worker of queue {queue!r} offers {what}",
            f"its steps in {', '.join(sorted(workflows))} wait until one does",
            "start a worker whose application registers it",
            fatal=True,
            code="function",
        )


def judge_sweeps(
    now: int, sweeps: Sequence[tuple[int | None, int | None]], *, alive: bool
) -> Iterator[Finding]:
    """Whether each partition was swept lately, and lost leases are taken over."""
    longest = defaults.SWEEP * SWEEPS_LATE
    for number, (tick, hold) in enumerate(sweeps):
        if alive and (tick is None or now - tick > longest * 1000):
            since = "never" if tick is None else f"{(now - tick) / 1000:.0f} s ago"
            yield Finding(
                f"partition {number} was last swept {since}",
                f"its timers are late, and lost leases stay lost; due every {defaults.SWEEP:g} s",
                "read the logs of the workers, and restart them",
                fatal=True,
                code="sweep",
            )
        if hold is not None and hold - now > defaults.LEASE * LEASES_HELD * 1000:
            yield Finding(
                f"partition {number} takes over no lost lease before {instant(hold):%F %T} UTC",
                "its outage guard was set by a clock that was ahead, or by a very long lease",
                f"HSET the field hold of the sweeper of partition {number} to 0",
                fatal=True,
                code="guard",
            )
