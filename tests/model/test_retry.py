"""Retries: the delay of every attempt, who gives up when, and wrong policies."""

import math
import pickle
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.model.outcome import ErrorInfo, OutcomeReason
from redflow.model.retry import RetryPolicy, decide

ERROR = ErrorInfo("ValueError", "no")
EXACT = RetryPolicy(max_attempts=10, jitter="none")


def half() -> float:
    return 0.5


def test_the_delay_doubles_up_to_its_maximum():
    delays = [decide(EXACT, attempt, ERROR, half) for attempt in range(1, 11)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60, None]


def test_full_jitter_takes_a_share_of_the_delay():
    assert decide(RetryPolicy(), 2, ERROR, half) == 1.0
    assert decide(RetryPolicy(), 1, ERROR, lambda: 0.0) == 0.0


def test_max_attempts_counts_runs():
    assert decide(RetryPolicy.of(1), 1, ERROR, half) is None
    assert decide(RetryPolicy.of(2), 1, ERROR, half) is not None
    assert decide(RetryPolicy.of(2), 2, ERROR, half) is None


@pytest.mark.parametrize(
    ("reason", "again"),
    [(reason, reason in ("error", "timeout", "child_failed")) for reason in OutcomeReason],
)
def test_only_errors_timeouts_and_failed_children_run_again(reason, again):
    error = ErrorInfo("ValueError", "no", reason)
    assert (decide(EXACT, 1, error, half) is not None) == again


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("Declined", True),
        ("shop.errors.Declined", True),
        ("errors.Declined", False),
        ("declined", False),
        ("Decline", False),
    ],
)
def test_non_retryable_is_a_bare_or_dotted_name(name, matches):
    policy = RetryPolicy(non_retryable=("KeyError", name))
    error = ErrorInfo("shop.errors.Declined", "no")
    assert (decide(policy, 1, error, half) is None) == matches


policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 65_535),
    initial_interval=st.floats(0, 1000),
    backoff_coefficient=st.floats(1, 1000),
    maximum_interval=st.floats(1000, 300_000_000),
    jitter=st.sampled_from(["full", "none"]),
)


@given(policies, st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_no_attempt_overflows(policy, attempt, chance):
    delay = decide(policy, attempt, ERROR, lambda: chance)
    assert (delay is None) == (attempt >= policy.max_attempts)
    assert delay is None or 0 <= delay <= policy.maximum_interval


@given(policies, st.integers(1, 65_000))
def test_delays_never_shrink(policy, attempt):
    assert policy.delay(attempt) <= policy.delay(attempt + 1) <= policy.maximum_interval


def test_a_first_interval_of_zero_stays_zero():
    policy = RetryPolicy(max_attempts=60_000, initial_interval=0, backoff_coefficient=1000)
    assert policy.delay(1) == policy.delay(59_999) == 0


INTERVALS = (-1, math.nan, math.inf, True, None, "soon", 10**12)
WRONG: dict[str, tuple[object, ...]] = {
    "max_attempts": (0, -1, 65_536, 1.5, True, None, "3", 10**5000),
    "initial_interval": INTERVALS,
    "maximum_interval": INTERVALS,
    "backoff_coefficient": (0, 0.5, -2, math.nan, math.inf, True, None, "2", 1001),
    "jitter": (None, True, "", "equal", 1, []),
    "non_retryable": ("ValueError", [1], [""], [ValueError], None, 5),
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG.items() for value in values],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_a_wrong_option_is_refused_by_name(field, value):
    with pytest.raises(InvalidInput, match=field) as caught:
        RetryPolicy(**{field: value})
    assert caught.value.field == field


def test_the_maximum_is_not_below_the_first_interval():
    with pytest.raises(InvalidInput, match="maximum_interval"):
        RetryPolicy(initial_interval=10, maximum_interval=5)


def test_of_takes_a_number_or_a_policy():
    assert RetryPolicy.of(5) == RetryPolicy(max_attempts=5)
    assert RetryPolicy.of(EXACT) is EXACT
    with pytest.raises(InvalidInput):
        RetryPolicy.of("5")  # type: ignore[arg-type]


def test_a_policy_is_frozen_comparable_and_crosses_processes():
    policy = RetryPolicy(non_retryable=["ValueError"])  # type: ignore[arg-type]
    assert policy == RetryPolicy(non_retryable=("ValueError",))
    assert pickle.loads(pickle.dumps(policy)) == policy
    with pytest.raises(FrozenInstanceError):
        policy.max_attempts = 1  # type: ignore[misc]
