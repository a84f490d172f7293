"""Whether compensations are valid: nodes that undo others stand beside the graph, not in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from redflow.errors import Problem
from redflow.model.checks import pointer, shown
from redflow.model.definition import Edge, Node

WHEN = ("started", "completed", "attempted")
# A compensation runs at the end of an execution, which nothing may keep waiting.
WAITING_TYPES = ("signal", "wait", "subworkflow")


def compensations(nodes: Sequence[Node]) -> dict[str, str]:
    """Return the nodes that undo another, each with the first node that it undoes."""
    ids = {node.id for node in nodes if isinstance(node.id, str)}
    found: dict[str, str] = {}
    for node in nodes:
        named = node.compensation
        if (
            isinstance(named, str)
            and isinstance(node.id, str)
            and named in ids
            and named != node.id
        ):
            found.setdefault(named, node.id)
    return found


def saga_problems(
    nodes: Sequence[Node], edges: Sequence[Edge], undoing: Mapping[str, str]
) -> Iterator[Problem]:
    """List what is wrong with compensations; `undoing` is what `compensations` answered."""
    ids = {node.id for node in nodes if isinstance(node.id, str)}
    for node in nodes:
        at = pointer("nodes", node.id)
        yield from _named(node, ids, at + "/compensation")
        if isinstance(node.id, str) and node.id in undoing:
            yield from _undo(node, undoing[node.id], at)
    yield from _edges(edges, undoing)


def _named(node: Node, ids: set[str], at: str) -> Iterator[Problem]:
    """Check what a node says of its own compensation."""
    if node.compensate_when not in WHEN:
        message = f"{shown(node.compensate_when)} is not {', '.join(WHEN[:-1])} or {WHEN[-1]}"
        yield Problem(at + "/when", "bad_compensation", message)
    named = node.compensation
    if named is None:
        if node.compensate_when in WHEN[1:]:
            message = "it says when to compensate and not with which node; name the node"
            yield Problem(at + "/node", "bad_compensation", message)
    elif not isinstance(named, str):
        message = f"it is a {type(named).__name__}, not the id of a node"
        yield Problem(at + "/node", "bad_compensation", message)
    elif named == node.id:
        message = f"node {shown(named)} cannot undo itself; name another node"
        yield Problem(at + "/node", "bad_compensation", message)
    elif named not in ids:
        message = f"there is no node {shown(named)}; add it, or name another compensation"
        yield Problem(at + "/node", "orphan_compensation", message)


def _undo(node: Node, undone: str, at: str) -> Iterator[Problem]:
    """Check a node that undoes another."""
    role = f"node {shown(node.id)} undoes {shown(undone)}"
    if node.type in WAITING_TYPES:
        message = f"{role}, which a node of type {node.type} cannot; take one that does not wait"
        yield Problem(at + "/type", "compensation_type", message)
    if node.compensation is not None:
        message = f"{role} and so has no compensation of its own; remove it"
        yield Problem(at + "/compensation", "compensation_of_compensation", message)
    if node.deadline is not None:
        message = f"{role} and so has no deadline; limit its attempts with a timeout"
        yield Problem(at + "/timeouts/step", "compensation_deadline", message)


def _edges(edges: Sequence[Edge], undoing: Mapping[str, str]) -> Iterator[Problem]:
    counts: dict[str, int] = {}
    for edge in edges:
        if not (isinstance(edge.source, str) and isinstance(edge.target, str)):
            continue
        index = counts[edge.target] = counts.get(edge.target, -1) + 1
        for end in (edge.source, edge.target):
            if end in undoing:
                message = f"node {shown(end)} undoes {shown(undoing[end])} and so has no edges"
                at = pointer("nodes", edge.target, "needs", str(index))
                yield Problem(at, "compensation_edge", message + "; remove this one")
                break
