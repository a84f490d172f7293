"""What an audit finds: a sentence, where, and what a repair does about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_REMEDIES = (
    ("has no token", "issues the step again, once no worker can be running it"),
    ("does not stand in line", "puts the step into the line"),
    ("is held, and nothing is paused", "orders the step to go on"),
    ("waits for a timer that is not set", "sets the timer"),
    ("waits for a child that has ended", "orders the step to go on"),
    ("has a deadline that is not set", "sets the deadline"),
    ("has a timeout that is not set", "sets the timeout"),
    ("are owed without an order", "orders the edges to be settled"),
    ("belongs to no live step", "removes the token"),
    ("belongs to nothing", "removes the timer"),
    ("is missing from", "puts the execution into the index"),
    ("stands in", "takes the execution out of the index"),
    ("stopping index disagrees", "marks the execution by its phase"),
    ("live steps instead of", "counts them again"),
    ("nothing will move it", "ends the execution, if every step has settled"),
    ("instead of", "counts the join again, and releases its step when it is due"),
    ("has lost its sentinel", "makes it again"),
    ("has lost its group", "makes it again"),
)
_PLACES = re.compile(r"(timers|queue \S+|key \S+|partition \d+|[^: ]+): (.*)", re.DOTALL)
BY_HAND = "nothing: it needs a person"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that does not agree: `what` is wrong with `where`, and what a repair does."""

    partition: int | None
    where: str
    what: str
    repair: str = BY_HAND
    repaired: bool = False
    note: bool = False
    """It does no harm."""

    @property
    def left(self) -> bool:
        """Whether something is still wrong."""
        return not self.repaired and not self.note

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def damage_of(partition: int, sentence: str, *, repaired: bool = False) -> Damage:
    """Turn a sentence of a script into a finding."""
    found = _PLACES.fullmatch(sentence)
    where, what = (found[1], found[2]) if found else (f"partition {partition}", sentence)
    repair = next((does for text, does in _REMEDIES if text in what), BY_HAND)
    return Damage(partition, where, what, repair, repaired)


def each_once(findings: Iterable[Damage]) -> list[Damage]:
    """Leave out what was found before; what is repaired in the end counts as that."""
    found: dict[tuple[str, str], Damage] = {}
    for one in findings:
        if one.repaired or (one.where, one.what) not in found:
            found[one.where, one.what] = one
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Audited:
    """What a check of a namespace has found: every finding, and how much was looked at."""

    partitions: int
    executions: int
    findings: list[Damage]

    @property
    def repaired(self) -> int:
        """How many findings are repaired."""
        return sum(one.repaired for one in self.findings)

    @property
    def left(self) -> int:
        """How many are still wrong."""
        return sum(one.left for one in self.findings)
