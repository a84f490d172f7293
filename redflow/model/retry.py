"""When a failed attempt runs again, and after how long."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from redflow import defaults
from redflow.errors import InvalidInput
from redflow.model.durations import seconds
from redflow.model.outcome import ErrorInfo, OutcomeReason

# The attempt travels as 16 bits in the token of a step.
_MOST_ATTEMPTS = 65_535

_RETRYABLE = frozenset({OutcomeReason.ERROR, OutcomeReason.TIMEOUT, OutcomeReason.CHILD_FAILED})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a step may run and how long it rests in between; intervals are seconds.

    `max_attempts` counts runs, the first included. `non_retryable` lists names of exception
    classes, bare ("ValueError") or dotted ("shop.errors.Declined"), that end the retries.
    """

    max_attempts: int = defaults.RETRY_MAX_ATTEMPTS
    initial_interval: float = defaults.RETRY_INITIAL_INTERVAL
    backoff_coefficient: float = defaults.RETRY_BACKOFF_COEFFICIENT
    maximum_interval: float = defaults.RETRY_MAXIMUM_INTERVAL
    jitter: Literal["full", "none"] = "full"
    non_retryable: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_attempts(self.max_attempts)
        for name in ("initial_interval", "maximum_interval"):
            object.__setattr__(self, name, seconds(getattr(self, name), field=name))
        object.__setattr__(self, "backoff_coefficient", _coefficient(self.backoff_coefficient))
        object.__setattr__(self, "non_retryable", _names(self.non_retryable))
        if self.jitter not in ("full", "none"):
            raise InvalidInput(f"jitter {self.jitter!r} is not full or none", field="jitter")
        if self.maximum_interval < self.initial_interval:
            raise InvalidInput(
                f"maximum_interval {self.maximum_interval} is below "
                f"initial_interval {self.initial_interval}",
                field="maximum_interval",
                hint="raise maximum_interval or lower initial_interval",
            )

    @classmethod
    def of(cls, value: "int | RetryPolicy") -> "RetryPolicy":
        """Return the policy, or the default one with this number of runs."""
        return value if isinstance(value, RetryPolicy) else cls(max_attempts=value)

    def delay(self, attempt: int) -> float:
        """Return the seconds to rest after this attempt (1, 2, ...), before jitter."""
        try:
            raw = self.initial_interval * self.backoff_coefficient ** (attempt - 1)
        except OverflowError:
            return self.maximum_interval if self.initial_interval else 0.0
        return min(raw, self.maximum_interval)


def decide(
    policy: RetryPolicy, attempt: int, error: ErrorInfo, random: Callable[[], float]
) -> float | None:
    """Return the seconds until the next attempt, or None to give up.

    `attempt` is the one that failed (1, 2, ...); `random` answers a number from 0 up to 1.
    """
    if attempt >= policy.max_attempts or error.reason not in _RETRYABLE:
        return None
    if _matches(error.type, policy.non_retryable):
        return None
    delay = policy.delay(attempt)
    return delay * random() if policy.jitter == "full" else delay


def _matches(type_name: str, names: tuple[str, ...]) -> bool:
    return type_name in names or type_name.rpartition(".")[2] in names


def _check_attempts(value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(
            f"max_attempts is a {type(value).__name__}, not a whole number", field="max_attempts"
        )
    if not 1 <= value <= _MOST_ATTEMPTS:
        raise InvalidInput(
            f"max_attempts is out of range; allowed are 1 to {_MOST_ATTEMPTS} runs",
            field="max_attempts",
        )


def _coefficient(value: object) -> float:
    # Below 1 the rests would shrink, and NaN passes no comparison.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 1 <= value <= 1000:
        return float(value)
    raise InvalidInput(
        "backoff_coefficient is not a number from 1 to 1000", field="backoff_coefficient"
    )


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)) and all(isinstance(name, str) and name for name in value):
        return tuple(value)
    raise InvalidInput(
        "non_retryable is not a list of exception names",
        field="non_retryable",
        hint='write ("ValueError", "shop.errors.Declined")',
    )
