"""How much work a namespace holds: for gauges, and for whoever decides on the number of workers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueLoad:
    """A queue at one moment; `oldest_ready_age` is seconds, 0 when nothing waits."""

    name: str
    ready: int
    in_flight: int
    oldest_ready_age: float
    desired_workers: int
    """How many workers its steps would fill; one at least when timers are due, which nobody fires
    while there are no workers at all."""


@dataclass(frozen=True, slots=True)
class Load:
    """A namespace at one moment; `timer_delay` is the seconds for which a timer has been due."""

    queues: tuple[QueueLoad, ...]
    timers_due: int
    timer_delay: float
    executions_live: int
