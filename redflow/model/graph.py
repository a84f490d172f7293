"""Whether a workflow is valid: every problem at once, in time linear to nodes and edges."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from itertools import islice
from typing import Any

from redflow import defaults
from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.model.checks import check_object, check_text, not_json, pointer, refusal, shown
from redflow.model.definition import DEFAULT, Definition, Edge, Node
from redflow.model.durations import seconds
from redflow.model.ids import check_label, check_node_id, check_queue, check_workflow_id
from redflow.model.retry import RetryPolicy
from redflow.model.saga import compensations, saga_problems
from redflow.model.status import WorkflowStatus

CheckConfig = Callable[[Mapping[str, Any]], Sequence[str]]
"""Checks the config of one node type and answers the labels that the node then declares.

Raises InvalidInput (its field is the key in the config), or InvalidWorkflow with several problems
whose pointers start at the config.
"""

SUBWORKFLOW = "subworkflow"
_ON = ("success", "failure", "always")
_CYCLES = 10
_CYCLE_SHOWN = 10
_NEW, _LEFT = -1, -2
_PARTS_SHOWN = 5
# Looking for a similar name is slow: only for the first problems, among some names, if short.
_HINTED = 20
_NEAREST_CHARS = 80
_NEAREST_OF = 100

_check_timeout = partial(seconds, positive=True, field="timeout")


def problems(
    workflow: Definition, known_types: Mapping[str, CheckConfig] | None = None
) -> list[Problem]:
    """List every problem of a workflow, with pointers into its document; [] when it is valid.

    Without `known_types` nothing is said about types, their configs and undeclared labels.
    """
    found = list(_header(workflow))
    if not workflow.nodes:
        return [*found, Problem("/nodes", "no_nodes", "the workflow has no nodes; add one")]
    if len(workflow.nodes) > defaults.NODES:
        message = f"{len(workflow.nodes):,} nodes are over the limit of {defaults.NODES:,}"
        return [*found, Problem("/nodes", "too_many_nodes", message)]
    found += _duplicates(workflow.nodes)
    declared: dict[str, frozenset[str] | None] = {}
    for node in workflow.nodes:
        found += _node(node)
        labels, of_type = _type(node, known_types)
        found += of_type
        if isinstance(node.id, str):
            declared[node.id] = labels
    sound, of_edges = _edges(workflow.edges, declared)
    undoing = compensations(workflow.nodes)
    found += [*of_edges, *saga_problems(workflow.nodes, workflow.edges, undoing)]
    found += _self_nesting(workflow)
    forward = [node_id for node_id in declared if node_id not in undoing]
    joined = [e for e in sound if e.source not in undoing and e.target not in undoing]
    return found + _shape(forward, joined, workflow.allow_disconnected)


def _header(workflow: Definition) -> Iterator[Problem]:
    yield from refusal("/id", "bad_id", check_workflow_id, workflow.id)
    yield from check_text(workflow.name, "/name")
    yield from check_text(workflow.description, "/description")
    yield from check_object(workflow.metadata, "/metadata", "bad_metadata")
    yield from check_object(workflow.labels, "/labels", "bad_labels")
    if isinstance(workflow.labels, Mapping):
        for key, value in workflow.labels.items():
            if not isinstance(value, str):
                message = f"its value is a {type(value).__name__}, not text"
                yield Problem(pointer("labels", key), "bad_labels", message)
    if not isinstance(workflow.status, WorkflowStatus):
        message = f"{shown(workflow.status)} is not ACTIVE or INACTIVE"
        yield Problem("/status", "bad_status", message)
    if not isinstance(workflow.allow_disconnected, bool):
        yield Problem("/allow_disconnected", "bad_value", "it is not true or false")
    if workflow.on_cancel not in ("compensate", "abandon"):
        message = f"{shown(workflow.on_cancel)} is not compensate or abandon"
        yield Problem("/on_cancel", "bad_value", message)
    yield from _template(workflow.output, "/output")


def _template(value: object, at: str) -> Iterator[Problem]:
    if value is not DEFAULT:
        yield from not_json(value, at, "bad_template")


def _duplicates(nodes: Sequence[Node]) -> Iterator[Problem]:
    seen: set[str] = set()
    told: set[str] = set()
    for node in nodes:
        if not isinstance(node.id, str):
            continue
        if node.id in seen and node.id not in told:
            told.add(node.id)
            message = f"two nodes have the id {shown(node.id)}; rename one"
            yield Problem(pointer("nodes", node.id), "duplicate_node", message)
        seen.add(node.id)


def _node(node: Node) -> Iterator[Problem]:
    at = pointer("nodes", node.id)
    yield from refusal(at, "bad_id", check_node_id, node.id)
    yield from check_text(node.type, at + "/type")
    if node.type == "":
        yield Problem(at + "/type", "bad_text", "it is empty; name a node type")
    yield from check_text(node.name, at + "/name")
    yield from check_object(node.config, at + "/config", "bad_config")
    yield from check_object(node.ui, at + "/ui", "bad_ui")
    yield from _template(node.input, at + "/input")
    yield from refusal(at + "/queue", "bad_queue", check_queue, node.queue)
    if node.retry is not None and not isinstance(node.retry, RetryPolicy):
        message = f"it is a {type(node.retry).__name__}, not a RetryPolicy"
        yield Problem(at + "/retry", "bad_retry", message)
    if node.timeout is not DEFAULT:
        yield from _limit(node.timeout, at + "/timeouts/attempt")
    yield from _limit(node.deadline, at + "/timeouts/step")
    if node.join not in ("all", "any_outcome"):
        message = f"{shown(node.join)} is not all or any_outcome"
        yield Problem(at + "/join", "bad_join", message)
    yield from _labels(node, at + "/labels")


def _limit(limit: object, at: str) -> Iterator[Problem]:
    if limit is None:
        return
    if isinstance(limit, (int, float)):
        yield from refusal(at, "bad_timeout", _check_timeout, limit)
    else:
        message = f"it is a {type(limit).__name__}, not seconds"
        yield Problem(at, "bad_timeout", message)


def _labels(node: Node, at: str) -> Iterator[Problem]:
    if not isinstance(node.labels, (tuple, list)):
        yield Problem(at, "bad_label", f"it is a {type(node.labels).__name__}, not a list")
        return
    seen: set[str] = set()
    for i, label in enumerate(node.labels):
        yield from refusal(f"{at}/{i}", "bad_label", check_label, label)
        if isinstance(label, str) and label in seen:
            yield Problem(f"{at}/{i}", "duplicate_label", f"{shown(label)} is declared twice")
        elif isinstance(label, str):
            seen.add(label)


def _type(
    node: Node, known_types: Mapping[str, CheckConfig] | None
) -> tuple[frozenset[str] | None, list[Problem]]:
    """Check the node's type and config; answer the labels it declares, None when unknown."""
    if known_types is None:
        return None, []
    at = pointer("nodes", node.id)
    check = known_types.get(node.type) if isinstance(node.type, str) else None
    if check is None:
        known = ", ".join(sorted(known_types)) or "none"
        message = f"the type {shown(node.type)} is unknown; known are: {known}"
        return None, [Problem(at + "/type", "unknown_type", message)]
    if not isinstance(node.config, Mapping):
        return None, []
    try:
        labels = check(node.config)
    except InvalidInput as error:
        where = at + "/config" + (pointer(error.field) if error.field else "")
        return None, [Problem(where, "bad_config", str(error))]
    except InvalidWorkflow as error:
        prefix = at + "/config"
        return None, [Problem(prefix + p.pointer, p.code, p.message) for p in error.problems]
    own = node.labels if isinstance(node.labels, (tuple, list)) else ()
    return frozenset(label for label in (*own, *labels) if isinstance(label, str)), []


def _self_nesting(workflow: Definition) -> Iterator[Problem]:
    """Tell of nodes that start the very workflow they stand in, which would never end."""
    for node in workflow.nodes:
        if node.type != SUBWORKFLOW or not isinstance(node.config, Mapping):
            continue
        for key in ("workflow", "workflowId"):
            if isinstance(workflow.id, str) and node.config.get(key) == workflow.id:
                message = f"workflow {shown(workflow.id)} starts itself here; name another workflow"
                yield Problem(pointer("nodes", node.id, "config", key), "self_nesting", message)


def _edges(
    edges: Sequence[Edge], declared: Mapping[str, frozenset[str] | None]
) -> tuple[list[Edge], list[Problem]]:
    """Check the edges; answer those that join two known, different nodes."""
    sound: list[Edge] = []
    found: list[Problem] = []
    seen: set[tuple[str, ...]] = set()
    counts: dict[str, int] = {}
    for edge in edges:
        target = edge.target if isinstance(edge.target, str) else ""
        index = counts[target] = counts.get(target, -1) + 1
        joins = _joins(edge, declared)
        asks = edge.label is not None or edge.when is not None
        if not joins or asks or edge.on not in _ON:  # most edges have nothing to ask
            at = pointer("nodes", edge.target, "needs", str(index))
            near = declared if len(found) < _HINTED else {}
            found += [*_ends(edge, at, declared, near), *_kind(edge, at, declared)]
        if not joins:
            continue
        asked = ["" if ask is None else shown(ask) for ask in (edge.label, edge.when)]
        key = (edge.source, target, *asked, shown(edge.on))
        if key in seen:
            at = pointer("nodes", target, "needs", str(index))
            message = f"a second edge leads from {shown(edge.source)} to {shown(target)}; remove it"
            found.append(Problem(at, "duplicate_edge", message))
        else:
            sound.append(edge)
        seen.add(key)
    return sound, found


def _joins(edge: Edge, declared: Mapping[str, object]) -> bool:
    """Whether the edge joins two known, different nodes."""
    texts = isinstance(edge.source, str) and isinstance(edge.target, str)
    known = texts and edge.source in declared and edge.target in declared
    return known and edge.source != edge.target


def _ends(
    edge: Edge, at: str, declared: Mapping[str, object], near: Mapping[str, object]
) -> Iterator[Problem]:
    for end in (edge.source, edge.target):
        if not isinstance(end, str):
            yield Problem(at, "unknown_node", f"{shown(end)} is not the id of a node")
        elif end not in declared:
            message = f"there is no node {shown(end)}{_nearest(end, near)}"
            yield Problem(at, "unknown_node", message)
    if isinstance(edge.source, str) and edge.source == edge.target:
        message = f"an edge leads from {shown(edge.source)} to itself; remove it"
        yield Problem(at, "self_edge", message)


def _nearest(name: str, known: Iterable[str]) -> str:
    if len(name) > _NEAREST_CHARS:
        return ""
    near = get_close_matches(name, list(islice(known, _NEAREST_OF)), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _kind(edge: Edge, at: str, declared: Mapping[str, frozenset[str] | None]) -> Iterator[Problem]:
    if edge.on not in _ON:
        yield Problem(at, "bad_edge", f"on {shown(edge.on)} is not success, failure or always")
    if edge.when is not None:
        yield from _when(edge, at)
    if edge.label is None:
        return
    if edge.on in ("failure", "always"):
        message = f"an edge on {edge.on} cannot ask for a label as well; make two edges"
        yield Problem(at, "label_not_allowed", message)
    refused = list(refusal(at, "bad_label", check_label, edge.label))
    yield from refused
    labels = declared.get(edge.source) if isinstance(edge.source, str) else None
    if not refused and labels is not None and edge.label not in labels:
        yield undeclared(edge.source, edge.label, labels, at)


def _when(edge: Edge, at: str) -> Iterator[Problem]:
    yield from check_text(edge.when, at + "/when")
    if edge.on in ("failure", "always"):
        message = f"an edge on {edge.on} cannot ask for an expression as well; make two edges"
        yield Problem(at, "when_not_allowed", message)
    elif edge.label is not None:
        message = "an edge asks for a label or for an expression; make two edges"
        yield Problem(at, "when_not_allowed", message)


def undeclared(source: str, label: str, labels: Iterable[str], at: str) -> Problem:
    """Say that a node does not declare the label an edge asks for, and which it does."""
    known = ", ".join(sorted(labels)) or "none"
    message = (
        f"node {shown(source)} does not declare the label {shown(label)} (declared: {known}); "
        "add it to the node's labels"
    )
    return Problem(at, "undeclared_label", message)


def _shape(ids: Sequence[str], edges: Sequence[Edge], allow_disconnected: bool) -> list[Problem]:
    """Find cycles and parts without connection; numbers stand for nodes from here on."""
    number = {node_id: i for i, node_id in enumerate(ids)}
    pairs = [(number[edge.source], number[edge.target]) for edge in edges]
    found = [_cycle([ids[i] for i in cycle]) for cycle in islice(_cycles(len(ids), pairs), _CYCLES)]
    parts = _parts(len(ids), pairs)
    if len(parts) > 1 and allow_disconnected is not True:
        some = ", ".join(shown(ids[part]) for part in parts[:_PARTS_SHOWN])
        message = (
            f"the graph falls into {len(parts):,} parts (with {some}"
            f"{', ...' if len(parts) > _PARTS_SHOWN else ''}); connect them or allow_disconnected"
        )
        found.append(Problem("/nodes", "disconnected", message))
    return found


def _cycle(cycle: Sequence[str]) -> Problem:
    shown = [*cycle[:_CYCLE_SHOWN], "..."] if len(cycle) > _CYCLE_SHOWN else list(cycle)
    path = " -> ".join([*shown, cycle[0]])
    message = f"the nodes {path} form a cycle ({len(cycle):,} nodes); remove one of its edges"
    return Problem(pointer("nodes", cycle[0]), "cycle", message)


def _cycles(size: int, pairs: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Walk depth first without recursion; every edge back into the path closes a cycle."""
    children: list[list[int]] = [[] for _ in range(size)]
    for source, target in pairs:
        children[source].append(target)
    place = [_NEW] * size  # in the path, or _NEW, or _LEFT
    for root in range(size):
        if place[root] != _NEW:
            continue
        path, todo = [root], [iter(children[root])]
        place[root] = 0
        while todo:
            child = next(todo[-1], None)
            if child is None:
                todo.pop()
                place[path.pop()] = _LEFT
            elif place[child] == _NEW:
                place[child] = len(path)
                path.append(child)
                todo.append(iter(children[child]))
            elif place[child] != _LEFT:
                yield path[place[child] :]


def _parts(size: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Return one node of every part of the graph that no edge joins to another (union-find)."""
    leader = list(range(size))

    def find(node: int) -> int:
        while leader[node] != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for source, target in pairs:
        leader[find(source)] = find(target)
    return [node for node in range(size) if leader[node] == node]
