"""A schedule: what it says, as it is stored, and how it stands, as it is shown."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple

import msgspec

from redflow.cron.decision import CATCH_UPS, OVERLAPS, CatchUp, Overlap, Rule
from redflow.cron.expression import parse
from redflow.errors import InvalidInput, NotFound
from redflow.model import codec
from redflow.model.execution import instant
from redflow.model.ids import check_execution_id, check_workflow_id
from redflow.model.operations import Pause

GAPS_LOOKED_AT = 50
"""Of the gaps between ticks, how many the jitter is compared with."""


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What a schedule says: which workflow, when, and what of ticks that meet trouble."""

    workflow: str
    cron: str
    timezone: str = "UTC"
    overlap: Overlap = "allow"
    catch_up: CatchUp = "last"
    jitter: float = 0.0

    @property
    def rule(self) -> Rule:
        """What is decided by; raises InvalidInput where the time zone is not known."""
        expression = parse(self.cron, self.timezone)
        return Rule(expression, self.overlap, self.catch_up, self.jitter)

    @property
    def timing(self) -> str:
        """What its ticks come from."""
        return f"{self.cron} {self.timezone} {self.jitter!r}"


def define(
    workflow: object,
    cron: object,
    *,
    timezone: object,
    overlap: object,
    catch_up: object,
    jitter: object,
) -> Definition:
    """Check what a schedule says; raises InvalidInput."""
    definition = Definition(
        workflow=check_workflow_id(workflow),
        cron=_text(cron, "cron"),
        timezone=_text(timezone, "timezone"),
        overlap=_one_of(overlap, OVERLAPS, "overlap"),
        catch_up=_one_of(catch_up, CATCH_UPS, "catch_up"),
        jitter=_seconds(jitter),
    )
    _check_jitter(definition)
    return definition


def check_schedule_id(value: object, *, field: str = "schedule id") -> str:
    """Return the id of a schedule, or raise InvalidInput; it is the root of what it starts."""
    return check_execution_id(value, field=field)


def tick_id(schedule: str, tick: int) -> str:
    """Make the id of the execution that a tick (s) starts."""
    return f"{schedule}.{tick}"


def place_of(schedule: str) -> str:
    """Return what a schedule's input is sealed for; no execution has such an id."""
    return f"schedule:{schedule}"


def digest_of(definition: Definition, input_digest: str, meta: bytes, headers: bytes) -> str:
    """Identify all that a schedule was put with."""
    parts = [msgspec.msgpack.encode(definition), input_digest.encode(), meta, headers]
    return sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()[:32]


class RawSchedule(NamedTuple):
    """A schedule as stored: payloads are still bytes, `next` in seconds, other times in ms."""

    id: str
    definition: Definition
    digest: str
    input: bytes
    next: int
    due: int
    created: int
    updated: int
    last: str | None = None
    skipped: str | None = None
    paused: bytes | None = None

    def show(self) -> Schedule:
        """Return what is shown of it."""
        paused = None
        if self.paused is not None:
            paused = Pause.from_value("schedule", self.id, codec.decode(self.paused))
        return Schedule(
            id=self.id,
            **msgspec.structs.asdict(self.definition),
            next_at=instant(self.next * 1000) if self.next and paused is None else None,
            last=self.last,
            skipped=None if self.skipped is None else _skipped(self.skipped),
            paused=paused,
            created_at=instant(self.created),
            updated_at=instant(self.updated),
        )


class SkippedTicks(msgspec.Struct, frozen=True):
    """Ticks that started nothing, and why; the first may be the last."""

    reason: Literal["missed", "overlap", "inactive", "unknown"]
    first: datetime
    last: datetime


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule as it stands. `last` is the execution it started last, `next_at` its next tick."""

    id: str
    workflow: str
    cron: str
    timezone: str
    overlap: Overlap
    catch_up: CatchUp
    jitter: float
    next_at: datetime | None
    last: str | None
    skipped: SkippedTicks | None
    paused: Pause | None
    created_at: datetime
    updated_at: datetime


def _skipped(text: str) -> SkippedTicks:
    reason, first, last = text.split(" ")
    known: Any = reason
    return SkippedTicks(known, instant(int(first) * 1000), instant(int(last) * 1000))


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{field} is a {type(value).__name__}, not text", field=field)
    return value


def _one_of(value: object, allowed: tuple[Any, ...], field: str) -> Any:
    if value not in allowed:
        raise InvalidInput(
            f"{field} {ascii(value)[:80]} is not one of {', '.join(allowed)}", field=field
        )
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 86_400:
        raise InvalidInput(
            f"jitter is {ascii(value)[:80]}, not seconds below a day", field="jitter"
        )
    return float(value)


def _check_jitter(definition: Definition) -> None:
    """Ticks keep their order: none is put off beyond the next one."""
    ticks = definition.rule.expression.after(0)
    before = next(ticks, 0)
    for _, tick in zip(range(GAPS_LOOKED_AT), ticks, strict=False):
        if definition.jitter >= tick - before:
            raise InvalidInput(
                f"jitter {definition.jitter:g} s is not shorter than the {tick - before} s between"
                f" two ticks of {definition.cron!a}",
                field="jitter",
                hint="give less, so that no tick comes after the one that follows it",
            )
        before = tick


def unknown_schedule(schedule: str, namespace: str) -> NotFound:
    """Say that there is no such schedule."""
    return NotFound(
        f"schedule {schedule!r} is not in namespace {namespace!r}",
        hint="redflow schedule list shows those that are",
    )
