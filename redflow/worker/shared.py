"""What all parts of a worker share."""

from __future__ import annotations

from dataclasses import dataclass

from redflow.crypto.values import Values
from redflow.driver import AsyncDriver
from redflow.metrics import Metrics
from redflow.store.space import Space
from redflow.worker.clock import RedisClock
from redflow.worker.plans import Plans
from redflow.worker.settings import WorkerSettings


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
