"""What stands in Redis, as it was last read: every process that reads it shows the same.

So these are taken by `max by (...)`, never by `sum`: see docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MOST_QUEUES = 100
OTHER = "_other"


class QueueLoad(Protocol):
    """A queue, as far as it is shown."""

    @property
    def name(self) -> str: ...
    @property
    def ready(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def oldest_ready_age(self) -> float: ...
    @property
    def desired_workers(self) -> int: ...


class Load(Protocol):
    """A namespace, as far as it is shown."""

    @property
    def queues(self) -> Sequence[QueueLoad]: ...
    @property
    def timers_due(self) -> int: ...
    @property
    def timer_delay(self) -> float: ...
    @property
    def executions_live(self) -> int: ...


QUEUE = {
    "queue_ready": ("ready", "Steps that nobody has claimed."),
    "queue_in_flight": ("in_flight", "Steps that workers have claimed."),
    "queue_oldest_ready_age_seconds": (
        "oldest_ready_age",
        "Age of the oldest step that nobody has claimed.",
    ),
    "queue_desired_workers": (
        "desired_workers",
        "Workers that the steps of a queue would fill; 1 at least when timers are due.",
    ),
}
NAMESPACE = {
    "timers_due": ("timers_due", "Timers and orders that are due and not fired."),
    "timer_delay_seconds": ("timer_delay", "How late the timer is that has been due for longest."),
    "executions_live": ("executions_live", "Executions that have not ended."),
}


class Figure(Collector):
    """One of the gauges."""

    kind = "gauge"

    def __init__(self, shown: dict[str, Load], name: str, field: str, text: str) -> None:
        self._shown, self._field = shown, field
        self.name, self.text = f"redflow_{name}", text
        self.labelnames = ("namespace", "queue") if name in QUEUE else ("namespace",)

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge; without a series until something was read."""
        family = GaugeMetricFamily(self.name, self.text, labels=self.labelnames)
        for namespace, load in list(self._shown.items()):
            if len(self.labelnames) == 1:
                family.add_metric((namespace,), getattr(load, self._field))
            else:
                for queue, value in self._by_queue(load).items():
                    family.add_metric((namespace, queue), value)
        yield family

    def _by_queue(self, load: Load) -> dict[str, float]:
        """Values by queue; behind the first so many names they are one."""
        found: dict[str, float] = {}
        together = max if self._field == "oldest_ready_age" else sum
        for at, queue in enumerate(load.queues):
            name, value = queue.name, getattr(queue, self._field)
            if at >= MOST_QUEUES:
                name, value = OTHER, together((found.get(OTHER, 0), value))
            found[name] = value
        return found


class Shown:
    """The gauges of every namespace this process reads."""

    def __init__(self) -> None:
        self._shown: dict[str, Load] = {}
        self.figures = [
            Figure(self._shown, name, *about) for name, about in (QUEUE | NAMESPACE).items()
        ]

    def show(self, namespace: str, load: Load) -> None:
        """Show this from now on."""
        self._shown[namespace] = load

    def forget(self, namespace: str) -> None:
        """Show nothing of it: what could not be read is not shown as it was."""
        self._shown.pop(namespace, None)
