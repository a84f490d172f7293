"""Which starts of steps a reader has told already: one for each attempt, before its end."""

from __future__ import annotations

from collections import OrderedDict

from redflow.events.mapping import ENDS_ATTEMPT
from redflow.model.event import EventKind, EventRecord

MOST = 4096
"""Steps kept in mind for each reader; beyond it a start may be told twice."""

ENDS_CLAIM = frozenset((EventKind.STEP_RECLAIMED, EventKind.STEP_RELEASED))
"""Somebody else takes the step up, and starts it again."""


class Starts:
    """Workers announce a start late, some twice, and short ones never: this tells each once."""

    def __init__(self) -> None:
        self._running: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._ended: OrderedDict[tuple[str, int, int], None] = OrderedDict()

    def is_news(self, record: EventRecord, attempt: int | None) -> bool:
        """Say whether a start that a record announces or implies was not told before."""
        step = record.execution, record.step or 0
        if step in self._running or (*step, attempt or 0) in self._ended:
            return False
        _keep(self._running, step)
        return True

    def ended(self, record: EventRecord, attempt: int | None) -> None:
        """Take note of a record that may end an attempt."""
        kind = record.kind
        if kind in ENDS_ATTEMPT or kind in ENDS_CLAIM or kind == EventKind.STEP_CANCELLED:
            self._running.pop((record.execution, record.step or 0), None)
        if kind in ENDS_ATTEMPT:
            _keep(self._ended, (record.execution, record.step or 0, attempt or 0))


def _keep(kept: OrderedDict, key: tuple) -> None:  # type: ignore[type-arg]
    kept[key] = None
    kept.move_to_end(key)
    if len(kept) > MOST:
        kept.popitem(last=False)
