"""What all parts of a worker share."""

from __future__ import annotations

from dataclasses import dataclass

from redflow.crypto.values import Values
from redflow.driver import AsyncDriver
from redflow.metrics import Metrics
from redflow.store.space import Space
from redflow.worker.clock import RedisClock
from redflow.worker.counting import Counting
from redflow.worker.plans import Plans
from redflow.worker.rights import Rights
from redflow.worker.settings import WorkerSettings
from redflow.worker.spans import Spans


@dataclass(frozen=True, slots=True)
class Shared:
    """One worker's connection, namespace and settings, and what it knows of plans and time."""

    driver: AsyncDriver
    space: Space
    settings: WorkerSettings
    plans: Plans
    clock: RedisClock
    metrics: Metrics
    values: Values
    counting: Counting
    spans: Spans | None = None
    """None in a process that has not set up OpenTelemetry."""
    rights: Rights | None = None
    """None where no auth provider can be set."""
