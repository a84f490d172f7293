"""Every metric by its name, in a registry of its own."""

from __future__ import annotations

import platform
from functools import cache, partial
from typing import Protocol

from prometheus_client import CollectorRegistry, generate_latest

from redflow.metrics.counts import Counts, Levels
from redflow.metrics.load import OTHER, Figure, Shown
from redflow.metrics.slots import Slots
from redflow.metrics.steps import Ends, StepTally
from redflow.metrics.tally import Tallies, Tally
from redflow.version import VERSION

MOST_WORKFLOWS = 500

WAITS = (0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 60, 300, 1800)
"""Seconds a step waits for a worker; an alert is due far below the last."""

RUNS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400, 604_800)
"""Seconds an execution takes: some wait for people."""

CALLS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
"""Seconds; a script is to take 5 ms at the most, and a call is given up after 5 s."""

REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Seconds."""

LAGS = (0.001, 0.005, 0.025, 0.1, 0.25, 1, 5, 30)
"""Seconds; a lease is lost when the loop stands still for three beats."""

_ENDS = {"C": "completed", "F": "failed", "X": "cancelled"}


Registered = Counts | Tallies[Tally] | Tallies[StepTally] | Ends | Slots | Figure


class Described(Protocol):
    """A metric that says what it is."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def labelnames(self) -> tuple[str, ...]: ...


class Metrics:
    """Counters of one process; pass one to several engines to add them up.

    The `workflow` label has at most 500 values of each process, later ones count as `_other`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.described: list[Described] = []
        self._workflows: set[str] = set()
        self._flow()
        self._rim()
        self._correctness()
        self._edge()
        self._process()

    def _flow(self) -> None:
        counter, histogram = self._counter, self._histogram
        self.started = counter(
            "workflows_started", "Executions started.", "namespace", "workflow", "trigger"
        )
        self.completed = counter(
            "workflows_completed", "Executions COMPLETED.", "namespace", "workflow"
        )
        self.failed = counter(
            "workflows_failed", "Executions FAILED.", "namespace", "workflow", "reason"
        )
        self.durations = histogram(
            RUNS,
            "workflow_duration_seconds",
            "Time from the creation of executions to their end.",
            "namespace",
            "status",
        )
        self._steps = Tallies(
            StepTally,
            "redflow_step_duration_seconds",
            "Run time of attempts.",
            "namespace",
            "node_type",
        )
        self._add(Ends(self._steps))
        self._add(self._steps)
        self.waits = histogram(
            WAITS,
            "step_queue_wait_seconds",
            "Time from when a step is ready to when it is claimed.",
            "namespace",
            "queue",
        )
        self.retries = counter(
            "step_retries",
            "Attempts that failed and are followed by another.",
            "namespace",
            "node_type",
            "reason",
        )

    def _rim(self) -> None:
        counter = self._counter
        self.events_delivered = counter(
            "events_delivered", "Events that handlers took.", "namespace", "consumer"
        )
        self.events_failed = counter(
            "events_failed", "Calls of handlers of events that failed.", "namespace", "consumer"
        )
        self.events_lag = self._gauge(
            "events_lag",
            "Records that a consumer led here has yet to pass.",
            "namespace",
            "consumer",
        )
        self.webhooks = counter(
            "webhook_requests",
            "Deliveries to webhooks, by what became of them.",
            "scheme",
            "result",
        )

    def _correctness(self) -> None:
        counter = self._counter
        self.expired = counter(
            "leases_expired", "Leases that ran out, found by sweeps.", "namespace"
        )
        self.reclaimed = counter(
            "leases_reclaimed", "Steps of silent workers given to others.", "namespace"
        )
        self.fenced = counter(
            "fence_rejected", "Outcomes refused: the lease was lost.", "namespace", "op"
        )
        self.undecryptable = counter(
            "decrypt_failures", "Values that steps could not decrypt.", "namespace", "reason"
        )
        self.orphans = counter(
            "orphans_repaired", "Damages that audits have repaired.", "namespace"
        )
        self.denied = counter(
            "egress_denied", "Requests of nodes that were refused.", "namespace", "reason"
        )
        self.decisions = counter(
            "auth_decisions", "Calls that an auth provider was asked about.", "method", "result"
        )

    def _edge(self) -> None:
        self.requests = self._histogram(
            REQUESTS,
            "http_request_duration_seconds",
            "Time to answer requests to the HTTP API.",
            "route",
            "method",
            "status_class",
        )
        self.sse_clients = self._gauge("sse_clients", "Event streams that are open.")
        self.sse_ended = self._counter(
            "sse_streams_ended", "Event streams that ended, by the cause.", "reason"
        )

    def _process(self) -> None:
        self.workers = self._gauge(
            "active_workers", "Live workers of a queue.", "namespace", "queue"
        )
        self.slots = Slots()
        self._add(self.slots)
        self.lag = self._histogram(
            LAGS, "event_loop_lag_seconds", "How late the loop of a worker came round."
        )
        self.scripts = self._histogram(
            CALLS, "script_duration_seconds", "Calls to Redis, seen from here.", "script"
        )
        self.redis_errors = self._counter(
            "redis_errors", "Calls to Redis that failed, each try.", "kind"
        )
        self.reconnects = self._counter(
            "redis_reconnects", "Times Redis answered again after calls had failed."
        )
        self.reconnects.labels()
        self.load = Shown()
        for figure in self.load.figures:
            self._add(figure)
        build = self._gauge("build_info", "1, of this version.", "version", "python")
        build.labels(VERSION, platform.python_version()).set(1)

    def steps(self, namespace: str, node_type: str) -> StepTally:
        """The tally of a node type: `steps_processed_total` and `step_duration_seconds`."""
        return self._steps.labels(namespace, node_type)

    def count_ended(self, namespace: str, workflow: str, letter: str, count: int = 1) -> None:
        """Count executions that ended as `C` (completed) or `F` (failed); `X` is neither."""
        label = self.workflow_label(workflow)
        if letter == "C":
            self.completed.labels(namespace, label).inc(count)
        elif letter == "F":
            self.failed.labels(namespace, label, "step").inc(count)

    def count_duration(self, namespace: str, letter: str, seconds: float) -> None:
        """Count how long an execution took."""
        self.durations.labels(namespace, _ENDS[letter]).observe(seconds)

    def count_decision(self, method: str, result: str) -> None:
        """Count what an auth provider said: `allowed` or `denied`."""
        self.decisions.labels(method, result).inc()

    def count_denied(self, namespace: str, reason: str) -> None:
        """Count a request of a node that was refused before anything was sent."""
        self.denied.labels(namespace, reason).inc()

    def workflow_label(self, workflow: str) -> str:
        """The workflow, or `_other` once there are too many."""
        if workflow in self._workflows:
            return workflow
        if len(self._workflows) >= MOST_WORKFLOWS:
            return OTHER
        self._workflows.add(workflow)
        return workflow

    def expose(self) -> bytes:
        """The text Prometheus scrapes."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counts:
        counts = Counts(f"redflow_{name}", text, *labels)
        self._add(counts)
        return counts

    def _gauge(self, name: str, text: str, *labels: str) -> Levels:
        levels = Levels(f"redflow_{name}", text, *labels)
        self._add(levels)
        return levels

    def _histogram(
        self, bounds: tuple[float, ...], name: str, text: str, *labels: str
    ) -> Tallies[Tally]:
        tallies = Tallies(partial(Tally, bounds), f"redflow_{name}", text, *labels)
        self._add(tallies)
        return tallies

    def _add(self, metric: Registered) -> None:
        self.registry.register(metric)
        self.described.append(metric)


@cache
def default_metrics() -> Metrics:
    """The metrics of this process, unless an engine is given its own."""
    return Metrics()
