"""The input of a step: its fixed shape, from values in the token or from recorded steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redflow.model.plan import ALWAYS, FAILURE, Plan, PlanParent, PlanStep
from redflow.model.plan_fields import given_fields

HANDLER_DEPTH = 8
"""How many failures in a row a handler's input nests; further down `input` is None."""

_STATUS = {"C": "COMPLETED", "F": "FAILED", "S": "SKIPPED", "X": "CANCELLED"}
_ENDED = ("C", "F")

Render = Callable[[int, Any], Any]
"""Makes the input of a step, by number, from what its edges give: applies the node's template."""


def as_given(_: int, given: Any) -> Any:
    """The Render of a plan without templates."""
    return given


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
    names = given_fields(step)
    if names is None or len(names) != len(values):
        raise ValueError(
            f"token of step {step.id!r} carries {len(values)} values it does not ask for"
        )
    if not names:
        return None
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
        own = plan.step(number).reads
        return [*dict.fromkeys((*fields_of(plan, undone), f"s{undone}", *own))]
    fields: dict[str, None] = {}
    level = {number}
    for _ in range(HANDLER_DEPTH + 1):
        deeper: set[int] = set()
        for at in sorted(level):
            step = plan.step(at)
            fields.update(dict.fromkeys(step.reads))
            if not step.takes_input:
                continue
            if not step.parents:
                fields["input"] = None
            for parent in step.parents:
                fields[f"s{parent.step}"] = None
                if parent.kind == FAILURE:
                    deeper.add(parent.step)
        level = deeper
    return list(fields)


def input_from_records(
    plan: Plan, number: int, records: Mapping[str, Recorded], *, render: Render = as_given
) -> Any:
    """The input of a step from what was recorded of its parents, whichever edges led to it."""
    return _Inputs(plan, records, render).of(number, HANDLER_DEPTH)


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Makes the inputs of a step, and of those that its own input tells of."""

    plan: Plan
    records: Mapping[str, Recorded]
    render: Render

    def of(self, number: int, depth: int) -> Any:
        step = self.plan.step(number)
        undone = step.undo_of
        given = self._undoing(undone) if undone else self._given(step, depth)
        return self.render(number, given)

    def _given(self, step: PlanStep, depth: int) -> Any:
        if not step.takes_input:
            return None
        if not step.parents:
            return self.records["input"].value
        by_parent = _edges_by_parent(step)
        taken = {
            parent: self._through(parent, edge, depth)
            for parent, edges in by_parent.items()
            if (edge := _taken_edge(edges, self.records.get(f"s{parent}"))) is not None
        }
        if len(by_parent) == 1:
            return next(iter(taken.values()), None)
        return {self.plan.step(parent).id: value for parent, value in taken.items()}

    def _undoing(self, undone: int) -> dict[str, Any]:
        """What undoing needs to know; uncertain is what was cut short and may have happened."""
        record = self.records.get(f"s{undone}", Recorded("X"))
        completed = record.letter == "C"
        return {
            "input": self.of(undone, HANDLER_DEPTH),
            "output": record.value if completed else None,
            "error": record.value if record.letter == "F" else None,
            "certain": completed and record.attempt > 0,
        }

    def _through(self, parent: int, edge: PlanParent, depth: int) -> Any:
        record = self.records[f"s{parent}"]
        failed = record.letter == "F"
        if edge.kind == ALWAYS:
            output, error = (None, record.value) if failed else (record.value, None)
            return {"status": _STATUS[record.letter], "output": output, "error": error}
        if edge.kind == FAILURE:
            given = self.of(parent, depth - 1) if depth > 0 else None
            return {"input": given, "error": record.value}
        return record.value


def _edges_by_parent(step: PlanStep) -> dict[int, list[PlanParent]]:
    grouped: dict[int, list[PlanParent]] = {}
    for edge in sorted(step.parents, key=lambda parent: parent.step):
        grouped.setdefault(edge.step, []).append(edge)
    return grouped


def _taken_edge(edges: Sequence[PlanParent], record: Recorded | None) -> PlanParent | None:
    """The edge that led here: one for the very outcome before an `always` one."""
    if record is None or record.letter not in _ENDED:
        return None
    for edge in sorted(edges, key=lambda edge: edge.kind == ALWAYS):
        fits = edge.kind == ALWAYS or (edge.kind == FAILURE) == (record.letter == "F")
        if fits and f",{edge.position}," not in record.not_taken:
            return edge
    return None


def scope_of(plan: Plan, number: int, records: Mapping[str, Recorded]) -> dict[str, Any]:
    """What the expressions of a step may read of other steps: `steps` and `vars`.

    A variable has the value of the nearest setter that completed; one that none has set is absent.
    """
    step = plan.step(number)
    if not step.reads:
        return {"steps": {}, "vars": {}}
    read = [int(name[1:]) for name in step.reads if name[0] == "s"]
    steps = {plan.step(i).id: _shown(records.get(f"s{i}")) for i in read}
    variables = {}
    for name, setters in step.variables.items():
        for setter in setters:
            record = records.get(f"s{setter}")
            if record is not None and record.letter == "C" and _has(record.value, name):
                variables[name] = record.value[name]
                break
    return {"steps": steps, "vars": variables}


def _shown(record: Recorded | None) -> dict[str, Any]:
    if record is None:
        return {"status": "PENDING", "output": None, "error": None}
    completed, failed = record.letter == "C", record.letter == "F"
    return {
        "status": _STATUS.get(record.letter, "PENDING"),
        "output": record.value if completed else None,
        "error": record.value if failed else None,
    }


def _has(output: Any, name: str) -> bool:
    return isinstance(output, Mapping) and name in output


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
