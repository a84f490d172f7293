"""The pure node types run by a worker: which way a workflow goes, and what its steps make."""

from typing import Any

import pytest

from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from tests.worker.kit import Bench, Run

AT_ONCE = RetryPolicy(3, initial_interval=0.001, maximum_interval=0.001, jitter="none")


def branching(builder: Any, source: str, labels: list[str]) -> Workflow:
    """Put a node behind every label of a source."""
    for label in labels:
        builder.add_node(f"on_{label}", "log", message=label)
        builder.connect_if(source, f"on_{label}", label)
    return builder.build()


def completed(run: Run) -> list[str]:
    """The nodes behind labels that have run."""
    ways = {node: step.kind for node, step in run.steps.items() if node.startswith("on_")}
    return sorted(node for node, kind in ways.items() if kind == "C")


@pytest.mark.parametrize(("amount", "way"), [(101, "on_true"), (100, "on_false")])
async def test_a_condition_chooses_the_way_and_passes_its_input_through(bench: Bench, amount, way):
    builder = Workflow.builder("w")
    builder.add_node("large", "condition", variable="input.amount", operator=">", value=100)
    await bench.publish(branching(builder, "large", ["true", "false"]))
    async with bench.working():
        run = await bench.run("w", {"amount": amount})
    assert (run.status, completed(run)) == ("C", [way])
    assert run.value("large") == run.value(way) == {"amount": amount}
    assert await bench.problems() == []


async def test_a_condition_compares_with_what_an_earlier_step_gave(bench: Bench):
    builder = Workflow.builder("w").add_node("limits", "setvariable", variables={"most": 10})
    builder.add_node("first", "transform", mapping={"n": "${input.n * 2}"})
    builder.connect("limits", "first")
    config = {"variable": "steps.first.output.n", "operator": "<=", "value": "${vars.most}"}
    builder.add_node("check", "condition", **config).connect("first", "check")
    await bench.publish(branching(builder, "check", ["true", "false"]))
    async with bench.working():
        runs = [await bench.run("w", {"n": n}) for n in (5, 6)]
    assert [completed(run) for run in runs] == [["on_true"], ["on_false"]]


@pytest.mark.parametrize(
    ("plan", "way"), [("g", "on_gold"), ("v", "on_gold"), (7, "on_seven"), ("7", "on_rest")]
)
async def test_a_switch_chooses_the_way_of_the_case(bench: Bench, plan, way):
    cases = {"gold": ["g", "v"], "seven": 7}
    builder = Workflow.builder("w")
    builder.add_node("plan", "switch", variable="input.plan", cases=cases, default="rest")
    await bench.publish(branching(builder, "plan", ["gold", "seven", "rest"]))
    async with bench.working():
        run = await bench.run("w", {"plan": plan})
    assert (run.status, completed(run), run.value("plan")) == ("C", [way], {"plan": plan})


async def test_values_are_made_and_named_step_by_step(bench: Bench):
    builder = (
        Workflow.builder("w")
        .add_node("price", "transform", mapping={"net": "${input.net}", "tax": "${input.net / 2}"})
        .add_node("set", "setvariable", variables={"total": "${input.net + input.tax}"})
        .add_node(
            "bill", "transform", mapping="${str(vars.total) + ' ' + execution.input.currency}"
        )
        .connect("price", "set")
        .connect("set", "bill")
    )
    await bench.publish(builder.build())
    async with bench.working():
        run = await bench.run("w", {"net": 4, "currency": "EUR"})
    assert run.value("price") == {"net": 4, "tax": 2.0}
    assert run.value("set") == {"net": 4, "tax": 2.0, "total": 6.0}
    assert run.value("bill") == "6.0 EUR"


@pytest.mark.parametrize(
    ("node_type", "config", "says"),
    [
        ("condition", {"variable": "input.x", "operator": ">", "value": 1}, "unlike kinds"),
        ("condition", {"variable": "input.y", "operator": ">", "value": 1}, "'y'"),
        ("condition", {"expression": "input.x"}, "not true or false"),
        ("switch", {"variable": "input.x", "cases": {"a": 1}}, "none of the cases a"),
        ("transform", {"mapping": {"a": "${input.y}"}}, "'y'"),
        ("setvariable", {"variables": {"a": "${input.x + 1}"}}, "+"),
    ],
)
async def test_what_cannot_be_evaluated_fails_the_step_at_once(
    bench: Bench, node_type, config, says
):
    builder = Workflow.builder("w").add_node("n", node_type, **config).with_retry(AT_ONCE)
    await bench.publish(builder.build())
    async with bench.working():
        run = await bench.run("w", {"x": "text"})
    error = run.value("n")
    assert (run.status, error["reason"], error["attempts"]) == ("F", "expression", 1)
    assert says in error["message"]


async def test_cases_that_come_to_the_same_value_fail_the_step_at_once(bench: Bench):
    cases = {"a": "${input.x}", "b": "${input.y}"}
    builder = Workflow.builder("w").add_node("n", "switch", variable="input.x", cases=cases)
    await bench.publish(builder.with_retry(AT_ONCE).build())
    async with bench.working():
        run = await bench.run("w", {"x": 1, "y": [2, 1.0]})
    error = run.value("n")
    assert (run.status, error["reason"], error["attempts"]) == ("F", "invalid_input", 1)
    assert "a number 1.0 chooses 'a' already" in error["message"]
