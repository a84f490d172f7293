"""The slots of the workers of this process, asked of them when a scrape comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Ask = Callable[[], Mapping[str, int]]
"""Says how many slots are in which state; called from the thread of the scrape."""


class Slots(Collector):
    """Adds up what workers say while they run."""

    kind = "gauge"
    name = "redflow_worker_slots"
    text = "Slots of the workers of this process: free, busy, stuck (a thread past its deadline)."
    labelnames = ("namespace", "state")

    def __init__(self) -> None:
        self._asked: dict[object, tuple[str, Ask]] = {}

    def follow(self, worker: object, namespace: str, ask: Ask) -> None:
        """Ask a worker from now on."""
        self._asked[worker] = (namespace, ask)

    def forget(self, worker: object) -> None:
        """Ask it no more; one that is not asked is none of its business."""
        self._asked.pop(worker, None)

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge."""
        family = GaugeMetricFamily(self.name, self.text, labels=self.labelnames)
        counts: Counter[tuple[str, str]] = Counter()
        for namespace, ask in list(self._asked.values()):
            counts.update({(namespace, state): number for state, number in ask().items()})
        for labels, number in counts.items():
            family.add_metric(labels, number)
        yield family
