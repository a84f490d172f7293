"""Compiles a valid Workflow: the Plan that workers follow, the flat fields that Lua walks."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace

from redflow import defaults
from redflow.model.ids import undo_id
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow

CHUNK = 1000
"""Edges in one field; lua/lib/plan.lua reads one chunk at a time."""

PLAIN, FAILURE, ALWAYS = "n", "f", "a"
_KINDS = {"success": PLAIN, "failure": FAILURE, "always": ALWAYS}
_WHEN = {"started": "s", "completed": "c", "attempted": "a"}
DEFAULT_TIMEOUT = -1.0
"""Stands for the default of the node's type."""


class PlanEdge(msgspec.Struct, array_like=True, frozen=True):
    """An outgoing edge: the child's number, `n`, `f` or `a`, and the label it asks for."""

    child: int
    kind: str
    label: str | None


class PlanParent(msgspec.Struct, array_like=True, frozen=True):
    """An incoming edge: the parent's number, the edge's place among its outgoing ones from 1."""

    step: int
    position: int
    kind: str
    label: str | None


class PlanStep(msgspec.Struct, array_like=True, frozen=True):
    """A node as it runs; `timeout` is seconds, None for none, DEFAULT_TIMEOUT for its type's.

    `undo` is the number of the step that undoes this one, 0 for none; `undo_when` is s, c or a.
    `undo_of` is the number of the step that this one undoes, 0 for a forward step.
    """

    id: str
    type: str
    config: dict[str, Any]
    retry: RetryPolicy | None
    timeout: float | None
    queue: str
    any_outcome: bool
    finalizer: bool
    labels: list[str]
    edges: list[PlanEdge]
    parents: list[PlanParent]
    # Appended, so that a plan of an earlier version can be read.
    deadline: float | None = None
    undo: int = 0
    undo_when: str = "s"
    undo_of: int = 0

    @property
    def has_failure_edge(self) -> bool:
        """Whether a failure of this step is handled."""
        return any(edge.kind == FAILURE for edge in self.edges)


class Plan(msgspec.Struct, array_like=True, frozen=True, dict=True):
    """A compiled workflow version; step i stands at steps[i - 1], parents before children.

    Behind the forward steps stand the undo steps, in the order of the steps they undo.
    """

    hash: str
    workflow: str
    version: int
    steps: list[PlanStep]
    on_cancel: str = "compensate"

    @cached_property
    def forward(self) -> int:
        """How many forward steps there are; they have the numbers 1 to this."""
        return sum(not step.undo_of for step in self.steps)

    @cached_property
    def roots(self) -> list[int]:
        """Forward steps that no edge leads to; the start of an execution makes them ready."""
        return [i for i, s in enumerate(self.steps, 1) if not s.parents and not s.undo_of]

    @cached_property
    def queues(self) -> list[str]:
        """Every queue a step runs in."""
        return sorted({step.queue for step in self.steps})

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Step number by node id; undo steps stand under `<node>~undo`."""
        return {step.id: number for number, step in enumerate(self.steps, 1)}

    @cached_property
    def sinks(self) -> list[int]:
        """Steps whose outputs make the execution's: left by no plain edge, and no finalizers."""
        return [
            number
            for number, step in enumerate(self.steps, 1)
            if not (step.finalizer or step.undo_of)
            and all(edge.kind != PLAIN for edge in step.edges)
        ]

    def step(self, number: int) -> PlanStep:
        """The step with a number from 1."""
        return self.steps[number - 1]

    def encode(self) -> bytes:
        """The plan as workers read it back."""
        return _encoder.encode(self)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Plan)


def decode_plan(data: bytes) -> Plan:
    """A plan as stored."""
    return _decoder.decode(data)


def compile_plan(workflow: Workflow, version: int) -> Plan:
    """Number the nodes, parents first, and resolve every edge; equal content gives equal plans."""
    every = {node.id: node for node in workflow.nodes}
    undoing = {node.compensation for node in workflow.nodes}
    nodes = {node_id: node for node_id, node in every.items() if node_id not in undoing}
    order = _topological(nodes, workflow.edges)
    number = {node_id: i for i, node_id in enumerate(order, 1)}
    outgoing: dict[str, list[PlanEdge]] = defaultdict(list)
    for edge in workflow.edges:
        outgoing[edge.source].append(PlanEdge(number[edge.target], _KINDS[edge.on], edge.label))
    incoming: dict[int, list[PlanParent]] = defaultdict(list)
    for source in order:
        outgoing[source].sort(key=lambda edge: (edge.child, edge.kind, edge.label or ""))
        for position, out in enumerate(outgoing[source], 1):
            parent = PlanParent(number[source], position, out.kind, out.label)
            incoming[out.child].append(parent)
    finalizers = _finalizers(order, incoming)
    steps = [
        _step(nodes[node_id], outgoing[node_id], incoming[i], i in finalizers)
        for i, node_id in enumerate(order, 1)
    ]
    steps = _with_undo_steps(steps, every)
    return Plan(workflow.content_hash, workflow.id, version, steps, workflow.on_cancel)


def _step(
    node: Node, edges: list[PlanEdge], parents: list[PlanParent], finalizer: bool
) -> PlanStep:
    return PlanStep(
        id=node.id,
        type=node.type,
        config=dict(node.config),
        retry=node.retry,
        timeout=DEFAULT_TIMEOUT if node.timeout is DEFAULT else node.timeout,
        queue=node.queue,
        any_outcome=node.join == "any_outcome",
        finalizer=finalizer,
        # A client without the registry registers labels that only edges name.
        labels=list(dict.fromkeys((*node.labels, *(e.label for e in edges if e.label)))),
        edges=edges,
        parents=parents,
        deadline=node.deadline,
    )


def _with_undo_steps(forward: Sequence[PlanStep], nodes: Mapping[str, Node]) -> list[PlanStep]:
    """Append the undo step of every step that has a compensation, and point the two at each other.

    Nodes may share a compensation node; each still has an undo step of its own.
    """
    steps = list(forward)
    for number, step in enumerate(forward, 1):
        node = nodes[step.id]
        if node.compensation is None:
            continue
        undo = _step(nodes[node.compensation], [], [], finalizer=False)
        steps.append(replace(undo, id=undo_id(step.id), undo_of=number))
        when = _WHEN[node.compensate_when]
        steps[number - 1] = replace(step, undo=len(steps), undo_when=when)
    return steps


def _topological(nodes: Mapping[str, Node], edges: Sequence[Edge]) -> list[str]:
    """Node ids, parents first, by name among equals: an order that depends on the content alone."""
    children: dict[str, list[str]] = defaultdict(list)
    waiting = dict.fromkeys(nodes, 0)
    for edge in edges:
        children[edge.source].append(edge.target)
        waiting[edge.target] += 1
    ready = [node_id for node_id, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        node_id = heapq.heappop(ready)
        order.append(node_id)
        for child in children[node_id]:
            waiting[child] -= 1
            if waiting[child] == 0:
                heapq.heappush(ready, child)
    return order


def _finalizers(order: Sequence[str], incoming: Mapping[int, list[PlanParent]]) -> set[int]:
    """Steps reachable only through `always` edges; they run even while the execution fails."""
    found: set[int] = set()
    for number in range(1, len(order) + 1):
        parents = incoming[number]
        if parents and all(p.kind == ALWAYS or p.step in found for p in parents):
            found.add(number)
    return found


# The fields of `plan:<hash>` that Lua reads


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
    if step.undo_of:
        return None
    if not step.parents:
        return ["input"]
    parents = sorted({parent.step for parent in step.parents})
    plain = all(parent.kind == PLAIN for parent in step.parents)
    unlabelled = all(parent.label is None for parent in step.parents)
    if not plain or len(parents) > defaults.INLINE_COUNT or (len(parents) > 1 and not unlabelled):
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
    need = "r" if needs is None else "p" if len(needs) == 1 else "l"
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
