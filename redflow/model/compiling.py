"""Compiles a valid Workflow: parents before children, every name resolved to a number."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from redflow.model.ids import undo_id
from redflow.model.plan import (
    ALWAYS,
    DEFAULT_TIMEOUT,
    FAILURE,
    OUTPUT_NODE,
    PLAIN,
    Plan,
    PlanEdge,
    PlanParent,
    PlanStep,
)
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow

_KINDS = {"success": PLAIN, "failure": FAILURE, "always": ALWAYS}
_WHEN = {"started": "s", "completed": "c", "attempted": "a"}


@dataclass(frozen=True, slots=True)
class Reads:
    """What the expressions of one node read: outputs of nodes, variables by their setters, fields.

    `variables` names for each the nodes that may have set it, the nearest first. `fields` are
    `input` and `meta` of the execution. `takes_input`: whether what its edges give is read.
    """

    steps: frozenset[str] = frozenset()
    variables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fields: frozenset[str] = frozenset()
    takes_input: bool = True


def compile_plan(
    workflow: Workflow, version: int, reads: Mapping[str, Reads] | None = None
) -> Plan:
    """Number the nodes, parents first, and resolve every edge; equal content gives equal plans.

    `reads` names what the expressions of a node read; undo steps stand under `<node>~undo`.
    """
    every = {node.id: node for node in workflow.nodes}
    undoing = {node.compensation for node in workflow.nodes}
    nodes = {node_id: node for node_id, node in every.items() if node_id not in undoing}
    order = _topological(nodes, workflow.edges)
    number = {node_id: i for i, node_id in enumerate(order, 1)}
    outgoing: dict[str, list[PlanEdge]] = defaultdict(list)
    for edge in workflow.edges:
        out = PlanEdge(number[edge.target], _KINDS[edge.on], edge.label, edge.when)
        outgoing[edge.source].append(out)
    incoming: dict[int, list[PlanParent]] = defaultdict(list)
    for source in order:
        outgoing[source].sort(key=_edge_order)
        for position, out in enumerate(outgoing[source], 1):
            parent = PlanParent(number[source], position, out.kind, out.label, out.when)
            incoming[out.child].append(parent)
    finalizers = _finalizers(order, incoming)
    if workflow.output is not DEFAULT:
        every[OUTPUT_NODE] = nodes[OUTPUT_NODE] = _output_node(workflow.output)
        _lead_to_output(order, outgoing, incoming, finalizers)
    steps = [
        _step(nodes[node_id], outgoing[node_id], incoming[i], i in finalizers)
        for i, node_id in enumerate(order, 1)
    ]
    steps = _with_reads(_with_undo_steps(steps, every), reads or {})
    return Plan(workflow.content_hash, workflow.id, version, steps, workflow.on_cancel)


def _edge_order(edge: PlanEdge) -> tuple[int, str, str, str]:
    return edge.child, edge.kind, edge.label or "", edge.when or ""


def _output_node(template: Any) -> Node:
    """The hidden last node, whose output is the execution's; its `input` is the execution's."""
    config = {"mapping": template}
    return Node(
        OUTPUT_NODE, "transform", config=config, input="${execution.input}", join="any_outcome"
    )


def _lead_to_output(
    order: list[str],
    outgoing: Mapping[str, list[PlanEdge]],
    incoming: Mapping[int, list[PlanParent]],
    finalizers: set[int],
) -> None:
    """Let every sink lead to the hidden last node, and every root: it runs whatever is skipped.

    A root is never skipped; if it failed, the failure was handled, or nothing new starts at all.
    """
    last = len(order) + 1
    for number, node_id in enumerate(order, 1):
        kinds = [ALWAYS] if not incoming[number] else []
        if number not in finalizers and all(e.kind != PLAIN for e in outgoing[node_id]):
            kinds.append(PLAIN)
        for kind in kinds:
            outgoing[node_id].append(PlanEdge(last, kind, None))
            position = len(outgoing[node_id])
            incoming[last].append(PlanParent(number, position, kind, None))
    order.append(OUTPUT_NODE)


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
        template=None if node.input is DEFAULT else [node.input],
    )


def _with_reads(steps: Sequence[PlanStep], reads: Mapping[str, Reads]) -> list[PlanStep]:
    """Turn the names that expressions read into the numbers of steps."""
    if not reads:
        return list(steps)
    number = {step.id: i for i, step in enumerate(steps, 1)}

    def completed(step: PlanStep) -> PlanStep:
        known = reads.get(step.id)
        if known is None:
            return step
        variables = {
            name: [number[setter] for setter in setters]
            for name, setters in sorted(known.variables.items())
        }
        read = {number[node_id] for node_id in known.steps}.union(*variables.values())
        fields = [*sorted(known.fields), *(f"s{i}" for i in sorted(read))]
        return replace(step, reads=fields, variables=variables, takes_input=known.takes_input)

    return [completed(step) for step in steps]


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
