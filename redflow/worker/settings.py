"""Settings of a worker; times are seconds."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field

from redflow import defaults
from redflow.errors import InvalidInput
from redflow.model.ids import check_queue


def new_worker_id() -> str:
    """Host, process and a random part: no two processes share one, whatever their names."""
    return f"{socket.gethostname()[:64]}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker runs; raises InvalidInput for values that cannot work together."""

    worker_id: str = field(default_factory=new_worker_id)
    queues: tuple[str, ...] = ("default",)
    concurrency: int = defaults.SLOTS
    """Steps that may be under way at once."""
    threads: int = defaults.THREADS
    """Plain functions that may be under way at once."""
    children: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Child processes for functions with run="process"; started when first needed."""
    interval: float = defaults.INTERVAL
    """Longest blocking read of an idle worker."""
    lease: float = defaults.LEASE
    beat: float = defaults.BEAT
    sweep: float = defaults.SWEEP
    deliveries: int = defaults.DELIVERIES
    drain: float = defaults.DRAIN
    batch: int = defaults.BATCH
    memory_watermark: float | None = defaults.MEMORY_WATERMARK
    """Share of maxmemory from which no new execution is taken in; None leaves it to Redis."""
    retention_completed: float | None = defaults.RETENTION_COMPLETED
    """How long executions that COMPLETED are kept; None keeps them for ever."""
    retention_others: float | None = defaults.RETENTION_OTHERS
    """How long those that FAILED or were CANCELLED are kept."""
    audit: float | None = defaults.AUDIT
    """Steps a minute that the audit goes through; None switches it off."""

    def __post_init__(self) -> None:
        if not self.queues:
            raise InvalidInput("a worker needs at least one queue", field="queues")
        for queue in self.queues:
            check_queue(queue)
        for name in ("concurrency", "threads", "children", "deliveries", "batch"):
            if not _is_number(getattr(self, name), int) or getattr(self, name) < 1:
                raise InvalidInput(
                    f"{name} is {getattr(self, name)!r}, not a whole number from 1", field=name
                )
        times = ["interval", "lease", "beat", "sweep", "drain"]
        kept = ("retention_completed", "retention_others")
        times += [name for name in kept if getattr(self, name) is not None]
        for name in times:
            value = getattr(self, name)
            if not _is_number(value, (int, float)) or not 0 <= value < float("inf"):
                raise InvalidInput(f"{name} is {value!r}, not seconds", field=name)
        if not 0 < self.beat * 3 <= self.lease:
            raise InvalidInput(
                f"lease {self.lease} s leaves no room for three beats of {self.beat} s",
                field="lease",
            )
        if self.memory_watermark is not None and not (
            _is_number(self.memory_watermark, (int, float)) and 0 < self.memory_watermark <= 1
        ):
            raise InvalidInput(
                f"memory_watermark is {self.memory_watermark!r}, not a share such as 0.9",
                field="memory_watermark",
            )
        if self.audit is not None and not (
            _is_number(self.audit, (int, float)) and 0 < self.audit < float("inf")
        ):
            raise InvalidInput(f"audit is {self.audit!r}, not steps a minute", field="audit")
        if self.deliveries > 127:
            raise InvalidInput(
                f"deliveries is {self.deliveries}, at most 127 fit into a token", field="deliveries"
            )


def _is_number(value: object, kinds: type | tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)
