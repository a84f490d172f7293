"""Random workflows: every kind of edge, join, queue, deadline, compensation and expression."""

from dataclasses import replace
from random import Random

from redflow.model.lineage import Lineage
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow

LABELS = ("yes", "no", "later")
QUEUES = ("default", "default", "mail", "slow-2")
DEADLINES = (0.5, 5.0, 20.0, 60.0)
"""Seconds."""


def random_workflow(rng: Random, name: str, size: int, *, reading: bool = True) -> Workflow:
    """A workflow of `size` nodes; half of them have finalizers, half of them compensations.

    `reading`: whether inputs and outputs may be made by expressions.
    """
    finalizers = rng.randint(0, size // 4) if rng.random() < 0.5 else 0
    labels = {i: rng.sample(LABELS, rng.randint(1, 3)) for i in range(size) if rng.random() < 0.3}
    width = rng.choice([1, 2, 3, 8, 30])
    edges: set[tuple[int, int, str | None, str, str | None]] = set()
    for target in range(1, size):
        for source in _parents(rng, target, width):
            final = source < size - finalizers <= target
            label, on, when = _kind(rng, labels.get(source, []), final)
            edges.add((source, target, label, on, when))
    undoing, late = rng.choice([0, 0, 0.3, 0.8]), rng.choice([0, 0, 0.1, 0.5])
    nodes = [_node(rng, i, labels.get(i, []), undoing, late) for i in range(size)]
    undos = {node.compensation for node in nodes if node.compensation}
    nodes += [Node(undo, "function", queue=rng.choice(QUEUES)) for undo in sorted(undos)]
    workflow = Workflow(
        name,
        nodes=tuple(nodes),
        edges=tuple(
            Edge(_name(source), _name(target), label, on, when)  # type: ignore[arg-type]
            for source, target, label, on, when in sorted(edges, key=str)
        ),
        allow_disconnected=True,
        on_cancel=rng.choice(["compensate", "compensate", "abandon"]),
        output="${input}" if reading and rng.random() < 0.2 else DEFAULT,
    )
    return _reading(rng, workflow, rng.choice([0, 0.2, 0.6])) if reading else workflow


def _reading(rng: Random, workflow: Workflow, share: float) -> Workflow:
    """Let a share of the nodes read the output of a step that is not their parent."""
    lineage = Lineage(workflow)
    nodes = []
    for node in workflow.nodes:
        before = sorted(one for one in lineage.ids if lineage.comes_before(one, node.id))
        if before and rng.random() < share:
            read = f"steps.{rng.choice(before)}.output"
            made = rng.choice([f"${{{read}}}", f"${{[input, {read}]}}"])
            nodes.append(replace(node, input=made))
        else:
            nodes.append(node)
    return replace(workflow, nodes=tuple(nodes))


def grown(rng: Random, workflow: Workflow) -> Workflow:
    """The same workflow with one more node, behind every step that chooses: the places of their
    edges change, and nothing else does.
    """
    names = [node.id for node in workflow.nodes if node.id[0] == "n"]
    choosing = [node.id for node in workflow.nodes if node.labels]
    new = f"a{len(workflow.nodes)}"
    return replace(
        workflow,
        nodes=(*workflow.nodes, Node(new, "function", config={"function": "work"})),
        edges=(*workflow.edges, *(Edge(one, new) for one in choosing or [rng.choice(names)])),
    )


def _parents(rng: Random, target: int, width: int) -> list[int]:
    if rng.random() < 0.08:
        return []
    nearest = range(max(0, target - width - rng.randint(0, 3)), target)
    count = min(len(nearest), rng.choice([1, 1, 1, 2, 2, 3, 6]))
    parents = rng.sample(nearest, count)
    if rng.random() < 0.1:
        parents.append(parents[0])  # two edges between the same steps
    return parents


def _kind(rng: Random, labels: list[str], final: bool) -> tuple[str | None, str, str | None]:
    if final:
        return None, "always", None
    if labels and rng.random() < 0.6:
        return rng.choice(labels), "success", None
    if rng.random() < 0.1:
        return None, "success", "bool(output)"
    return None, rng.choices(["success", "failure", "always"], [6, 2, 1])[0], None


def _node(rng: Random, number: int, labels: list[str], undoing: float, late: float) -> Node:
    """Three nodes in a row share a compensation: each still has an undo step of its own."""
    return Node(
        _name(number),
        "function",
        config={"function": "work"},
        queue=rng.choice(QUEUES),
        join="any_outcome" if rng.random() < 0.3 else "all",
        labels=tuple(labels),
        deadline=rng.choice(DEADLINES) if rng.random() < late else None,
        compensation=f"u{number // 3}" if rng.random() < undoing else None,
        compensate_when=rng.choice(["started", "completed", "attempted"]),
    )


def _name(number: int) -> str:
    return f"n{number}"
