"""What an outcome means for Redis: a row of `advance`. Pure but for the jitter of retries."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

from redflow.crypto.values import Away, Field, Values
from redflow.expressions import ExpressionError
from redflow.model import codec
from redflow.model.execution import milliseconds_of
from redflow.model.outcome import (
    AwaitingSignal,
    Completed,
    ErrorInfo,
    Failed,
    OutcomeReason,
    Released,
    Sleeping,
    type_name,
)
from redflow.model.plan import PlanStep
from redflow.model.retry import RetryPolicy, decide
from redflow.model.routing import not_taken
from redflow.store.executions import pack_value
from redflow.worker.processes import ChildDied

ONCE = RetryPolicy(max_attempts=1)
_DIED = type_name(ChildDied)

Settling = Completed | Failed | Released | Sleeping | AwaitingSignal
"""The outcomes that `advance` records."""

LONGEST_RELEASE = 30.0
FIRST_RELEASE = 0.25


class Conclusion(NamedTuple):
    """The kind of a row, its value, its detail, and the status the metrics count; "" for none.

    With `away` the value is what stands for it once it is in the payload store.
    """

    kind: str
    value: bytes | str
    detail: str
    status: str
    away: Away | None = None


class Place(NamedTuple):
    """The execution a step belongs to, and what seals its values."""

    values: Values
    execution: str


Holds = Callable[[str, Any], bool]
"""Whether an expression of an edge holds for an output."""


def conclude(
    step: PlanStep | None,
    outcome: Settling,
    *,
    attempt: int,
    releases: int,
    inline: int,
    place: Place,
    holds: Holds | None = None,
) -> Conclusion:
    """Turn an outcome into a row; an output that cannot be stored or routed fails the step.

    `holds` is given when expressions decide about some edge.
    """
    if isinstance(outcome, Released) or step is None:
        return _released(outcome, releases)
    if isinstance(outcome, Completed):
        try:
            value = place.values.encode(outcome.value)
            routed = _routed(step, outcome, value, holds)
        except Exception as error:  # encoding runs the author's code, which may raise anything
            wrong = isinstance(error, ExpressionError)
            reason = OutcomeReason.EXPRESSION if wrong else OutcomeReason.INVALID_OUTPUT
            info = ErrorInfo.from_exception(error, reason=reason, attempts=attempt)
            return _failed(step, Failed(info, retryable=False), attempt, place)
        packed, away = place.values.pack(value, place.execution, Field.OUTPUT, step.id, attempt)
        return Conclusion("c", pack_value(packed, inline), routed, "COMPLETED", away)
    if isinstance(outcome, Failed):
        return _failed(step, outcome, attempt, place)
    return _waiting(outcome)


def _routed(step: PlanStep, outcome: Completed, value: bytes, holds: Holds | None) -> str:
    if holds is None:
        chooses = step.labels or outcome.label
        return not_taken(step, outcome.label, lambda _: True) if chooses else ""
    output = codec.decode(value)  # as those behind the edges see it: plain, whatever was returned
    return not_taken(step, outcome.label, lambda text: holds(text, output))


def release_delay(releases: int) -> float:
    """Seconds until a step that was handed back `releases` times is offered again."""
    return min(LONGEST_RELEASE, FIRST_RELEASE * 2.0 ** min(releases, 10))


def _waiting(outcome: Sleeping | AwaitingSignal) -> Conclusion:
    """An attempt that waits has not ended: it is counted when it has."""
    if isinstance(outcome, AwaitingSignal):
        timeout = "" if outcome.timeout is None else str(_milliseconds(outcome.timeout))
        return Conclusion("s", outcome.name, timeout, "")
    if outcome.until is not None:
        return Conclusion("t", "", f"@{milliseconds_of(outcome.until)}", "")
    return Conclusion("t", "", f"+{_milliseconds(outcome.delay or 0.0)}", "")


def _milliseconds(seconds: float) -> int:
    """At least one for any time at all: a timer at 0 would be none."""
    return max(round(seconds * 1000), 1) if seconds else 0


def _released(outcome: Settling, releases: int) -> Conclusion:
    """Give a step back; one whose plan could not even be read is always given back."""
    reason = outcome.reason if isinstance(outcome, Released) else OutcomeReason.UNREADABLE
    delay = 0.0 if reason == OutcomeReason.SHUTDOWN else release_delay(releases)
    kind = "l" if isinstance(outcome, Released) and outcome.began else "n"
    return Conclusion(kind, str(reason), str(round(delay * 1000)), "RELEASED")


def _was_cut_short(outcome: Failed) -> bool:
    """Whether nobody knows what the attempt has done: it timed out, or its process died.

    A node that fails for good because nothing came in time has not been cut short.
    """
    timed_out = outcome.error.reason == OutcomeReason.TIMEOUT and outcome.retryable
    return timed_out or outcome.error.type == _DIED


def _failed(step: PlanStep, outcome: Failed, attempt: int, place: Place) -> Conclusion:
    error = b"=" + place.values.seal_error(outcome.error, place.execution, step.id)
    delay = None
    if outcome.retryable:
        delay = decide(step.retry or ONCE, attempt, outcome.error, random.random)
        if delay is not None and outcome.retry_after is not None:
            delay = outcome.retry_after
    if delay is None:
        return Conclusion("f", error, "u" if _was_cut_short(outcome) else "", "FAILED")
    return Conclusion("r", error, str(round(delay * 1000)), "RETRYING")
