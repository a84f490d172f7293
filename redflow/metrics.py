"""The metrics, in a registry of their own; every label has few values."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

STEP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Seconds; up to the longest default timeout, so that slow calls do not all land in +Inf."""

MOST_WORKFLOWS = 500
OTHER = "_other"


class StepTally:
    """Attempts of one node type in one namespace.

    Written for every step, by a worker's loop alone, so it counts without a lock: a counter and a
    histogram of prometheus-client take 5 us a step (measured), this 0.4.
    """

    __slots__ = ("buckets", "seconds", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}
        self.buckets = [0] * (len(STEP_BUCKETS) + 1)
        self.seconds = 0.0

    def count(self, status: str, seconds: float) -> None:
        """Count an attempt that ended, and how long it ran."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.buckets[bisect_left(STEP_BUCKETS, seconds)] += 1
        self.seconds += seconds


class _Steps(Collector):
    """Hands the tallies to a scrape."""

    def __init__(self) -> None:
        self.tallies: dict[tuple[str, str], StepTally] = {}

    def collect(self) -> Iterator[Metric]:
        counter = CounterMetricFamily(
            "redflow_steps_processed",
            "Attempts ended.",
            labels=("namespace", "node_type", "status"),
        )
        histogram = HistogramMetricFamily(
            "redflow_step_duration_seconds",
            "Run time of attempts.",
            labels=("namespace", "node_type"),
        )
        for labels, tally in list(self.tallies.items()):
            for status, count in list(tally.statuses.items()):
                counter.add_metric((*labels, status), count)
            bounds = [*(str(float(bound)) for bound in STEP_BUCKETS), "+Inf"]
            counts = accumulate(list(tally.buckets))
            histogram.add_metric(labels, list(zip(bounds, counts, strict=True)), tally.seconds)
        yield counter
        yield histogram


class Metrics:
    """Counters of one process; pass one to several engines to add them up.

    The `workflow` label has at most 500 values of each process, later ones count as `_other`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.started = self._counter(
            "redflow_workflows_started", "Executions started.", "namespace", "workflow", "trigger"
        )
        self.completed = self._counter(
            "redflow_workflows_completed", "Executions COMPLETED.", "namespace", "workflow"
        )
        self.failed = self._counter(
            "redflow_workflows_failed", "Executions FAILED.", "namespace", "workflow", "reason"
        )
        self.workers = Gauge(
            "redflow_active_workers",
            "Live workers of a queue.",
            ("namespace", "queue"),
            registry=self.registry,
        )
        self.orphans = self._counter(
            "redflow_orphans_repaired", "Damages that audits have repaired.", "namespace"
        )
        self.denied = self._counter(
            "redflow_egress_denied", "Requests of nodes that were refused.", "namespace", "reason"
        )
        self._steps = _Steps()
        self.registry.register(self._steps)
        self._workflows: set[str] = set()

    def steps(self, namespace: str, node_type: str) -> StepTally:
        """The tally of a node type: `steps_processed_total` and `step_duration_seconds`."""
        return self._steps.tallies.setdefault((namespace, node_type), StepTally())

    def count_ended(self, namespace: str, workflow: str, letter: str, count: int = 1) -> None:
        """Count executions that ended as `C` (completed) or `F` (failed); `X` is neither."""
        label = self.workflow_label(workflow)
        if letter == "C":
            self.completed.labels(namespace, label).inc(count)
        elif letter == "F":
            self.failed.labels(namespace, label, "step").inc(count)

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

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)


@cache
def default_metrics() -> Metrics:
    """The metrics of this process, unless an engine is given its own."""
    return Metrics()
