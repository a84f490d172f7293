"""Every way a wait ends, with every kind of edge behind the step: what becomes of each child."""

from typing import Any

import pytest

from redflow.model.workflow import Workflow
from tests.worker import outside
from tests.worker.kit import Bench, Gate, until

STILL = {"lease": 60.0, "beat": 0.2, "sweep": 0.05}

WAITS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "timer": ("wait", {"duration": 0.02}, {"duration": 600}),
    "signal": ("signal", {}, {}),
    "late signal": (
        "signal",
        {"timeout": 0.02, "on_timeout": "late"},
        {"timeout": 600, "on_timeout": "late"},
    ),
    "child": ("subworkflow", {"workflow": "child"}, {"workflow": "child"}),
}
"""Type of the node, its config when the wait is to end, and when it is not."""

ENDS = {
    "comes": ("C", {"a": "C", "plain": "C", "failed": "S", "always": "C"}),
    "cancel": ("X", {"a": "X", "plain": "S", "failed": "S", "always": "S"}),
    "operator": ("F", {"a": "X", "plain": "S", "failed": "S", "always": "S"}),
    "deadline": ("C", {"a": "F", "plain": "S", "failed": "C", "always": "C"}),
    "timeout": ("F", {"a": "X", "plain": "S", "failed": "S", "always": "S"}),
    "skip": ("C", {"a": "C", "plain": "C", "failed": "S", "always": "C"}),
}
"""How the execution ends and what becomes of the step and of those behind it, by the cause.

Nothing runs behind a step that was cancelled; an operator who names no label takes every edge.
"""


def waiting(wait: str, cause: str) -> Workflow:
    kind, soon, never = WAITS[wait]
    config = soon if cause == "comes" else never
    builder = Workflow.builder("w").add_node("a", kind, **config)
    if cause == "deadline":
        builder = builder.with_deadline(0.1)
    for name in ("plain", "failed", "always"):
        builder = builder.add_node(name, "log", message=name)
    builder = builder.connect("a", "plain").connect_on("a", "failed", "failure")
    builder = builder.connect_on("a", "always", "always")
    if "on_timeout" in config:
        builder = builder.add_node("late", "log", message="late").connect_if("a", "late", "late")
    return builder.build()


@pytest.mark.parametrize("cause", ENDS)
@pytest.mark.parametrize("wait", WAITS)
async def test_the_end_of_a_wait_settles_every_edge(bench: Bench, wait: str, cause: str):
    gate = Gate()

    async def work(value):
        await gate.passed()

    if cause == "comes":
        gate.opened.set()
    await bench.publish(waiting(wait, cause))
    await bench.one(work, "child")
    async with bench.working(**STILL):
        execution = await outside.start(bench, "w", "e1", timeout=150 * (cause == "timeout"))
        if wait == "signal" and cause == "comes":
            await outside.signal(bench, execution, "a")
        if cause in ("cancel", "operator", "skip"):

            async def waits() -> bool:
                return (await bench.read(execution)).steps["a"].kind in "twk"

            await until(waits)
            act = {"cancel": outside.cancel, "operator": outside.fail}.get(cause)
            word = await (act(bench, execution) if act else outside.skip(bench, execution, "a"))
            assert word == "ok"
        run = await bench.ended(execution)
        if wait == "child":
            child = await bench.ended(f"{execution}.a", "child")
            assert child.status == ("C" if cause == "comes" else "X")
        assert await bench.problems() == []
    status, letters = ENDS[cause]
    if wait == "late signal":
        letters = letters | {"late": "C" if cause in ("comes", "skip") else "S"}
    assert run.status == status
    assert {node: step.kind for node, step in run.steps.items()} == letters
