"""Questions about what holds up steps: their own state, queues, pauses, workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, command
from redflow.store.records import RawStep, read_step
from redflow.store.server_state import ServerState, read_state
from redflow.store.space import Space

_HEAD = 11
_STEP = 9
_TAKEN, _BLOCKED = 2**17, 2**34


@dataclass(frozen=True, slots=True)
class Held:
    """One step at that moment; `raw` is None without a record. `ahead` counts tokens that are to be
    claimed before its own, `due` is when its timer fires; of its incoming edges `settled` have
    settled; `owes` says that outgoing ones have not yet.
    """

    step: int
    raw: RawStep | None
    ahead: int | None
    due: int | None
    settled: int
    taken: int
    blocked: int
    owes: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """What holds up steps of one execution; times are in ms, notes opaque, None for no pause."""

    now: int
    phase: str
    flags: str
    stopping_since: int | None
    last_sweep: int | None
    guarded_until: int
    owes: bool
    workflow_note: bytes | None
    namespace_note: bytes | None
    full_until: int
    server: ServerState
    queue_notes: dict[str, bytes]
    steps: list[Held]


def explain_step(
    space: Space,
    partition: PartitionKeys,
    *,
    execution: str,
    workflow: str,
    queues: Sequence[str],
    steps: Sequence[int],
) -> Op[Explained | None]:
    """What holds up some steps of an execution; None when there is no such execution."""
    return space.op(
        "explain_step",
        partition,
        lambda reply: _explained(reply, queues) if reply else None,
        execution=partition.execution(execution),
        workflow=partition.workflow(workflow),
        ready=[partition.ready(queue) for queue in queues],
        id=execution,
        steps=steps,
    )


def _explained(reply: list[Any], queues: Sequence[str]) -> Explained:
    now, state, stopping, tick, hold, owed, paused, note, everything, full, info = reply[:_HEAD]
    phase, _active, _seq, _plan, flags = (*state.decode().split(" "), "")[:5]
    at = _HEAD + len(queues)
    notes = zip(queues, reply[_HEAD:at], strict=True)
    return Explained(
        now=now,
        phase=phase,
        flags=flags,
        stopping_since=_number(stopping),
        last_sweep=_number(tick),
        guarded_until=_number(hold) or 0,
        owes=_owes(owed),
        workflow_note=(note or b"") if paused == b"1" else None,
        namespace_note=everything,
        full_until=_number(full) or 0,
        server=read_state(info),
        queue_notes={queue: text for queue, text in notes if text is not None},
        steps=[_held(reply[i : i + _STEP]) for i in range(at, len(reply), _STEP)],
    )


def _held(row: list[Any]) -> Held:
    step, record, error, worker, silent, ahead, due, counter, owed = row
    counts = int(counter or 0)
    return Held(
        step,
        None if record is None else read_step(step, record, error, None, worker, silent),
        ahead,
        _number(due),
        counts % _TAKEN,
        counts % _BLOCKED // _TAKEN,
        counts // _BLOCKED,
        _owes(owed),
    )


def _number(text: bytes | None) -> int | None:
    return None if text is None else int(float(text))


def _owes(field: bytes | None) -> bool:
    return bool(field)


def read_time() -> Op[int]:
    """Milliseconds of the server."""
    return command(
        "read_time", "TIME", parse=lambda reply: int(reply[0]) * 1000 + int(reply[1]) // 1000
    )


def read_queues(space: Space) -> Op[list[str]]:
    """Names of all queues."""
    return command(
        "read_queues",
        "SMEMBERS",
        space.keys.queues,
        parse=lambda reply: sorted(name.decode() for name in reply),
    )


def read_pauses(space: Space) -> Op[dict[str, bytes]]:
    """Notes of paused queues by name, `*` for the namespace."""
    return command("read_pauses", "HGETALL", space.keys.namespace_record, parse=_pauses)


def _pauses(reply: list[bytes]) -> dict[str, bytes]:
    fields = {reply[i].decode(): reply[i + 1] for i in range(0, len(reply), 2)}
    return {
        name.removeprefix("pause:"): note
        for name, note in fields.items()
        if name.startswith("pause:")
    }


def read_length(partition: PartitionKeys, queue: str) -> Op[int]:
    """Steps of a queue that are ready or running."""
    return command("read_length", "XLEN", partition.ready(queue), parse=int)


def read_claimed(partition: PartitionKeys, queue: str) -> Op[int]:
    """Steps of a queue that workers hold; there must have been a step in it."""
    words = ("XPENDING", partition.ready(queue), "workers")
    return command("read_claimed", *words, parse=lambda reply: int(reply[0]))


def read_workers(space: Space, queue: str) -> Op[dict[str, int]]:
    """Workers of a queue with their last beats in ms; silent ones may still be there."""
    words = ("ZRANGE", space.keys.workers(queue), 0, -1, "WITHSCORES")
    return command("read_workers", *words, parse=_beats)


def _beats(reply: list[bytes]) -> dict[str, int]:
    return {reply[i].decode(): int(float(reply[i + 1])) for i in range(0, len(reply), 2)}


def read_worker(space: Space, worker: str) -> Op[tuple[bytes, int, bool] | None]:
    """What a worker said of itself, its last beat in ms, whether it was asked to drain."""
    words = ("HMGET", space.keys.worker(worker), "about", "beat", "drain")
    return command("read_worker", *words, parse=_worker)


def _worker(reply: list[bytes | None]) -> tuple[bytes, int, bool] | None:
    about, beat, drain = reply
    if about is None or beat is None:
        return None
    return about, int(beat), drain == b"1"
