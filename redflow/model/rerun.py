"""What a rerun of an ended execution keeps of it and what it runs again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from redflow.errors import InvalidInput
from redflow.model.plan import Plan, PlanStep

_NAMED = 10


@dataclass(frozen=True, slots=True)
class EndedStep:
    """The record of a step; `attempt` is 0 when an operator skipped it, `settled` when in ms."""

    letter: str
    attempt: int = 1
    not_taken: str = ""
    settled: int = 0


class Copy(NamedTuple):
    """A record to copy: the step's number in the new plan and in the old one, edges not taken."""

    step: int
    old: int
    not_taken: str


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """A rerun before it starts: nodes that are kept, nodes that run (again), and what a later
    failure would undo of the kept ones, in the order they settled.
    """

    keep: tuple[str, ...]
    run: tuple[str, ...]
    undo: tuple[str, ...]
    version: int
    id: str = ""
    copies: tuple[Copy, ...] = field(default=(), repr=False)
    undos: tuple[int, ...] = field(default=(), repr=False)


def plan_rerun(
    old: Plan,
    new: Plan,
    records: Mapping[int, EndedStep],
    *,
    from_node: str | None = None,
    with_input: bool = False,
    undo_list: Sequence[int] = (),
) -> RerunPlan:
    """Keep steps that completed or were skipped, were not undone, and have only kept ancestors.

    `records` are those of the ended execution by number in the old plan, undo steps included;
    `undo_list` its steps to be undone, in the order they settled. From `from_node` on everything
    runs again; without it everything does when the input is another, or nothing else would run.
    Of another version only nodes are kept that are the same in both.
    """
    if from_node is not None:
        _check_node(new, from_node)
    kept: dict[int, Copy] = {}
    if from_node is not None or not with_input:
        kept = _kept(old, new, records, from_node)
    if len(kept) == new.forward:
        kept = {}
    undos = _undos(old, new, records, kept, undo_list)
    return RerunPlan(
        keep=tuple(new.step(number).id for number in kept),
        run=tuple(s.id for i, s in enumerate(new.steps[: new.forward], 1) if i not in kept),
        undo=tuple(new.step(number).id for number in undos),
        version=new.version,
        copies=tuple(kept.values()),
        undos=undos,
    )


def plan_compensation(
    plan: Plan, records: Mapping[int, EndedStep], *, undo_list: Sequence[int] = ()
) -> RerunPlan:
    """Keep every record but those of compensations that failed, which run again.

    Raises InvalidInput when none failed.
    """
    failed = {
        number
        for number, step in enumerate(plan.steps, 1)
        if step.undo and step.undo in records and records[step.undo].letter == "F"
    }
    if not failed:
        raise InvalidInput(
            "no compensation of this execution failed, so there is none to run again",
            field="compensation",
            hint="leave compensation out to run the steps themselves again",
        )
    again = {plan.step(number).undo for number in failed}
    copies = tuple(
        Copy(number, number, record.not_taken)
        for number, record in sorted(records.items())
        if number not in again
    )
    undos = tuple(_in_order(failed, records, undo_list))
    return RerunPlan(
        keep=tuple(plan.step(copy.step).id for copy in copies),
        run=tuple(plan.step(plan.step(number).undo).id for number in reversed(undos)),
        undo=tuple(plan.step(number).id for number in undos),
        version=plan.version,
        copies=copies,
        undos=undos,
    )


def _check_node(plan: Plan, node: str) -> None:
    ids = plan.nodes
    if node in ids:
        return
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    raise InvalidInput(
        f"version {plan.version} of workflow {plan.workflow!r} has no node {node!r} to run from;"
        f" it has {', '.join(ids[:_NAMED])}{more}",
        field="from_node",
    )


def _kept(
    old: Plan, new: Plan, records: Mapping[int, EndedStep], from_node: str | None
) -> dict[int, Copy]:
    """Records to copy by number in the new plan; parents come first there."""
    kept: dict[int, Copy] = {}
    same = old.hash == new.hash
    for number, step in enumerate(new.steps[: new.forward], 1):
        before = old.numbers.get(step.id, 0)
        if step.id == from_node or not 0 < before <= old.forward:
            continue
        if any(parent.step not in kept for parent in step.parents):
            continue
        record = records.get(before)
        if record is None or record.letter not in ("C", "S") or _undone(old, before, records):
            continue
        if same:
            kept[number] = Copy(number, before, record.not_taken)
        elif _identical(old, before, new, number):
            not_taken = _not_taken(old.step(before), step, record)
            if not_taken is not None:
                kept[number] = Copy(number, before, not_taken)
    return kept


def _undone(plan: Plan, number: int, records: Mapping[int, EndedStep]) -> bool:
    """Whether a compensation ran for the step; whether it failed or not, nothing is as it was."""
    undo = records.get(plan.step(number).undo)
    return undo is not None and undo.letter in ("C", "F")


def _identical(old: Plan, before: int, new: Plan, number: int) -> bool:
    """Whether a node does the same in both plans, upon the same edges.

    Retries, timeouts and queues say how it ran, not what came out.
    """
    return _meaning(old, before) == _meaning(new, number)


def _meaning(plan: Plan, number: int) -> tuple[object, ...]:
    step = plan.step(number)
    edges = {(plan.step(edge.step).id, edge.kind, edge.label, edge.when) for edge in step.parents}
    # As bytes, because to Python 1 equals True.
    config = msgspec.msgpack.encode([step.config, step.template], order="deterministic")
    return step.type, config, step.any_outcome, edges


def _not_taken(old: PlanStep, new: PlanStep, record: EndedStep) -> str | None:
    """Edges not taken, by position in the new plan; None when the record cannot say.

    A record tells which labels were not chosen, of those that had edges in the old plan, and which
    expressions did not hold.
    """
    if record.letter != "C":
        return record.not_taken
    asked: dict[str, bool] = {}
    held: dict[str, bool] = {}
    for position, edge in enumerate(old.edges, 1):
        taken = f",{position}," not in record.not_taken
        if edge.label is not None:
            asked[edge.label] = taken
        if edge.when is not None:
            held[edge.when] = taken
    chosen = any(asked.values())
    positions = []
    for position, edge in enumerate(new.edges, 1):
        if edge.label is not None and edge.label not in asked and not chosen:
            return None
        if edge.when is not None and edge.when not in held:
            return None
        label_fits = edge.label is None or asked.get(edge.label, False)
        if not (label_fits and held.get(edge.when or "", True)):
            positions.append(str(position))
    return f",{','.join(positions)}," if positions else ""


def _undos(
    old: Plan,
    new: Plan,
    records: Mapping[int, EndedStep],
    kept: Mapping[int, Copy],
    undo_list: Sequence[int],
) -> tuple[int, ...]:
    """Kept steps to be undone should the rerun fail, by number in the new plan.

    Those that completed, and those an operator skipped after they had begun: the old list knows.
    """
    begun = set(undo_list)
    numbers = {}
    for number, copy in kept.items():
        step, record = new.step(number), records[copy.old]
        if step.undo and record.letter == "C":
            certain = record.attempt > 0
            if certain or (copy.old in begun and step.undo_when != "c"):
                numbers[copy.old] = number
    return tuple(numbers[before] for before in _in_order(numbers, records, undo_list))


def _in_order(
    steps: Iterable[int], records: Mapping[int, EndedStep], undo_list: Sequence[int]
) -> list[int]:
    """Order steps as they settled: as the list has them, others between by their time."""
    wanted = set(steps)
    placed: list[tuple[int, int, int]] = []
    latest = 0
    for place, step in enumerate(undo_list):
        if step in wanted:
            latest = max(latest, records[step].settled)
            placed.append((latest, place, step))
    rest = wanted - {step for _, _, step in placed}
    placed += [(records[step].settled, len(undo_list) + step, step) for step in rest]
    return [step for _, _, step in sorted(placed)]
