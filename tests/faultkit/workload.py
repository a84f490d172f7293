"""What a history run runs: seeded workflows of every kind of node, and the fate of each step."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Node, Workflow
from redflow.nodes.registry import Registry
from tests.store.dags import random_workflow

QUEUES = ("default", "mail", "slow-2")
SIZES = (1, 2, 4, 8, 12, 20, 50)
"""Nodes of a workflow, before its compensations."""
WORKFLOWS = 4
RETRY = RetryPolicy(3, initial_interval=0.03, jitter="none")
WAIT = 0.15
SIGNAL = "go"
SIGNAL_TIMEOUT = 0.8
"""Seconds."""
LONG, LONGER = 0.4, 2.2
"""Seconds of the few steps that take long: the longer ones outlive a lease."""
FEW, SOME = 0.02, 0.2
"""Share of the longer steps; some runs want more of them, and twice as long."""


def workflows(seed: int) -> list[Workflow]:
    """Return the workflows of a seed, the child first; the same in every process."""
    rng = Random(f"workflows {seed}")
    made = [random_workflow(rng, f"w{n}", rng.choice(SIZES), reading=False) for n in range(3)]
    return [child(), *(_filled(rng, one) for one in made), trip(rng)]


def child() -> Workflow:
    """Two steps, one after the other."""
    made = Workflow.builder("child").add_node("a", "function", function="work")
    return made.add_node("b", "function", function="work").connect("a", "b").build()


def trip(rng: Random) -> Workflow:
    """A saga that fails at its end three times in four, with a wait, a signal and a child in it."""
    builder = Workflow.builder("trip")
    for node in ("flight", "hotel", "car", "seat"):
        builder.add_node(node, "function", function="work").with_retry(RETRY).with_saga("cancel")
    builder.add_node("cancel", "function", function="undo").with_retry(RETRY)
    builder.add_node("rest", "wait", duration=WAIT)
    builder.add_node("ask", "signal", name=SIGNAL, timeout=SIGNAL_TIMEOUT)
    builder.add_node("again", "signal", name=SIGNAL, timeout=SIGNAL_TIMEOUT)
    builder.add_node("sub", "subworkflow", workflow="child")
    builder.add_node("pay", "function", function="pay")
    pairs = "flight-hotel flight-car hotel-rest rest-seat car-ask car-again ask-pay again-pay"
    for pair in f"{pairs} seat-pay flight-sub sub-pay".split():
        builder.connect(*pair.split("-"))
    return builder.build()


def _filled(rng: Random, workflow: Workflow) -> Workflow:
    """The same graph with nodes of all types; what chooses a branch stays a function."""
    undos = {node.compensation for node in workflow.nodes}
    return replace(
        workflow, nodes=tuple(_as_some_type(rng, node, node.id in undos) for node in workflow.nodes)
    )


def _as_some_type(rng: Random, node: Node, undoes: bool) -> Node:
    chance = rng.random()
    if not node.compensation:
        node = replace(node, compensate_when="started")
    if undoes or node.labels or chance < 0.7:
        return replace(node, config={"function": "undo" if undoes else "work"}, retry=RETRY)
    if chance < 0.8:
        return replace(node, type="wait", config={"duration": WAIT})
    if chance < 0.92:
        config = {"name": SIGNAL, "timeout": SIGNAL_TIMEOUT}
        return replace(node, type="signal", config=config)
    return replace(node, type="subworkflow", config={"workflow": "child"})


def registry_for(functions: Sequence[tuple[str, object]]) -> Registry:
    """A registry with these functions."""
    registry = Registry()
    for name, function in functions:
        registry.register_function(name, function)  # type: ignore[arg-type]
    return registry


def fate(execution: str, node: str) -> float:
    """A number from 0 up to 1 that decides what becomes of a step, in every process alike."""
    digest = hashlib.sha256(f"{execution}/{node}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def seconds_of(chance: float, long: float = FEW) -> float:
    """How long a step takes."""
    part = chance * 100 % 1
    if part < long:
        return LONGER if long == FEW else 2 * LONGER
    return LONG if part < long + 0.08 else 0.02 * part


def fails(chance: float, attempt: int) -> bool:
    """Whether an attempt of a step raises: some steps always do, more of them once."""
    part = chance * 10_000 % 1
    return part < 0.03 or (part < 0.15 and attempt == 1)
