"""What to do with the ticks that are due: which start an execution, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from redflow.cron.expression import Expression
from redflow.defaults import CATCH_UP

Overlap = Literal["allow", "skip", "cancel"]
CatchUp = Literal["skip", "last", "all"]
OVERLAPS: tuple[Overlap, ...] = ("allow", "skip", "cancel")
CATCH_UPS: tuple[CatchUp, ...] = ("skip", "last", "all")

ON_TIME = 15_000
"""Milliseconds after which a tick counts as missed. Within it a tick starts whatever `catch_up`
says: a worker that dies leaves its partitions to another one after a few seconds.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a schedule says about its ticks; `jitter` is in seconds."""

    expression: Expression
    overlap: Overlap = "allow"
    catch_up: CatchUp = "last"
    jitter: float = 0.0

    def due(self, tick: int, random: Callable[[], float]) -> int:
        """Return when a tick is due (ms): up to `jitter` after it."""
        return tick * 1000 + round(random() * self.jitter * 1000)

    def first(self, now: int, random: Callable[[], float]) -> tuple[int, int]:
        """Return the first tick after a time (ms) and when it is due; zeros when there is none."""
        tick = next(self.expression.after(now // 1000), 0)
        return (tick, self.due(tick, random)) if tick else (0, 0)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Ticks from `first` to `last` that start nothing; `count` None: more than were looked at."""

    reason: Literal["missed", "overlap"]
    first: int
    last: int
    count: int | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Ticks to start, oldest first, those left out, and where the schedule goes on.

    `next` is the tick (s) and `due` when it is due (ms); both 0 when none comes any more.
    """

    fire: tuple[int, ...]
    skipped: tuple[Skipped, ...]
    next: int
    due: int


def decide(
    rule: Rule, *, at: int, due: int, now: int, random: Callable[[], float], page: int = CATCH_UP
) -> Decision:
    """Decide about the ticks from `at` on, of which the first is due at `due` ms.

    At most `page` ticks start at once; what is over stays due.
    """
    offset = max(0, due - at * 1000)
    ticks, more = _ticks(rule.expression, at, (now - offset) // 1000)
    wanted = _wanted(rule, ticks, now - offset)
    skipped = _missed(ticks, wanted, at, more=more)
    if rule.overlap != "allow" and len(wanted) > 1:
        skipped += (Skipped("overlap", wanted[0], wanted[-2], len(wanted) - 1),)
        wanted = wanted[-1:]
    if len(wanted) > page:
        following = wanted[page]
        return Decision(tuple(wanted[:page]), skipped, following, following * 1000 + offset)
    if not ticks and at * 1000 + offset > now:
        return Decision((), (), at, due)
    # From the tick itself, should its offset have been longer than the gap to the next one.
    return Decision(tuple(wanted), skipped, *rule.first(now - offset, random))


def _ticks(expression: Expression, at: int, last: int) -> tuple[list[int], bool]:
    """The newest CATCH_UP ticks from `at` to `last`, oldest first; whether there are more."""
    found: list[int] = []
    for tick in takewhile(lambda tick: tick >= at, expression.before(last + 1)):
        if len(found) == CATCH_UP:
            return found[::-1], True
        found.append(tick)
    return found[::-1], False


def _wanted(rule: Rule, ticks: list[int], now: int) -> list[int]:
    on_time = [tick for tick in ticks if now - tick * 1000 <= ON_TIME]
    if rule.catch_up == "all":
        return ticks
    return on_time or (ticks[-1:] if rule.catch_up == "last" else [])


def _missed(ticks: list[int], wanted: list[int], at: int, *, more: bool) -> tuple[Skipped, ...]:
    """What stands before the wanted ticks: they are always the newest ones."""
    left = ticks[: len(ticks) - len(wanted)]
    if more:
        # Those not looked at end before the oldest that was.
        return (Skipped("missed", at, left[-1] if left else ticks[0] - 1, None),)
    return (Skipped("missed", left[0], left[-1], len(left)),) if left else ()
