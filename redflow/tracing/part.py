"""The trace of an execution as its headers carry it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redflow.errors import Misconfigured
from redflow.tracing.mode import TraceMode, trace_mode

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

LONGEST_STATE = 256
"""Bytes of `tracestate` that travel; W3C allows to drop a longer one."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The span that started an execution, its sampling decision, and when (ms)."""

    trace_id: int
    span_id: int
    flags: int
    state: str = ""
    mode: TraceMode = TraceMode.EXECUTION
    at: int = 0

    @property
    def sampled(self) -> bool:
        """Whether spans of the execution are recorded: decided once, when it was started."""
        return bool(self.flags & 1)

    @property
    def traceparent(self) -> str:
        """The header of W3C Trace Context."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.flags & 1:02x}"

    def part(self) -> dict[str, Any]:
        """What the headers hold."""
        part: dict[str, Any] = {"p": self.traceparent, "t": self.at}
        if self.state and len(self.state) <= LONGEST_STATE:
            part["s"] = self.state
        if self.mode is not TraceMode.EXECUTION:
            part["m"] = str(self.mode)
        return part


def read_sent(part: object) -> Sent | None:
    """Read what the headers hold; None for nothing, and for what makes no sense.

    A trace that cannot be read must not cost a step.
    """
    if not isinstance(part, Mapping):
        return None
    found = _TRACEPARENT.fullmatch(str(part.get("p", "")))
    if found is None:
        return None
    trace_id, span_id, flags = (int(text, 16) for text in found.groups())
    at, state = part.get("t", 0), part.get("s", "")
    if not trace_id or not span_id or not isinstance(at, int) or not isinstance(state, str):
        return None
    try:
        mode = trace_mode(str(part.get("m", TraceMode.EXECUTION)))
    except Misconfigured:  # of a newer redflow
        mode = TraceMode.EXECUTION
    return Sent(trace_id, span_id, flags, state, mode, at)
