"""The table of node types and functions."""

from typing import Any

import pytest

from redflow.errors import InvalidInput
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import DEFAULT, Workflow
from redflow.nodes.base import NodeConfig, NodeType, Runner
from redflow.nodes.registry import Registry
from tests.worker.kit import Bench


class Echo(NodeType):
    """A node type of an application."""

    type = "echo"
    timeout = 3.0
    labels = ("left", "right")

    class Config(NodeConfig, frozen=True):
        """What it says."""

        text: str
        times: int = 1

    async def execute(self, ctx: Any, config: Any) -> Any:
        return [config.text] * config.times


class Plain(NodeType):
    type = "plain"

    def execute(self, ctx: Any, config: Any) -> Any:  # type: ignore[override]
        return 1


class OwnRunner(Plain):
    type = "own"

    def runner(self, config: Any, registry: Registry) -> Runner:
        return Runner(lambda ctx: 5, "thread", None, "own")


class Broken(NodeType):
    type = "broken"

    async def execute(self, ctx: Any, config: Any) -> Any:
        return None

    def runner(self, config: Any, registry: Registry) -> Runner:
        raise ZeroDivisionError("planted")


class NotFinished(NodeType):
    type = "unfinished"


def one_node(node_type: str, **config: Any) -> Workflow:
    return Workflow.builder("w").add_node("a", node_type, **config).build()


def test_the_built_in_types_are_there():
    assert sorted(Registry().types) == [
        "ai",
        "condition",
        "function",
        "http",
        "log",
        "notify",
        "setvariable",
        "signal",
        "subworkflow",
        "switch",
        "transform",
        "wait",
    ]


def test_where_a_type_comes_from():
    registry = Registry()
    registry.register(Echo())
    assert (registry.origin("log"), registry.origin("echo")) == ("built-in", __name__)


@pytest.mark.parametrize("node_type", [Echo, object(), NodeType(), None])
def test_only_instances_of_named_types_are_registered(node_type):
    with pytest.raises(InvalidInput, match="is no node type"):
        Registry().register(node_type)


def test_a_name_is_taken_once():
    registry = Registry()
    registry.register(Echo())
    with pytest.raises(InvalidInput, match="'echo' is already registered"):
        registry.register(Echo())
    registry.register_function("f", len)
    registry.register_function("f", len, timeout=1)  # the same again: a module read twice
    with pytest.raises(InvalidInput, match="'f' is already registered"):
        registry.register_function("f", print)


def test_a_type_that_would_block_the_loop_is_refused():
    with pytest.raises(InvalidInput, match="not a coroutine function"):
        Registry().register(Plain())
    Registry().register(OwnRunner())


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_function_has_a_name(name):
    with pytest.raises(InvalidInput) as caught:
        Registry().register_function(name, len)
    assert caught.value.field == "name"


@pytest.mark.parametrize(
    "options",
    [{"timeout": 0}, {"timeout": "soon"}, {"labels": ["success"]}, {"queue": "a b"}, {"retry": 0}],
)
def test_options_of_a_function_are_checked(options):
    with pytest.raises(InvalidInput):
        Registry().register_function("f", len, **options)


def test_the_decorator_leaves_the_function_as_it_is():
    registry = Registry()

    @registry.function
    def one(value):
        return value

    @registry.function("second", retry=3, labels=["left"], queue="mail", timeout=None)
    def two(value):
        return value

    @registry.function(run="thread")
    def three(value):
        return value

    assert one(1) == two(1) == three(1) == 1
    assert sorted(registry.functions) == ["one", "second", "three"]
    second = registry.functions["second"]
    assert (second.retry, second.labels) == (RetryPolicy(3), ("left",))
    assert (second.queue, second.timeout) == ("mail", None)


def test_problems_name_what_is_wrong_with_a_config():
    registry = Registry()
    registry.register(Echo())
    assert registry.problems(one_node("echo", text="hi")) == []
    for config in ({}, {"text": 3}, {"text": "hi", "unknown": 1}):
        (problem,) = registry.problems(one_node("echo", **config))
        assert problem.pointer.startswith("/nodes/a")
    (problem,) = registry.problems(one_node("nothing"))
    assert "nothing" in problem.message


def test_a_function_that_nobody_registered_is_a_problem_where_functions_are_known():
    workflow = one_node("function", function="ship")
    registry = Registry()
    assert registry.problems(workflow) == [], "a producer need not have the functions"
    registry.register_function("pack", len)
    (problem,) = registry.problems(workflow)
    assert "'ship' is not registered (known: pack)" in problem.message


def test_nodes_take_from_their_function_what_they_leave_open():
    registry = Registry()
    registry.register_function("f", len, retry=5, timeout="1m", queue="mail", labels=["left"])
    (node,) = registry.complete(one_node("function", function="f")).nodes
    assert (node.retry, node.timeout) == (RetryPolicy(5), 60.0)
    assert (node.queue, node.labels) == ("mail", ("left",))
    own = (
        Workflow.builder("w")
        .add_node("a", "function", labels=["right"], function="f")
        .with_retry(2)
        .with_timeout(None)
        .with_queue("own")
        .build()
    )
    (node,) = registry.complete(own).nodes
    assert (node.retry, node.timeout) == (RetryPolicy(2), None)
    assert (node.queue, node.labels) == ("own", ("right", "left"))


def test_nodes_take_the_labels_of_their_type():
    registry = Registry()
    registry.register(Echo())
    (node,) = registry.complete(one_node("echo", text="hi")).nodes
    assert node.labels == ("left", "right")
    assert node.timeout is DEFAULT
    (unknown,) = registry.complete(one_node("nothing")).nodes
    assert unknown.type == "nothing"


# --- run by a worker


async def test_a_type_of_the_application_runs(bench: Bench):
    bench.registry.register(Echo())
    bench.registry.register(OwnRunner())
    builder = Workflow.builder("w").add_node("a", "echo", text="hi", times=2).add_node("b", "own")
    await bench.publish(builder.connect("a", "b").build())
    async with bench.working():
        run = await bench.run("w")
    assert (run.value("a"), run.value("b")) == (["hi", "hi"], 5)


@pytest.mark.parametrize(
    ("node_type", "text"),
    [
        (Broken(), "cannot prepare the step: ZeroDivisionError('planted')"),
        (NotFinished(), "does not define execute(ctx, config)"),
    ],
)
async def test_a_type_that_does_not_work_fails_its_steps_alone(bench: Bench, node_type, text):
    bench.registry.register(node_type)
    await bench.publish(one_node(node_type.type))
    async with bench.working() as worker:
        run = await bench.run("w")
        assert not any(task.done() for task in worker._tasks)
    assert run.status == "F"
    assert text in run.value("a")["message"]


async def test_a_config_that_a_newer_worker_would_take_fails_the_step(bench: Bench):
    """A plan outlives the code it was registered with."""
    await bench.publish(one_node("log", message="hi", level="shout"))
    async with bench.working():
        run = await bench.run("w")
    assert run.value("a")["reason"] == "invalid_input"
    assert "level" in run.value("a")["message"]


async def test_a_type_that_is_not_registered_here_is_given_back(bench: Bench):
    await bench.publish(one_node("elsewhere"))
    async with bench.working():
        execution = await bench.execute("w")

        async def given_back() -> bool:
            return (await bench.read(execution)).steps["a"].releases >= 1

        from tests.worker.kit import until

        await until(given_back)
