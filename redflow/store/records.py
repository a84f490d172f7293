"""Redis replies as typed records; the formats are those of lua/README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RawStep:
    """A step as recorded. `kind` is its letter: C F S X settled, q in a ready stream, t on a timer,
    w waits for a signal, k for a child, h held by a pause; `waiting_for` names signal or child.

    Times are milliseconds: `ready_at` is the first half of the token, `wait` and `run` count on;
    `at` is when a timer is due (0: none), or when the step was cancelled.
    """

    step: int
    kind: str
    attempt: int = 0
    deliveries: int = 0
    releases: int = 0
    queue: str = ""
    wait: int = 0
    run: int = 0
    token: str = ""
    why: str = ""
    at: int = 0
    not_taken: str = ""
    value: bytes | None = None
    retry_error: bytes | None = None
    worker: str | None = None
    silent: int | None = None
    waiting_for: str = ""

    @property
    def ready_at(self) -> int:
        """When the step became ready for this attempt."""
        return int(self.token.partition("-")[0] or 0)


@dataclass(frozen=True, slots=True)
class RawExecution:
    """An execution as recorded; payloads are still bytes, times milliseconds.

    `undo_total` counts steps that a failure undoes, `undo_left` those not begun yet.
    """

    id: str
    phase: str
    plan: str
    created: int
    workflow: str
    version: int
    digest: str
    input: bytes
    meta: bytes | None
    error: bytes | None
    failed_step: int | None
    ended: int | None
    ended_as: str | None
    flags: str = ""
    begin: int | None = None
    timeout: int | None = None
    parent: str | None = None
    parent_step: int | None = None
    cancelled: bytes | None = None
    undo_total: int = 0
    undo_left: int = 0
    paused: bytes | None = None
    origin: str | None = None
    rerun_as: str | None = None
    steps: list[RawStep] = field(default_factory=list)


_SETTLED = re.compile(
    rb"([CF])(\d+),(\d+),(\d+),([^,]+),(\d+),(\d+),([^|\n]+)(?:\|([^\n]*))?\n(.*)", re.DOTALL
)
_CANCELLED = re.compile(rb"X(\d+)(?:,(\d+),(\d+),(\d+),([^,]+),(\d+),(\d+),(.+))?")
_READY = re.compile(rb"q([^,]+),(.+)")
_TIMED = re.compile(rb"t(\d+),([^,]+),(\d+),(\d+),(\d+),(\w)")
_SIGNAL = re.compile(rb"w([^,]+),([^,]+),(\d+),(\d+),(\d+),(\d+)")
_CHILD = re.compile(rb"k([^,]+),([^,]+),(\d+),(\d+),(\d+)")
_HELD = re.compile(rb"h([^,]+),(\d+),(\d+),(\d+)")
HEAD = 16
"""Words of read_execution before its steps."""


def read_raw(execution: str, reply: list[Any]) -> RawExecution | None:
    """The reply of read_execution."""
    if not reply:
        return None
    state, start, value, meta, error, failed_step, ended, _headers = reply[:8]
    begin, timeout, parent, cancelled, undo, paused, origin, rerun_as = reply[8:HEAD]
    phase, _active, _seq, plan, flags = (*state.decode().split(" "), "")[:5]
    parent_id, _, parent_step = (parent or b"").decode().partition(" ")
    total, _, left = (undo or b"0 0").decode().partition(" ")
    created, workflow, version, digest = start.decode().split(" ")
    ended_at, _, ended_as = (ended or b"").decode().partition(" ")
    return RawExecution(
        id=execution,
        phase=phase,
        plan=plan,
        created=int(created),
        workflow=workflow,
        version=int(version),
        digest=digest,
        input=value[1:],
        meta=meta,
        error=None if error is None else error[1:],
        failed_step=_number(failed_step),
        ended=int(ended_at) if ended_at else None,
        ended_as=ended_as or None,
        flags=flags,
        begin=_number(begin),
        timeout=_number(timeout),
        parent=parent_id or None,
        parent_step=_number(parent_step or None),
        cancelled=cancelled,
        undo_total=int(total),
        undo_left=int(left),
        paused=paused or None,
        origin=None if origin is None else origin.decode(),
        rerun_as=None if rerun_as is None else rerun_as.decode(),
        steps=[read_step(*reply[at : at + 6]) for at in range(HEAD, len(reply), 6)],
    )


def read_step(
    step: int,
    record: bytes,
    retry_error: bytes | None = None,
    large: bytes | None = None,
    *holder: Any,
) -> RawStep:
    """One step record; `large` is a value kept apart, `holder` the worker and its silence."""
    kind = chr(record[0])
    if kind in "CF":
        return _settled(step, record, retry_error, large)
    if kind == "S":
        return RawStep(step, kind, why=record[1:].decode())
    if kind == "X":
        return _cancelled(step, record)
    error = None if retry_error is None else retry_error[1:]
    if kind == "q":
        worker, silent = holder or (None, None)
        token, queue = (part.decode() for part in _groups(_READY, record))
        name = None if worker is None else worker.decode()
        return RawStep(
            step, kind, token=token, queue=queue, worker=name, silent=silent, retry_error=error
        )
    return _waiting(step, kind, record, error)


def _waiting(step: int, kind: str, record: bytes, error: bytes | None) -> RawStep:
    """A live step that is in no ready stream."""
    waiting_for, at, why = "", "0", ""
    if kind == "w":
        waiting_for, queue, *counts, at = (p.decode() for p in _groups(_SIGNAL, record))
    elif kind == "k":
        waiting_for, queue, *counts = (p.decode() for p in _groups(_CHILD, record))
    elif kind == "h":
        queue, *counts = (p.decode() for p in _groups(_HELD, record))
    else:
        at, queue, *counts, why = (p.decode() for p in _groups(_TIMED, record))
    attempt, deliveries, releases = map(int, counts)
    return RawStep(
        step,
        kind,
        attempt,
        deliveries,
        releases,
        queue,
        at=int(at),
        why=why,
        retry_error=error,
        waiting_for=waiting_for,
    )


def _number(text: bytes | str | None) -> int | None:
    return None if text is None else int(text)


def _settled(step: int, record: bytes, retry_error: bytes | None, large: bytes | None) -> RawStep:
    kind, attempt, deliveries, releases, queue, wait, run, token, not_taken, body = _groups(
        _SETTLED, record
    )
    return RawStep(
        step,
        kind.decode(),
        int(attempt),
        int(deliveries),
        int(releases),
        queue.decode(),
        int(wait),
        int(run),
        token.decode(),
        not_taken=(not_taken or b"").decode(),
        value=body[1:] if body[:1] == b"=" else large,
        retry_error=None if retry_error is None else retry_error[1:],
    )


def _cancelled(step: int, record: bytes) -> RawStep:
    at, *attempt = _groups(_CANCELLED, record)
    if attempt[0] is None:
        return RawStep(step, "X", at=int(at))
    counts = (int(attempt[0]), int(attempt[1]), int(attempt[2]))
    queue, token = attempt[3].decode(), attempt[6].decode()
    wait, run = int(attempt[4]), int(attempt[5])
    return RawStep(step, "X", *counts, queue, wait, run, token, at=int(at))


def _groups(pattern: re.Pattern[bytes], record: bytes) -> tuple[Any, ...]:
    match = pattern.fullmatch(record)
    if match is None:
        raise ValueError(f"unreadable step record {record[:80]!r}")
    return match.groups()
