"""What a driver tells of its calls: how long scripts took, what failed, when Redis came back."""

from __future__ import annotations

from redflow.errors import Misconfigured, OutOfMemory, StoreError, Unavailable
from redflow.metrics import Metrics
from redflow.store.op import Op


class Watch:
    """Counts the calls of one driver."""

    def __init__(self, metrics: Metrics) -> None:
        self._scripts = metrics.scripts
        self._errors = metrics.redis_errors
        self._reconnects = metrics.reconnects
        self._lost = False

    def answered(self, op: Op[object], seconds: float) -> None:
        """A call was answered; of several in one round trip, the first stands for all."""
        if self._lost:
            self._lost = False
            self._reconnects.inc()
        if op.script is not None:
            self._scripts.labels(op.name).observe(seconds)

    def failed(self, error: StoreError) -> None:
        """A call failed, by its try."""
        self._errors.labels(kind_of(error)).inc()
        if isinstance(error, Unavailable):
            self._lost = True


def kind_of(error: StoreError) -> str:
    """The kind of an error, as a label: one of five."""
    if isinstance(error, Unavailable):
        return "no_answer" if error.ambiguous else "unreachable"
    if isinstance(error, OutOfMemory):
        return "out_of_memory"
    return "misconfigured" if isinstance(error, Misconfigured) else "refused"
