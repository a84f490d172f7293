"""What every step counts: how its attempt ended, and how long it ran."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from redflow.metrics.tally import Tallies, Tally

STEP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
"""Seconds; up to the longest default timeout, so that slow calls do not all land in +Inf."""


class StepTally(Tally):
    """Attempts of one node type in one namespace, counted by a worker's loop alone."""

    __slots__ = ("statuses",)

    def __init__(self) -> None:
        super().__init__(STEP_BUCKETS)
        self.statuses: dict[str, int] = {}

    def count(self, status: str, seconds: float) -> None:
        """Count an attempt that ended, and how long it ran."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        # Not by `observe`: every step comes here, and a call costs as much as the rest.
        self.buckets[bisect_left(STEP_BUCKETS, seconds)] += 1
        self.seconds += seconds


class Ends(Collector):
    """The counter that the same tallies hold."""

    kind = "counter"
    name, text = "redflow_steps_processed", "Attempts ended."
    labelnames = ("namespace", "node_type", "status")

    def __init__(self, tallies: Tallies[StepTally]) -> None:
        self._tallies = tallies

    def collect(self) -> Iterator[Metric]:
        """Yield the counter."""
        family = CounterMetricFamily(self.name, self.text, labels=self.labelnames)
        for labels, tally in self._tallies.items():
            for status, count in list(tally.statuses.items()):
                family.add_metric((*labels, status), count)
        yield family
