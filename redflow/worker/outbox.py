"""What goes to a partition with its next call: reports as rows of `advance`, and started notes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from redflow.model.event import EventKind
from redflow.store.keys import PartitionKeys
from redflow.store.op import Word
from redflow.worker.claims import Held

CALL_BYTES = 1024 * 1024
"""Values of one call, the last of which may go beyond."""

_note = msgspec.msgpack.Encoder().encode


class Report(NamedTuple):
    """One outcome on its way to Redis."""

    held: Held
    kind: str
    meta: str
    value: bytes | str
    detail: str


@dataclass(slots=True)
class Outbox:
    """What goes to one partition with its next call."""

    keys: PartitionKeys
    reports: deque[Report] = field(default_factory=deque)
    notes: list[Held] = field(default_factory=list)
    hot: bool = False
    """Its last claim was answered in full: there is more."""
    since: float = 0.0
    """When it was queued."""
    first: int = 0
    """The queue that is asked for what does not divide evenly."""
    dry: int = 0
    """Calls in a row that claimed nothing."""
    singly: int = 0
    """Reports to be sent one by one: a call with all of them was refused."""
    queued: bool = False

    def take(self, most: int) -> list[Report]:
        """Take the next reports for one call: one at least, and no more bytes than a call may have.

        Redis copies every value, and does nothing else meanwhile.
        """
        taken: list[Report] = []
        size = 0
        while self.reports and len(taken) < most and size < CALL_BYTES:
            report = self.reports.popleft()
            size += len(report.value)
            taken.append(report)
        return taken


def rows_of(
    batch: Sequence[Report], queues: Sequence[str]
) -> tuple[list[str], list[str], list[Word]]:
    """Executions, plans and outcome rows of a call."""
    executions: dict[str, int] = {}
    plans: dict[str, None] = {}
    words: list[Word] = []
    position = {queue: at for at, queue in enumerate(queues, 1)}
    for report in batch:
        held = report.held
        envelope = held.envelope
        at = executions.setdefault(envelope.execution, len(executions) + 1)
        plans[envelope.plan] = None
        words += (
            held.token,
            position[held.queue],
            at,
            envelope.step,
            report.kind,
            report.meta,
            report.value,
            report.detail,
        )
    return list(executions), list(plans), words


def meta_of(held: Held, run: float) -> str:
    """What the record of a step says of its attempt, which ran so many seconds."""
    envelope = held.envelope
    return (
        f"{envelope.attempt},{envelope.deliveries},{envelope.releases},{held.queue},"
        f"{held.wait},{round(run * 1000)}"
    )


def due_of(report: Report, now: int) -> int:
    """When the timer is due that this outcome has set, in ms; 0 for none."""
    kind, detail = report.kind, report.detail
    if kind in "cf" or detail in ("", "0", "+0"):
        return 0
    return int(detail[1:]) if detail[0] == "@" else now + int(detail)


def started_note(held: Held, worker: str) -> bytes:
    """The event of a step that is still running, ready made; it has no number."""
    envelope = held.envelope
    extra = (envelope.attempt, held.token, worker)
    return _note((EventKind.STEP_STARTED.value, envelope.execution, None, envelope.step, extra))
