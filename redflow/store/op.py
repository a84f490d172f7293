"""One question to Redis as a value: script or plain command, words, how to read the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from redflow.store.script import Script

T_co = TypeVar("T_co", covariant=True)

Word = str | bytes | int


@dataclass(frozen=True, slots=True)
class Op(Generic[T_co]):
    """A question that is not asked yet; repeating a script Op is safe, every script is idempotent.

    With `script` unset, `args` is a whole plain command, always a read.
    """

    name: str
    script: Script | None
    keys: tuple[str, ...]
    args: tuple[Word, ...]
    parse: Callable[[Any], T_co]


def command(name: str, *words: Word, parse: Callable[[Any], T_co]) -> Op[T_co]:
    """Ask a plain read command."""
    return Op(name, None, (), words, parse)
