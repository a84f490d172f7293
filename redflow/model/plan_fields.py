"""The fields of `plan:<hash>`, which Lua walks, and which values travel with a claim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from redflow import defaults
from redflow.model.plan import PLAIN, Plan, PlanEdge, PlanStep

CHUNK = 1000
"""Edges in one field; lua/lib/plan.lua reads one chunk at a time."""


def plan_fields(plan: Plan) -> dict[str, str | bytes | int]:
    """The hash of a plan: `o<i>` edges of step i (0 is the hidden root), `in<i>` what step i reads.

    `o<i>` = `<count>,<has a failure edge>` and, behind a newline, edges
    `<child>,<indegree>,<kind>,<queue>,<flags>,<need>` joined by `;`, further chunks in `o<i>:<k>`.
    Flags: j runs in spite of blocked edges, z finalizer. Need: p its one parent's output, l look up
    `in<i>`, r by reference.

    `deadlines` = `,<step>:<ms>,...,` or '', `undo` = `,<step>:<undo step>:<s|c|a>:<queue>,...,`
    or ''; `on_cancel` = `a` when a cancelled execution is not compensated, else ''.
    """
    fields: dict[str, str | bytes | int] = {
        "queues": " ".join(plan.queues),
        "finalizers": _list(str(i) for i, step in enumerate(plan.steps, 1) if step.finalizer),
        "version": plan.version,
        "deadlines": _list(_deadlines(plan)),
        "undo": _list(_undos(plan)),
        "on_cancel": "a" if plan.on_cancel == "abandon" else "",
        "doc": plan.encode(),
    }
    roots = [PlanEdge(number, PLAIN, None) for number in plan.roots]
    needs = [inline_needs(step) for step in plan.steps]
    targets = [_target_text(step, names) for step, names in zip(plan.steps, needs, strict=True)]
    fields.update(_edge_fields(targets, 0, roots, handled=False))
    for number, step in enumerate(plan.steps, 1):
        fields.update(_edge_fields(targets, number, step.edges, handled=step.has_failure_edge))
        names = needs[number - 1]
        if names is not None:
            fields[f"in{number}"] = " ".join(names)
    fields["n"] = len(plan.steps)
    return fields


def inline_needs(step: PlanStep) -> list[str] | None:
    """Fields whose values may travel in the token, in order; None: the worker must read records."""
    if "meta" in step.reads:
        return None
    given = given_fields(step)
    if given is None:
        return None
    needs = list(dict.fromkeys((*given, *step.reads)))
    return None if len(needs) > defaults.INLINE_COUNT else needs


def given_fields(step: PlanStep) -> list[str] | None:
    """Fields of what its edges give a step; None: only the records tell."""
    if step.undo_of:
        return None
    if not step.takes_input:
        return []
    if not step.parents:
        return ["input"]
    parents = sorted({parent.step for parent in step.parents})
    plain = all(parent.kind == PLAIN for parent in step.parents)
    certain = not any(parent.may_refuse for parent in step.parents)
    if not plain or (len(parents) > 1 and not certain):
        return None
    return [f"s{parent}" for parent in parents]


def _edge_fields(
    targets: Sequence[tuple[int, str]], number: int, edges: Sequence[PlanEdge], *, handled: bool
) -> Iterator[tuple[str, str]]:
    words = []
    for edge in edges:
        indegree, rest = targets[edge.child - 1]
        words.append(f"{edge.child},{indegree},{edge.kind},{rest}")
    head = f"{len(words)},{int(handled)}\n"
    yield f"o{number}", head + ";".join(words[:CHUNK])
    for chunk in range(1, (len(words) + CHUNK - 1) // CHUNK):
        yield f"o{number}:{chunk}", ";".join(words[chunk * CHUNK : (chunk + 1) * CHUNK])


def _target_text(step: PlanStep, needs: list[str] | None) -> tuple[int, str]:
    """What every edge to a step says of it: indegree; queue, flags and need."""
    flags = ("j" if step.any_outcome else "") + ("z" if step.finalizer else "")
    if needs is None:
        need = "r"
    else:
        alone = len(needs) == 1 and needs == given_fields(step)
        need = "p" if alone else "l"
    return max(len(step.parents), 1), f"{step.queue},{flags},{need}"


def _deadlines(plan: Plan) -> Iterator[str]:
    for number, step in enumerate(plan.steps[: plan.forward], 1):
        if step.deadline is not None:
            # At least 1 ms: what is due is written as a number above zero.
            yield f"{number}:{max(round(step.deadline * 1000), 1)}"


def _undos(plan: Plan) -> Iterator[str]:
    for number, step in enumerate(plan.steps, 1):
        if step.undo:
            yield f"{number}:{step.undo}:{step.undo_when}:{plan.step(step.undo).queue}"


def _list(words: Iterable[str]) -> str:
    """Write words so that Lua finds each between two commas."""
    text = ",".join(words)
    return f",{text}," if text else ""
