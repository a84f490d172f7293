"""What an audit checks and what it has found, page by page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from redflow.errors import InvalidInput
from redflow.model.codec import decode
from redflow.model.outcome import ErrorInfo
from redflow.store.damage import Damage
from redflow.store.steps import Ended

Lost = tuple[str, int, str]
"""A token that is missing: its execution, its step, its name."""


class Item(NamedTuple):
    """An execution to check, with a token of queue number `queue` or a member of the timers."""

    execution: str
    token: str = ""
    queue: int = 0
    member: str = ""

    @property
    def row(self) -> bool:
        """Whether there is more than the execution to check."""
        return bool(self.token or self.member)


@dataclass(slots=True)
class Report:
    """What one walk has found in a partition, and what came of repairs."""

    findings: list[Damage] = field(default_factory=list)
    lost: set[Lost] = field(default_factory=set)
    """Tokens that are missing: their steps are issued again if they still are after a lease."""
    orders: list[str] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    executions: int = 0


def attempt_after(error: bytes | None) -> int:
    """The attempt that follows the one whose error was recorded; the first without one."""
    try:
        return ErrorInfo.from_value(decode(error[1:])).attempts + 1 if error else 1
    except InvalidInput:
        return 1
