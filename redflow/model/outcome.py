"""What running a node answers, and what a node's author may return or raise."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self

from redflow.errors import InvalidInput
from redflow.model.checks import shown
from redflow.model.durations import seconds
from redflow.model.ids import check_label, check_signal_name, check_workflow_id

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    L = TypeVar("L", default=str)
else:  # defaults of type variables came with Python 3.13
    from typing import TypeVar

    L = TypeVar("L")

_MESSAGE_BYTES = 4096


class OutcomeReason(StrEnum):
    """Why an attempt failed, or was handed back uncharged."""

    ERROR = "error"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    NOT_RETRYABLE = "not_retryable"
    INVALID_INPUT = "invalid_input"
    INVALID_OUTPUT = "invalid_output"
    INPUT_TOO_LARGE = "input_too_large"
    EXPRESSION = "expression"
    UNKNOWN_FUNCTION = "unknown_function"
    SHUTDOWN = "shutdown"
    STOPPING = "stopping"
    UNREADABLE = "unreadable"
    CHILD_FAILED = "child_failed"
    CHILD_CANCELLED = "child_cancelled"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """An error as it is stored and shown; `type` is a dotted name, `attempts` the runs so far."""

    type: str
    message: str
    reason: str = OutcomeReason.ERROR
    attempts: int = 1

    @classmethod
    def from_exception(
        cls, error: BaseException, *, reason: str = OutcomeReason.ERROR, attempts: int = 1
    ) -> Self:
        """Describe an exception; one whose own text cannot be had is described all the same."""
        return cls(type_name(type(error)), _message_of(error), reason, attempts)

    def to_value(self) -> dict[str, Any]:
        """Return the shape that steps behind a failure edge receive."""
        return {
            "type": self.type,
            "message": _cut(self.message),
            "reason": str(self.reason),
            "attempts": self.attempts,
        }

    @classmethod
    def from_value(cls, value: object) -> Self:
        """Read what `to_value` wrote; raise InvalidInput for anything else."""
        if not isinstance(value, Mapping):
            raise InvalidInput(f"stored error is a {type(value).__name__}, not a map")
        fields = [value.get(name) for name in ("type", "message", "reason", "attempts")]
        match fields:
            case [str(kind), str(message), str(reason), int(attempts)]:
                return cls(kind, message, reason, attempts)
        raise InvalidInput("stored error lacks type, message, reason or attempts")


class Completed(NamedTuple):
    """The attempt succeeded; `label` is the branch it chose. Made once for every step, so cheap."""

    value: Any
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; `retry_after` (seconds) overrides the delay of the policy."""

    error: ErrorInfo
    retry_after: float | None = None
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class Released:
    """The step was handed back uncharged: this worker cannot or may not run it now.

    `began` is False only where none of the author's code can have run.
    """

    reason: OutcomeReason
    began: bool = True


@dataclass(frozen=True, slots=True)
class Sleeping:
    """The step rests without a worker and runs again: in `delay` seconds, or at `until`."""

    delay: float | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if (self.delay is None) == (self.until is None):
            raise InvalidInput("a sleep needs a delay or the time it ends at, and not both")
        if self.delay is not None:
            object.__setattr__(self, "delay", seconds(self.delay, field="delay"))
        elif not isinstance(self.until, datetime) or self.until.utcoffset() is None:
            raise InvalidInput(
                f"until is {shown(self.until)}, not a time with a zone",
                field="until",
                hint="write datetime(..., tzinfo=UTC)",
            )


@dataclass(frozen=True, slots=True)
class AwaitingSignal:
    """The step rests without a worker and runs again with the signal, or after `timeout` s."""

    name: str
    timeout: float | None = None

    def __post_init__(self) -> None:
        check_signal_name(self.name)
        if self.timeout is not None:
            timeout = seconds(self.timeout, positive=True, field="timeout")
            object.__setattr__(self, "timeout", timeout)


@dataclass(frozen=True, slots=True)
class StartingChild:
    """The step starts an execution and runs again when that has ended; None: latest version."""

    workflow: str
    input: Any
    version: int | None = None

    def __post_init__(self) -> None:
        check_workflow_id(self.workflow)


Outcome = Completed | Failed | Released | Sleeping | AwaitingSignal | StartingChild


class Fail(Exception):
    """Raise it in a step to fail for good: never retried."""


class Retry(Exception):
    """Raise it in a step to fail this attempt and choose the delay before the next, in seconds."""

    def __init__(self, after: float | str | timedelta, message: str = "") -> None:
        super().__init__(message)
        self.after = seconds(after, field="after")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.after, str(self))


@dataclass(frozen=True)  # with slots, Python 3.11 cannot call Branch[...]
class Branch(Generic[L]):
    """Return it from a step to choose the edges with this label; `output` is the step's output.

    `-> Branch[Literal["premium", "basic"]]` declares the labels.
    """

    label: L
    output: Any = None

    def __post_init__(self) -> None:
        check_label(self.label)


def type_name(kind: type[BaseException]) -> str:
    """Name an exception class: built-in ones by their name, others with their module."""
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def _message_of(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as failure:
        text = f"(its text could not be read: str() raised {type(failure).__name__})"
    return _cut(text) or type(error).__name__


def _cut(text: str) -> str:
    """Cut a text to 4 KiB of UTF-8 and escape what UTF-8 cannot hold."""
    raw = text[:_MESSAGE_BYTES].encode("utf-8", "backslashreplace")
    return raw[:_MESSAGE_BYTES].decode("utf-8", "ignore")
