"""Counters and gauges, one number a series: prometheus-client adds a `_created` to each."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Value:
    """The number of one series; any thread may change it."""

    __slots__ = ("_lock", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self._lock = Lock()

    def inc(self, amount: float = 1) -> None:
        """Add to it."""
        with self._lock:
            self.value += amount

    def set(self, value: float) -> None:
        """Put another in its place."""
        self.value = value


class Counts(Collector):
    """A counter by its labels; its name is written without `_total`."""

    kind = "counter"

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self.name, self.text, self.labelnames = name, text, labels
        self._values: dict[tuple[str, ...], Value] = {}

    def labels(self, *values: str) -> Value:
        """The series of these labels, made when it is first asked for."""
        if len(values) != len(self.labelnames):
            raise ValueError(f"{self.name} has the labels {', '.join(self.labelnames)}")
        found = self._values.get(values)
        return found if found is not None else self._values.setdefault(values, Value())

    def inc(self, amount: float = 1) -> None:
        """Add to the one series of a metric without labels."""
        self.labels().inc(amount)

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        family = CounterMetricFamily(self.name, self.text, labels=self.labelnames)
        for labels, value in list(self._values.items()):
            family.add_metric(labels, value.value)
        yield family


class Levels(Counts):
    """A gauge by its labels."""

    kind = "gauge"

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        family = GaugeMetricFamily(self.name, self.text, labels=self.labelnames)
        for labels, value in list(self._values.items()):
            family.add_metric(labels, value.value)
        yield family
