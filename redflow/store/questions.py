"""Questions that a generator asks of any driver: it yields them, and is sent their answers."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redflow.errors import StoreError
from redflow.store.op import Op

MOST = 500
"""Questions of one round trip."""


class Asked(NamedTuple):
    """Questions of one round trip, and how many steps Redis goes through for them."""

    ops: Sequence[Op[Any]]
    steps: int = 0


Questions = Generator[Asked, list[Any], None]
Answers = Generator[Asked, list[Any], list[Any]]


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer to a question that Redis called a mistake."""

    error: StoreError

    def __str__(self) -> str:
        return str(self.error.args[0])


def is_refusal(error: StoreError) -> bool:
    """Say whether Redis called the question itself a mistake: the same is refused for ever."""
    return type(error) is StoreError


def each(ops: Sequence[Op[Any]]) -> Answers:
    """Ask many questions; one that is refused does not spoil the others."""
    if not ops:
        return []
    if len(ops) > MOST:
        first = yield from each(ops[:MOST])
        return first + (yield from each(ops[MOST:]))
    try:
        return (yield Asked(ops))
    except StoreError as error:
        if not is_refusal(error):
            raise
        if len(ops) == 1:
            return [Refused(error)]
    half = len(ops) // 2
    first = yield from each(ops[:half])
    return first + (yield from each(ops[half:]))


def next_of(
    questions: Questions, answers: list[Any] | None, error: StoreError | None
) -> Asked | None:
    """Hand in the last answers, or the error; answer what is asked next, None at the end."""
    try:
        if error is not None:
            return questions.throw(error)
        return next(questions) if answers is None else questions.send(answers)
    except StopIteration:
        return None
