"""What was read of an execution, turned into the facts that its explanation follows from."""

from collections.abc import Mapping, Sequence

from redflow.client.views import cancel_reason_of, error_of, status_of
from redflow.crypto.values import Values
from redflow.errors import InvalidInput
from redflow.model import codec
from redflow.model.facts import Facts, Memory, StepFacts
from redflow.model.operations import Pause, Scope, WorkerInfo, worker_info
from redflow.store.explaining import Explained, Held
from redflow.store.records import RawExecution, RawStep

EVERYTHING = "*"


def pause_of(scope: Scope, name: str, note: bytes | None) -> Pause:
    """Show a pause; a note that cannot be read says nothing."""
    try:
        value = codec.decode(note) if note else None
    except InvalidInput:
        value = None
    return Pause.from_value(scope, name, value)


def worker_of(worker: str, about: bytes, beat: int, now: int, *, draining: bool) -> WorkerInfo:
    """Show a worker; what it said of itself may be of a later version."""
    try:
        said = codec.decode(about)
    except InvalidInput:
        said = {}
    known = said if isinstance(said, Mapping) else {}
    return worker_info(worker, known, beat=beat, now=now, draining=draining)


def waiting_queues(held: Sequence[Held]) -> list[str]:
    """Return the queues whose workers matter: of steps that are ready or running."""
    return sorted({one.raw.queue for one in held if one.raw is not None and one.raw.kind == "q"})


def children(held: Sequence[Held]) -> list[str]:
    """Return the executions that steps wait for."""
    return [one.raw.waiting_for for one in held if one.raw is not None and one.raw.kind == "k"]


def facts_of(
    raw: RawExecution,
    pages: Sequence[Explained],
    workers: Mapping[str, Sequence[WorkerInfo]],
    ends: Mapping[str, str],
    values: Values,
) -> Facts:
    """Put together what was read; the execution is as the last page saw it."""
    last = pages[-1]
    held = [one for page in pages for one in page.steps]
    return Facts(
        id=raw.id,
        now=last.now,
        phase=last.phase,
        status=str(status_of(raw)),
        begin=raw.begin or 0,
        ended=raw.ended or last.now,
        stopping_since=last.stopping_since or 0,
        stopped_by=_stopped_by(raw, values),
        undo_left=raw.undo_left,
        last_sweep=last.last_sweep or 0,
        guarded_until=last.guarded_until,
        owes=last.owes,
        read_only=last.server.refuses,
        memory=_memory(last),
        paused=_pauses(raw, last),
        pauses={queue: _claim_pauses(last, queue) for queue in workers},
        queues=workers,
        steps={one.step: _step(raw.id, one, ends, values) for one in held},
    )


def _pauses(raw: RawExecution, last: Explained) -> list[Pause]:
    found = []
    if "p" in last.flags:
        found.append(pause_of("execution", raw.id, raw.paused))
    if "w" in last.flags:
        found.append(pause_of("workflow", raw.workflow, last.workflow_note))
    return found


def _memory(last: Explained) -> Memory | None:
    near = last.full_until > last.now
    if not near and not last.server.full:
        return None
    return Memory(last.server.used, last.server.limit, near=not last.server.full)


def _claim_pauses(last: Explained, queue: str) -> list[Pause]:
    found = []
    if queue in last.queue_notes:
        found.append(pause_of("queue", queue, last.queue_notes[queue]))
    if last.namespace_note is not None:
        found.append(pause_of("namespace", "", last.namespace_note))
    return found


def _stopped_by(raw: RawExecution, values: Values) -> str:
    if raw.cancelled is not None:
        return cancel_reason_of(raw) or ""
    return "" if raw.error is None else error_of(raw.error, values, raw.id).message


def _step(execution: str, one: Held, ends: Mapping[str, str], values: Values) -> StepFacts:
    raw = one.raw or RawStep(one.step, "")
    error = raw.retry_error
    timed = raw.kind in ("t", "w")
    return StepFacts(
        kind=raw.kind,
        why=raw.why,
        attempt=raw.attempt,
        queue=raw.queue,
        waiting_for=raw.waiting_for,
        due=(one.due or raw.at) if timed else 0,
        ready_at=raw.ready_at,
        worker=raw.worker,
        silent=raw.silent or 0,
        ahead=one.ahead,
        settled=one.settled,
        taken=one.taken,
        blocked=one.blocked,
        owes=one.owes,
        not_taken=raw.not_taken,
        error="" if error is None else error_of(error, values, execution).message,
        child_status=ends.get(raw.waiting_for, ""),
    )
