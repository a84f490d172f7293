"""The input of a step: its fixed shape, from values in the token or from recorded steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redflow.model.plan import ALWAYS, FAILURE, Plan, PlanParent, PlanStep, inline_needs

HANDLER_DEPTH = 8
"""How many failures in a row a handler's input nests; further down `input` is None."""

_STATUS = {"C": "COMPLETED", "F": "FAILED"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """How a step was settled: letter C F S X, its value (output or error), edges not taken.

    `attempt` is 0 when an operator skipped it.
    """

    letter: str
    value: Any = None
    not_taken: str = ""
    attempt: int = 1


def input_from_values(plan: Plan, number: int, values: Sequence[Any], absent: object) -> Any:
    """The input when values travelled with the token; `absent` marks parents that gave nothing."""
    step = plan.step(number)
    names = inline_needs(step)
    if names is None or len(names) != len(values):
        raise ValueError(
            f"token of step {step.id!r} carries {len(values)} values it does not ask for"
        )
    if len(values) == 1:
        return values[0]
    parents = sorted({parent.step for parent in step.parents})
    return {
        plan.step(parent).id: value
        for parent, value in zip(parents, values, strict=True)
        if value is not absent
    }


def fields_of(plan: Plan, number: int) -> list[str]:
    """The recorded fields input_from_records needs for a step."""
    undone = plan.step(number).undo_of
    if undone:
        return [*dict.fromkeys((*fields_of(plan, undone), f"s{undone}"))]
    fields: dict[str, None] = {}
    level = {number}
    for _ in range(HANDLER_DEPTH + 1):
        deeper: set[int] = set()
        for at in sorted(level):
            step = plan.step(at)
            if not step.parents:
                fields["input"] = None
            for parent in step.parents:
                fields[f"s{parent.step}"] = None
                if parent.kind == FAILURE:
                    deeper.add(parent.step)
        level = deeper
    return list(fields)


def input_from_records(
    plan: Plan, number: int, records: Mapping[str, Recorded], *, depth: int = HANDLER_DEPTH
) -> Any:
    """The input of a step from what was recorded of its parents, whichever edges led to it."""
    step = plan.step(number)
    if step.undo_of:
        return _undo_input(plan, step.undo_of, records)
    if not step.parents:
        return records["input"].value
    by_parent = _edges_by_parent(step)
    taken = {
        parent: _through(plan, parent, edge, records, depth)
        for parent, edges in by_parent.items()
        if (edge := _taken_edge(edges, records.get(f"s{parent}"))) is not None
    }
    if len(by_parent) == 1:
        return next(iter(taken.values()), None)
    return {plan.step(parent).id: value for parent, value in taken.items()}


def _undo_input(plan: Plan, undone: int, records: Mapping[str, Recorded]) -> dict[str, Any]:
    """What undoing a step needs to know; uncertain is what was cut short and may have happened."""
    record = records.get(f"s{undone}", Recorded("X"))
    completed = record.letter == "C"
    return {
        "input": input_from_records(plan, undone, records),
        "output": record.value if completed else None,
        "error": record.value if record.letter == "F" else None,
        "certain": completed and record.attempt > 0,
    }


def _edges_by_parent(step: PlanStep) -> dict[int, list[PlanParent]]:
    grouped: dict[int, list[PlanParent]] = {}
    for edge in sorted(step.parents, key=lambda parent: parent.step):
        grouped.setdefault(edge.step, []).append(edge)
    return grouped


def _taken_edge(edges: Sequence[PlanParent], record: Recorded | None) -> PlanParent | None:
    """The edge that led here: one for the very outcome before an `always` one."""
    if record is None or record.letter not in _STATUS:
        return None
    for edge in sorted(edges, key=lambda edge: edge.kind == ALWAYS):
        fits = edge.kind == ALWAYS or (edge.kind == FAILURE) == (record.letter == "F")
        if fits and f",{edge.position}," not in record.not_taken:
            return edge
    return None


def _through(
    plan: Plan, parent: int, edge: PlanParent, records: Mapping[str, Recorded], depth: int
) -> Any:
    record = records[f"s{parent}"]
    failed = record.letter == "F"
    if edge.kind == ALWAYS:
        output, error = (None, record.value) if failed else (record.value, None)
        return {"status": _STATUS[record.letter], "output": output, "error": error}
    if edge.kind == FAILURE:
        given = None
        if depth > 0:
            given = input_from_records(plan, parent, records, depth=depth - 1)
        return {"input": given, "error": record.value}
    return record.value


def execution_output(plan: Plan, read: Callable[[int], Recorded | None]) -> Any:
    """The output of a completed execution: its one sink's, else a map of the completed sinks."""
    outputs = {
        plan.step(number).id: record.value
        for number in plan.sinks
        if (record := read(number)) is not None and record.letter == "C"
    }
    if len(plan.sinks) == 1:
        return next(iter(outputs.values()), None)
    return outputs
