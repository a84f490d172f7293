"""The parts of a worker that ask Redis on its loop, wired to each other; nothing runs yet."""

from __future__ import annotations

import os
import platform
import socket
import time
from typing import ClassVar

import msgspec

from redflow.crypto.values import Values
from redflow.driver import AsyncDriver
from redflow.metrics import Metrics
from redflow.nodes.registry import Registry
from redflow.nodes.services import Services
from redflow.store.space import Space
from redflow.tracing import tracing
from redflow.version import VERSION
from redflow.worker.attempts import Attempts
from redflow.worker.audit import Audit
from redflow.worker.children import Children
from redflow.worker.clock import RedisClock
from redflow.worker.counting import Counting
from redflow.worker.plans import Plans
from redflow.worker.pump import Pump
from redflow.worker.reader import Reader
from redflow.worker.retention import Retention
from redflow.worker.rights import Rights
from redflow.worker.settings import WorkerSettings
from redflow.worker.shared import Shared
from redflow.worker.spans import Spans
from redflow.worker.sweeper import Sweeper
from redflow.worker.timers import Timers


class Parts:
    """What a worker claims, runs, reports and sweeps with; whoever makes it lets it run."""

    pump_type: ClassVar[type[Pump]] = Pump

    def __init__(
        self,
        driver: AsyncDriver,
        space: Space,
        registry: Registry,
        settings: WorkerSettings,
        metrics: Metrics,
        *,
        values: Values | None = None,
        services: Services | None = None,
        rights: Rights | None = None,
    ) -> None:
        plans = Plans(
            driver,
            registry,
            metrics,
            namespace=space.keys.namespace,
            worker_id=settings.worker_id,
            services=services,
        )
        values = values or Values(space.keys.namespace)
        counting = Counting(metrics, space.keys.namespace)
        traces = tracing()
        spans = None if traces is None else Spans(traces, driver)
        self.shared = Shared(
            driver, space, settings, plans, RedisClock(), metrics, values, counting, spans, rights
        )
        self.pump = self.pump_type(self.shared)
        self.attempts = Attempts(self.shared, self.pump.report, self.pump.note)
        self.sweeper = Sweeper(self.shared)
        self.timers = Timers(self.shared, self.sweeper.promote, self.sweeper.due_at, self.pump.look)
        self.retention = Retention(self.shared, self.sweeper)
        self.audit = Audit(self.shared, self.sweeper)
        self.children = Children(self.shared, self.pump, self.sweeper.restore_groups)
        self.reader = Reader(self.shared, self.attempts, self.pump, self.sweeper)
        self.pump.attempts = self.attempts
        self.pump.carry_out = self.sweeper.carry_out
        self.pump.parked = self.timers.park
        self.pump.start_child = self.children.start
        self.pump.restore_groups = self.sweeper.restore_groups


def about(registry: Registry, settings: WorkerSettings) -> bytes:
    """What a worker tells with its beats: where it runs and what it offers."""
    return msgspec.msgpack.encode(
        {
            "functions": sorted(registry.functions),
            "types": sorted(registry.types),
            "queues": settings.queues,
            "slots": settings.concurrency,
            "version": VERSION,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "python": platform.python_version(),
            "started": round(time.time() * 1000),
        }
    )
