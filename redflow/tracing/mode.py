"""What one trace holds."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from redflow.errors import Misconfigured


class TraceMode(StrEnum):
    """Chosen where an execution is started, and kept for all its steps, children and reruns."""

    EXECUTION = "execution"
    """An execution has a trace of its own, linked to the caller's span."""

    LINKED = "linked"
    """Every run of a step has a trace of its own, linked to the span that started the execution."""

    INHERIT = "inherit"
    """All of it is in the caller's trace, however long it takes."""


VARIABLE: Final = "REDFLOW_TRACE_MODE"

ERA: Final = 3_600_000
"""Milliseconds that a trace of an execution spans; what becomes ready later goes to another one."""


def trace_mode(text: str) -> TraceMode:
    """Read a mode; raises Misconfigured, naming those there are."""
    try:
        return TraceMode(text)
    except ValueError as error:
        raise Misconfigured(
            f"trace mode {text!r} is not known",
            hint=f"{VARIABLE} is one of {', '.join(TraceMode)}",
        ) from error
