"""How an attempt ended, as an outcome: a value, an exception, or an interruption from outside."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from redflow.errors import LeaseLost
from redflow.expressions import ExpressionError
from redflow.model.outcome import (
    AwaitingSignal,
    Branch,
    Completed,
    ErrorInfo,
    Fail,
    Failed,
    Outcome,
    OutcomeReason,
    Released,
    Retry,
    Sleeping,
    StartingChild,
)
from redflow.nodes.base import NotOffered, UnfitInput
from redflow.secrets import Mask
from redflow.worker.claims import Held
from redflow.worker.plans import Prepared
from redflow.worker.processes import DeadlinePassed, RaisedInChild

LOGGER = logging.getLogger("redflow.worker")

_NO_OUTPUT = (Branch, Failed, Sleeping, AwaitingSignal, StartingChild)


def returned(value: Any) -> Outcome:
    """A step that returned: its output, a branch, or how it goes on."""
    if not isinstance(value, _NO_OUTPUT):
        return Completed(value)
    return Completed(value.output, value.label) if isinstance(value, Branch) else value


def failed(
    held: Held, error: BaseException, reason: OutcomeReason, *, retryable: bool = False
) -> Failed:
    """A step that failed for a known reason."""
    info = ErrorInfo.from_exception(error, reason=reason, attempts=held.envelope.attempt)
    return Failed(info, retryable=retryable)


def masked(held: Held, outcome: Outcome, mask: Mask) -> Outcome:
    """The same outcome without the secrets that its attempt has used."""
    try:
        if isinstance(outcome, Completed):
            return outcome._replace(value=mask.mask(outcome.value))
        if isinstance(outcome, StartingChild):
            return replace(outcome, input=mask.mask(outcome.input))
    except Exception as error:  # what cannot be stored cannot be searched either
        outcome = failed(held, error, OutcomeReason.INVALID_OUTPUT)
    if isinstance(outcome, Failed):
        message = mask.text(outcome.error.message)
        return replace(outcome, error=replace(outcome.error, message=message))
    return outcome


def timed_out(held: Held) -> Failed:
    """A step that ran longer than its attempt may."""
    timeout = held.prepared.timeout if held.prepared else None
    info = ErrorInfo(
        "TimeoutError",
        f"the attempt ran longer than its timeout of {timeout:g} s",
        OutcomeReason.TIMEOUT,
        held.envelope.attempt,
    )
    return Failed(info)


def outcome_of_error(held: Held, error: BaseException) -> Outcome | None:
    """What an exception means; None when the token was lost, and nothing is to be said."""
    if held.why == "timeout" or isinstance(error, DeadlinePassed):
        return timed_out(held)
    if held.why == "shutdown":  # whatever our cancelling made of it: the attempt is not charged
        return Released(OutcomeReason.SHUTDOWN)
    if isinstance(error, (asyncio.CancelledError, LeaseLost)) and held.why:
        return None if held.why == "lost" else Released(OutcomeReason.STOPPING)
    if isinstance(error, RaisedInChild):
        return _raised_in_child(held, error)
    if isinstance(error, Fail):
        return failed(held, error, OutcomeReason.NOT_RETRYABLE)
    if isinstance(error, ExpressionError):
        return failed(held, error, OutcomeReason.EXPRESSION)
    if isinstance(error, UnfitInput):
        return failed(held, error, OutcomeReason.INVALID_INPUT)
    if isinstance(error, Retry):
        info = ErrorInfo.from_exception(error, attempts=held.envelope.attempt)
        return Failed(info, retry_after=error.after)
    return failed(held, error, OutcomeReason.ERROR, retryable=True)


def _raised_in_child(held: Held, error: RaisedInChild) -> Failed:
    info = replace(error.info, attempts=held.envelope.attempt)
    if error.kind == "fail":
        info = replace(info, reason=OutcomeReason.NOT_RETRYABLE)
    return Failed(info, retry_after=error.after, retryable=error.kind in ("error", "retry"))


def unprepared(held: Held, prepared: Prepared) -> Outcome:
    """A step this worker cannot run at all."""
    problem = prepared.problem
    assert problem is not None
    if isinstance(problem, NotOffered):
        LOGGER.warning("step released: %s", problem)
        return Released(OutcomeReason.UNKNOWN_FUNCTION)
    return failed(held, problem, OutcomeReason.INVALID_INPUT)
