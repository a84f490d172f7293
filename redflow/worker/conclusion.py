"""What an outcome means for Redis: a row of `advance`. Pure but for the jitter of retries."""

from __future__ import annotations

import random
from typing import NamedTuple

from redflow.model import codec
from redflow.model.outcome import (
    Completed,
    ErrorInfo,
    Failed,
    Outcome,
    OutcomeReason,
    Released,
)
from redflow.model.plan import PlanStep
from redflow.model.retry import RetryPolicy, decide
from redflow.model.routing import not_taken
from redflow.store.executions import pack_value

ONCE = RetryPolicy(max_attempts=1)
LONGEST_RELEASE = 30.0
FIRST_RELEASE = 0.25


class Conclusion(NamedTuple):
    """The kind of a row, its value, its detail, and the status the metrics count."""

    kind: str
    value: bytes | str
    detail: str
    status: str


def conclude(
    step: PlanStep | None, outcome: Outcome, *, attempt: int, releases: int, inline: int
) -> Conclusion:
    """Turn an outcome into a row; an output that cannot be stored fails the step."""
    if isinstance(outcome, Released) or step is None:
        return _released(outcome, releases)
    if isinstance(outcome, Completed):
        try:
            value = codec.encode(outcome.value)
            routed = not_taken(step, outcome.label) if step.labels or outcome.label else ""
        except Exception as error:  # encoding runs the author's code, which may raise anything
            info = ErrorInfo.from_exception(
                error, reason=OutcomeReason.INVALID_OUTPUT, attempts=attempt
            )
            return _failed(step, Failed(info, retryable=False), attempt)
        return Conclusion("c", pack_value(value, inline), routed, "COMPLETED")
    return _failed(step, outcome, attempt)


def release_delay(releases: int) -> float:
    """Seconds until a step that was handed back `releases` times is offered again."""
    return min(LONGEST_RELEASE, FIRST_RELEASE * 2.0 ** min(releases, 10))


def _released(outcome: Outcome, releases: int) -> Conclusion:
    """Give a step back; one whose plan could not even be read is always given back."""
    reason = outcome.reason if isinstance(outcome, Released) else OutcomeReason.UNREADABLE
    delay = 0.0 if reason == OutcomeReason.SHUTDOWN else release_delay(releases)
    return Conclusion("l", str(reason), str(round(delay * 1000)), "RELEASED")


def _failed(step: PlanStep, outcome: Failed, attempt: int) -> Conclusion:
    error = b"=" + codec.encode(outcome.error.to_value())
    delay = None
    if outcome.retryable:
        delay = decide(step.retry or ONCE, attempt, outcome.error, random.random)
        if delay is not None and outcome.retry_after is not None:
            delay = outcome.retry_after
    if delay is None:
        return Conclusion("f", error, "", "FAILED")
    return Conclusion("r", error, str(round(delay * 1000)), "RETRYING")
