"""What a worker counts beside its steps: retries, leases, refusals, values it cannot decrypt."""

from __future__ import annotations

from collections.abc import Iterable

from redflow.errors import DecryptionFailed, KeyMissing
from redflow.metrics import Metrics
from redflow.metrics.tally import Tally
from redflow.model.outcome import Failed, OutcomeReason

_REASONS = frozenset(map(str, OutcomeReason))


class Counting:
    """The metrics of one namespace, as a worker counts them."""

    def __init__(self, metrics: Metrics, namespace: str) -> None:
        self._metrics = metrics
        self._namespace = namespace

    def waits(self, queues: Iterable[str]) -> dict[str, Tally]:
        """What counts how long steps wait in each of these queues."""
        return {queue: self._metrics.waits.labels(self._namespace, queue) for queue in queues}

    def retried(self, node_type: str, outcome: object) -> None:
        """An attempt failed and another follows; what nodes call their reason is no label."""
        reason = str(outcome.error.reason) if isinstance(outcome, Failed) else ""
        known = reason if reason in _REASONS else str(OutcomeReason.ERROR)
        self._metrics.retries.labels(self._namespace, node_type, known).inc()

    def fenced(self, op: str) -> None:
        """An outcome was refused, because the lease was lost."""
        self._metrics.fenced.labels(self._namespace, op).inc()

    def leases(self, *, expired: int, moved: int) -> None:
        """A sweep found leases that had run out, and gave steps to other workers."""
        if expired:
            self._metrics.expired.labels(self._namespace).inc(expired)
            self._metrics.reclaimed.labels(self._namespace).inc(moved)

    def unreadable(self, error: Exception) -> None:
        """The input of a step cannot be read; counted when that is for want of a key."""
        if isinstance(error, KeyMissing):
            self._metrics.undecryptable.labels(self._namespace, "key_missing").inc()
        elif isinstance(error, DecryptionFailed):
            self._metrics.undecryptable.labels(self._namespace, "refused").inc()
