"""What the store recorded, as the executions and steps that users see."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from redflow.crypto.values import Field, Values
from redflow.errors import InvalidInput, StoreError, VersionMismatch
from redflow.model import codec
from redflow.model.execution import (
    Compensation,
    Execution,
    ExecutionSummary,
    Step,
    execution_status,
    instant,
    phase_of,
    step_reason,
    step_status,
)
from redflow.model.inputs import Recorded
from redflow.model.outcome import ErrorInfo
from redflow.model.plan import OUTPUT_NODE, Plan
from redflow.model.status import ExecutionStatus
from redflow.store.records import RawExecution, RawStep, read_raw, read_step
from redflow.store.steps import Envelope

HEAD = (
    *("state", "start", "meta", "error", "failed_step", "ended", "begin", "timeout", "parent"),
    *("cancelled", "undo", "paused", "origin", "rerun_as"),
)
"""Fields of an execution that say how it stands; none of them is large."""

_LIVE = frozenset("qtwkh")
_LAST = 2**64 - 1  # of the second half of an entry id


@dataclass(frozen=True, slots=True)
class Look:
    """How an execution stands, without its values, and the records of some of its sinks."""

    raw: RawExecution
    sinks: Mapping[int, bytes | None]


def read_look(
    execution: str, fields: Sequence[bytes | None], sinks: Sequence[int] = ()
) -> Look | None:
    """Read the fields that HEAD names, then records of sinks; None: no such execution."""
    (state, start, *small), records = fields[: len(HEAD)], fields[len(HEAD) :]
    with readable(execution):
        reply = [state, start, b"=", *small[:4], None, *small[4:]]
        raw = read_raw(execution, reply if state else [])
    return None if raw is None else Look(raw, dict(zip(sinks, records, strict=True)))


class DamagedRecord(StoreError):
    """What is stored of an execution is not what redflow writes."""


@contextmanager
def readable(execution: str) -> Iterator[None]:
    """Turn what is wrong with the form of a record into an error that names its execution."""
    try:
        yield
    except (ValueError, LookupError, AttributeError, TypeError, InvalidInput) as error:
        raise DamagedRecord(
            f"the record of execution {execution!r} is damaged: {error}",
            hint="something else wrote to it: restore it from a backup, or start it again",
        ) from error


# Executions


def summary_of(raw: RawExecution, plan: Plan | None, values: Values) -> ExecutionSummary:
    """Show an execution; the plan names the step that failed, where one did."""
    with readable(raw.id):
        return ExecutionSummary(**_shared(raw, plan, values))


def execution_of(
    raw: RawExecution,
    plan: Plan,
    output: Any,
    undone: Sequence[RawStep],
    *,
    node: str | None,
    values: Values,
) -> Execution:
    """Show an execution with its values; `undone` are its compensations, `node` its parent's."""
    with readable(raw.id):
        shared = _shared(raw, plan, values) | {"parent_node": node}
        failed = [plan.step(plan.step(one.step).undo_of).id for one in undone if one.kind == "F"]
        return Execution(
            **shared,
            input=values.show(raw.input, raw.id, Field.INPUT),
            output=output,
            compensation=_compensation(raw, undone, failed),
            failed_compensations=tuple(failed),
        )


def _compensation(
    raw: RawExecution, undone: Sequence[RawStep], failed: Sequence[str]
) -> Compensation | None:
    """Say how the compensations ended; None where there was nothing to undo."""
    if raw.ended_as in (None, "C") or not raw.undo_total:
        return None
    if "a" in raw.flags and not undone:
        return "abandoned"
    return "failed" if failed else "completed"


def _shared(raw: RawExecution, plan: Plan | None, values: Values) -> dict[str, Any]:
    labels, metadata = _meta(raw)
    node = None if plan is None else failed_node(raw, plan)
    if (phase := phase_of(raw.phase, raw.flags)) is None:
        raise VersionMismatch(
            f"execution {raw.id!r} is in the phase {raw.phase!r}, which this redflow does not know",
            hint="upgrade redflow here",
        )
    return {
        "id": raw.id,
        "workflow": raw.workflow,
        "version": raw.version,
        "status": status_of(raw),
        "phase": phase,
        "created_at": instant(raw.created),
        "finished_at": None if raw.ended is None else instant(raw.ended),
        "failed_node": node,
        "error": None if raw.error is None else error_of(raw.error, values, raw.id, node or ""),
        "labels": labels,
        "metadata": metadata,
        "scheduled_for": None if raw.begin is None else instant(raw.begin),
        "timeout": None if raw.timeout is None else raw.timeout / 1000,
        "parent": raw.parent,
        "parent_node": parent_node(raw),
        "origin": raw.origin,
        "rerun_as": raw.rerun_as,
        "cancel_reason": cancel_reason_of(raw),
    }


def status_of(raw: RawExecution) -> ExecutionStatus:
    """Return the status of an execution."""
    return execution_status(raw.ended_as, raw.phase)


def cancel_reason_of(raw: RawExecution) -> str | None:
    """Return why an execution was cancelled, as far as that was said."""
    if not raw.cancelled:
        return None
    with readable(raw.id):
        said = codec.decode(raw.cancelled)
    reason = said.get("reason") if isinstance(said, Mapping) else None
    return reason if isinstance(reason, str) and reason else None


def parent_node(raw: RawExecution) -> str | None:
    """Return the node that started a child, where its id tells: `<parent>.<node>~<attempt>`."""
    if raw.parent is None or not raw.id.startswith(f"{raw.parent}."):
        return None
    return raw.id.removeprefix(f"{raw.parent}.").partition("~")[0]


def labels_of(raw: RawExecution) -> Mapping[str, str]:
    """Return the labels an execution was started with."""
    with readable(raw.id):
        return _meta(raw)[0]


def _meta(raw: RawExecution) -> tuple[dict[str, str], dict[str, Any]]:
    labels, metadata = codec.decode(raw.meta) if raw.meta else ({}, {})
    return labels, metadata


def failed_node(raw: RawExecution, plan: Plan) -> str | None:
    """Return the node whose failure no edge handled."""
    return None if raw.failed_step is None else plan.step(raw.failed_step).id


def error_of(data: bytes, values: Values, execution: str, node: str | None = None) -> ErrorInfo:
    """Read a recorded error; one that cannot be read is described, not raised."""
    try:
        return values.show_error(data, execution, node)
    except InvalidInput as problem:
        return ErrorInfo("UnreadableError", str(problem))


def outputs_of(
    execution: str,
    plan: Plan,
    records: Mapping[int, bytes | None],
    large: Mapping[int, bytes | None],
    values: Values,
) -> dict[int, Recorded]:
    """Read what the sinks of a COMPLETED execution gave, from their records."""
    outputs: dict[int, Recorded] = {}
    with readable(execution):
        for number in plan.sinks:
            record = records.get(number)
            if record is None or record[:1] != b"C":
                continue
            value = read_step(number, record, large=large.get(number)).value
            if value is not None:
                node = plan.step(number).id
                shown = values.show(value, execution, Field.OUTPUT, node)
                outputs[number] = Recorded("C", shown)
    return outputs


def is_kept_apart(record: bytes) -> bool:
    """Say whether the value of a settled step may stand in a field of its own."""
    return record.endswith(b"\n@")


# Steps


class Owner(NamedTuple):
    """The execution that steps belong to, and what reads its values."""

    execution: str
    plan: Plan
    values: Values
    ended: bool


def step_of(owner: Owner, number: int, raw: RawStep | None, token: Envelope | None) -> Step:
    """Show a step; `token` is what a ready or running one carries."""
    plan = owner.plan
    node = plan.step(number)
    raw = raw or RawStep(number, "")
    counts = token or raw
    return Step(
        node_id=node.id,
        type=node.type,
        status=step_status(
            raw.kind,
            claimed=raw.worker is not None,
            ended=owner.ended,
            why=raw.why,
            attempt=raw.attempt,
        ),
        queue=raw.queue or node.queue,
        attempt=counts.attempt,
        deliveries=counts.deliveries,
        releases=counts.releases,
        worker=raw.worker,
        silent=None if raw.silent is None else raw.silent / 1000,
        output=_output(owner, node.id, raw),
        error=_step_error(owner, node.id, raw),
        reason=step_reason(raw.why, letter=raw.kind, attempt=raw.attempt),
        waiting_for=raw.waiting_for or None,
        **_times(raw),
    )


def is_shown(plan: Plan, number: int, raw: RawStep | None) -> bool:
    """Say whether a step is listed: undo steps once they have a record, the hidden last node, which
    makes the execution's output, while it is under way or when it failed.
    """
    if plan.step(number).id == OUTPUT_NODE:
        return raw is not None and raw.kind not in "CSX"
    return number <= plan.forward or raw is not None


def _output(owner: Owner, node: str, raw: RawStep) -> Any:
    if raw.kind != "C" or raw.value is None:
        return None
    return owner.values.show(raw.value, owner.execution, Field.OUTPUT, node)


def _step_error(owner: Owner, node: str, raw: RawStep) -> ErrorInfo | None:
    """Return the failure itself, or that of the last attempt while the step is live."""
    data = raw.value if raw.kind == "F" else raw.retry_error if raw.kind in _LIVE else None
    return None if data is None else error_of(data, owner.values, owner.execution, node)


def _times(raw: RawStep) -> dict[str, Any]:
    """Return when a step became ready, was claimed and ended; times count from its token."""
    if raw.kind in ("t", "w"):
        return {"due_at": instant(raw.at)} if raw.at else {}
    times = {"ready_at": instant(raw.ready_at)} if raw.ready_at else {}
    if raw.ready_at and raw.kind in ("C", "F", "X"):
        times["started_at"] = instant(raw.ready_at + raw.wait)
        times["finished_at"] = instant(raw.ready_at + raw.wait + raw.run)
    if raw.kind == "X":
        times["finished_at"] = instant(raw.at)
    return times


def before(token: str) -> str:
    """Return the entry id just before a token, behind which reading starts with it."""
    first, _, second = token.partition("-")
    if second != "0":
        return f"{first}-{int(second) - 1}"
    return f"{int(first) - 1}-{_LAST}"
