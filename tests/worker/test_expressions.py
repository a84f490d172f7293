"""Expressions where a step meets them: its input, its config, its edges, the execution's output."""

from dataclasses import dataclass
from typing import Any

import pytest

from redflow.model.outcome import Branch
from redflow.model.workflow import Workflow
from redflow.nodes.base import NodeConfig, NodeType
from tests.worker.kit import Bench


class Say(NodeType):
    """Answers its typed config."""

    type = "say"

    class Config(NodeConfig, frozen=True):
        text: str
        times: int = 1

    async def execute(self, ctx: Any, config: Any) -> Any:
        return config.text * config.times


def functions(bench: Bench, **calls: Any) -> None:
    for name, call in calls.items():
        bench.function(name, call)


def seen(bench: Bench, name: str = "see") -> list[Any]:
    """Register a function that keeps its inputs and answers them."""
    kept: list[Any] = []

    def see(value):
        kept.append(value)
        return value

    bench.function(name, see)
    return kept


def call(builder: Any, node: str, function: str = "see", **options: Any) -> Any:
    return builder.add_node(node, "function", **options).with_config("function", function)


@pytest.mark.parametrize(("amount", "letters"), [
    (5, "a:C big:Ss small:C"), (50, "a:C big:C small:Ss"), (10, "a:C big:Ss small:Ss"),
])  # fmt: skip
async def test_an_edge_asks_for_what_its_source_gave(bench: Bench, amount: int, letters: str):
    seen(bench)
    flow = call(call(call(Workflow.builder("w"), "a"), "big"), "small")
    flow = flow.connect_when("a", "big", "output.amount > 10")
    await bench.publish(flow.connect_when("a", "small", "output.amount < 10").build())
    async with bench.working():
        run = await bench.run("w", {"amount": amount})
    shown = {node: step.kind + step.why for node, step in run.steps.items()}
    assert " ".join(f"{node}:{kind}" for node, kind in sorted(shown.items())) == letters
    assert await bench.problems() == []


async def test_an_edge_sees_the_output_as_those_behind_it_do(bench: Bench):
    @dataclass
    class Receipt:
        paid: bool

    bench.function("pay", lambda value: Receipt(paid=value))
    inputs = seen(bench)
    flow = call(call(Workflow.builder("w"), "a", "pay"), "ship")
    await bench.publish(flow.connect_when("a", "ship", "output.paid").build())
    async with bench.working():
        await bench.run("w", True)
        await bench.run("w", False)
    assert inputs == [{"paid": True}]


async def test_an_input_is_made_of_what_stands_before(bench: Bench):
    inputs = seen(bench)
    flow = call(call(call(Workflow.builder("w"), "first"), "second"), "third")
    flow = flow.with_input(
        {"id": "${execution.id}", "sum": "${input.n + steps.first.output.n}", "as": "n=${input.n}"}
    )
    flow = flow.connect("first", "second").connect("second", "third")
    await bench.publish(flow.build())
    async with bench.working():
        run = await bench.run("w", {"n": 2})
    assert inputs[-1] == {"id": "e1", "sum": 4, "as": "n=2"}
    assert run.value("third") == {"id": "e1", "sum": 4, "as": "n=2"}


@pytest.mark.parametrize("size", [10, 5_000])
async def test_what_is_read_travels_or_is_fetched(bench: Bench, size: int):
    inputs = seen(bench)
    bench.function("many", lambda _: "x" * size)
    flow = call(call(call(Workflow.builder("w"), "first", "many"), "second"), "third")
    flow = flow.with_input("${len(steps.first.output)}")
    flow = flow.connect("first", "second").connect("second", "third").build()
    await bench.publish(flow)
    async with bench.working():
        await bench.run("w")
    assert inputs[-1] == size


async def test_a_step_that_was_skipped_or_failed_says_so(bench: Bench):
    inputs = seen(bench)

    def broken(_):
        raise ValueError("no")

    bench.function("broken", broken)
    bench.function("choose", lambda value: Branch("yes", value), labels=["yes", "no"])
    flow = call(Workflow.builder("w"), "choose", "choose")
    flow = call(call(call(flow, "skipped"), "broken", "broken"), "handler")
    flow = call(flow, "join", join="any_outcome")
    flow = flow.with_input({"a": "${steps.skipped}", "b": "${steps.broken.status}",
                            "c": "${steps.broken.error.message}"})  # fmt: skip
    flow = flow.connect_if("choose", "skipped", "no").connect_if("choose", "broken", "yes")
    flow = flow.connect_on("broken", "handler", "failure").connect("handler", "join")
    flow = flow.connect("skipped", "join")
    await bench.publish(flow.build())
    async with bench.working():
        run = await bench.run("w", 1)
    assert run.status == "C"
    assert inputs[-1] == {
        "a": {"status": "SKIPPED", "output": None, "error": None}, "b": "FAILED", "c": "no",
    }  # fmt: skip


@pytest.mark.parametrize("place", ["input", "config", "edge", "output"])
async def test_an_expression_that_cannot_be_evaluated_fails_its_step_at_once(
    bench: Bench, place: str
):
    seen(bench)
    bench.registry.register(Say())
    broken = "${input.a.b}"
    config = broken if place == "config" else "hi"
    flow = call(Workflow.builder("w"), "a").add_node("b", "say", text=config).with_retry(3)
    if place == "input":
        flow = flow.with_input(broken)
    if place == "output":
        flow = flow.with_output(broken)
    flow = call(flow, "c").connect("a", "b")
    flow = (
        flow.connect_when("b", "c", "output.nothing") if place == "edge" else flow.connect("b", "c")
    )
    await bench.publish(flow.build())
    async with bench.working():
        run = await bench.run("w", {"a": {}})
    node = "~output" if place == "output" else "b"
    assert (run.status, run.steps[node].kind, run.steps[node].attempt) == ("F", "F", 1)
    error = run.value(node)
    assert (error["reason"], error["attempts"]) == ("expression", 1)


async def test_a_config_is_filled_in_for_every_attempt(bench: Bench):
    bench.registry.register(Say())
    flow = Workflow.builder("w").add_node("a", "say", text="${input.name}!", times="${input.n}")
    await bench.publish(flow.build())
    async with bench.working():
        run = await bench.run("w", {"name": "hi", "n": 2})
        wrong = await bench.run("w", {"name": "hi", "n": "two"})
    assert run.value("a") == "hi!hi!"
    assert wrong.value("a")["reason"] == "invalid_input"
    assert "times" in wrong.value("a")["message"]


async def test_the_output_of_an_execution_is_made_whatever_was_skipped(bench: Bench):
    seen(bench)
    bench.function("choose", lambda value: Branch("no", value), labels=["yes", "no"])
    flow = call(Workflow.builder("w"), "choose", "choose")
    flow = call(flow, "yes").connect_if("choose", "yes", "yes")
    flow = flow.with_output(
        {"asked": "${input}", "chosen": "${steps.choose.output}", "yes": "${steps.yes.status}"}
    )
    await bench.publish(flow.build())
    async with bench.working():
        run = await bench.run("w", 7)
    assert run.status == "C"
    assert run.value("~output") == {"asked": 7, "chosen": 7, "yes": "SKIPPED"}
    assert await bench.problems() == []


async def test_an_undo_and_a_handler_see_the_input_that_was_made(bench: Bench):
    undone, handled = seen(bench, "undo"), seen(bench, "handle")

    def broken(_):
        raise ValueError("no")

    functions(bench, fine=lambda value: value, broken=broken)
    flow = call(Workflow.builder("w"), "a", "fine").with_input({"made": "${input}"})
    flow = flow.with_saga("undo")
    flow = call(call(call(flow, "b", "broken"), "c", "handle"), "undo", "undo")
    flow = flow.with_input({"id": "${execution.id}", "was": "${input.input}"})
    flow = call(flow, "d", "broken")
    flow = flow.connect("a", "b").connect_on("b", "c", "failure").connect("c", "d")
    await bench.publish(flow.build())
    async with bench.working():
        run = await bench.run("w", 1)
    assert run.status == "F"
    assert handled[0]["input"] == {"made": 1}
    assert undone == [{"id": "e1", "was": {"made": 1}}]


async def test_a_variable_comes_from_the_nearest_node_that_set_it(bench: Bench):
    inputs = seen(bench)
    flow = Workflow.builder("w").add_node("one", "setvariable", variables={"x": 1, "y": "${input}"})
    flow = call(flow, "mid").add_node("two", "setvariable", variables={"x": "${vars.x + 1}"})
    flow = call(flow, "end").with_input(["${vars.x}", "${vars.y}"])
    flow = flow.connect("one", "mid").connect("mid", "two").connect("two", "end")
    await bench.publish(flow.build())
    async with bench.working():
        await bench.run("w", 7)
    assert inputs[-1] == [2, 7]
