"""What a compensation is given: what the step it undoes was given, and what came of it."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

I = TypeVar("I")  # noqa: E741 - input and output, in that order
O = TypeVar("O")  # noqa: E741


@dataclass(frozen=True)  # with slots, Python 3.11 cannot call Undo[...]
class Undo(Generic[I, O]):
    """A step to be undone; `Undo[Order, Receipt]` makes its input and output of these types.

    `output` is None unless the step completed, `error` (type, message, reason, attempts) unless it
    failed. `certain` is False when it was cut short, so that nobody knows whether it took effect.
    """

    input: I
    output: O | None
    error: dict[str, Any] | None
    certain: bool
