"""What this worker holds: every claimed step until Redis has acknowledged its outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from redflow.expressions import EDGE_NAMES
from redflow.expressions.truth import holds
from redflow.nodes.context import Context
from redflow.store.keys import PartitionKeys
from redflow.store.steps import Envelope
from redflow.worker.plans import Prepared

TokenKey = tuple[int, str, str]
"""Partition, queue, entry id: the pair (ready stream, entry id) is the fencing token."""


GRAVITY = {"": 0, "stop": 1, "lost": 1, "timeout": 2, "shutdown": 2}
"""What was told to stop may not hear of it, and then it times out."""


GRACE = 5.0
"""Seconds an attempt may be past its deadline before its lease is left to run out."""


class Held:
    """One claimed step. `why` says what ended it from outside: timeout, lost, stop, shutdown."""

    __slots__ = (
        "began",
        "cancel",
        "claimed",
        "context",
        "deadline",
        "drop",
        "envelope",
        "key",
        "noted",
        "partition",
        "prepared",
        "queue",
        "reported",
        "span",
        "started",
        "timer",
        "token",
        "wait",
        "why",
    )

    def __init__(
        self,
        partition: PartitionKeys,
        queue: str,
        token: str,
        envelope: Envelope,
        *,
        now_ms: int,
        drop: bool = False,
    ) -> None:
        self.partition = partition
        self.queue = queue
        self.token = token
        self.envelope = envelope
        self.key: TokenKey = (partition.number, queue, token)
        self.claimed = time.monotonic()
        self.wait = max(0, now_ms - int(token[: token.index("-")]))
        self.drop = drop
        # A step that has waited ran before it did.
        self.began = envelope.resume is not None
        self.started = self.claimed
        self.deadline: float | None = None
        self.prepared: Prepared | None = None
        self.context: Context | None = None
        self.cancel: Callable[[], object] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.why = ""
        self.noted = False
        self.reported = False
        self.span: Any = None

    def overdue(self, now: float) -> bool:
        """Whether its attempt should have ended long ago, so that nobody renews its lease."""
        return self.deadline is not None and now > self.deadline + GRACE and not self.reported

    def holds(self, expression: str, output: Any) -> bool:
        """Whether an expression of an edge holds; raises ExpressionError."""
        assert self.context is not None
        return holds(expression, {**self.context.scope, "output": output}, EDGE_NAMES)

    def interrupt(self, why: str) -> None:
        """End the step from outside; the first of the graver reasons counts."""
        if self.reported or GRAVITY[self.why] >= GRAVITY[why]:
            return
        if why == "stop" and self.prepared is not None and self.prepared.runs_while_stopping:
            return
        self.why = why
        if self.context is not None:
            self.context.ended_by = why
        if self.cancel is not None:
            self.cancel()


class Claims(dict[TokenKey, Held]):
    """The steps held, by token; the heartbeat thread reads it while the loop changes it."""

    def snapshot(self) -> list[Held]:
        """The steps held at one moment: list() of a dict's values is not interrupted."""
        return list(self.values())

    def of_execution(self, execution: str) -> list[Held]:
        """Steps of one execution that are not reported yet."""
        return [
            held
            for held in self.snapshot()
            if held.envelope.execution == execution and not held.reported
        ]
