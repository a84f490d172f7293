"""Faults of parevo/flow that apply here, each by its name (what it did is in the docstring)."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from redflow import (
    Branch,
    Engine,
    ExecutionFailed,
    Fail,
    InvalidWorkflow,
    NotFound,
    RetryPolicy,
    Workflow,
)


def flow(*nodes: str, name: str = "flow", **config: Any) -> Any:
    """Start a workflow whose nodes call the function of their own name."""
    builder = Workflow.builder(name)
    for node in nodes:
        builder = builder.add_node(node, "function", function=node, **config.get(node, {}))
    return builder


class Ran:
    """Functions that remember that they ran."""

    def __init__(self, engine: Engine) -> None:
        self.names: list[str] = []
        self._engine = engine

    def function(self, name: str, answer: Any = None) -> None:
        """Register one that answers its input, `answer`, or what `answer(input)` does."""

        async def call(value: Any) -> Any:
            self.names.append(name)
            if callable(answer):
                return answer(value)
            return value if answer is None else answer

        self._engine.registry.register_function(name, call)


@pytest.fixture
def ran(engine: Engine) -> Ran:
    return Ran(engine)


async def result_of(engine: Engine, workflow: Workflow, value: Any = None) -> Any:
    await engine.register_workflow(workflow)
    handle = await engine.execute(workflow.id, value)
    async with engine.worker():
        return await handle.result(timeout=10)


async def test_a_step_that_is_retried_runs_again(engine: Engine, ran: Ran):
    """Its retry was never put back into the queue; and WithRetry(3) ran a step once."""
    failures = iter([ValueError("1"), ValueError("2")])

    def flaky(value: Any) -> Any:
        for error in failures:
            raise error
        return "done"

    ran.function("flaky", flaky)
    policy = RetryPolicy(max_attempts=3, initial_interval=0.01)
    assert await result_of(engine, flow("flaky").with_retry(policy).build()) == "done"
    assert ran.names == ["flaky"] * 3


async def test_max_attempts_counts_runs(engine: Engine, ran: Ran):
    """MaxAttempts was off by one."""

    def fail(value: Any) -> None:
        raise ValueError("again")

    ran.function("fail", fail)
    policy = RetryPolicy(max_attempts=2, initial_interval=0.01)
    with pytest.raises(ExecutionFailed):
        await result_of(engine, flow("fail").with_retry(policy).build())
    assert ran.names == ["fail"] * 2


def test_backoff_is_exponential():
    """Its "exponential" delay grew by the same amount each time."""
    policy = RetryPolicy(max_attempts=9, initial_interval=1, maximum_interval=60, jitter="none")
    assert [policy.delay(attempt) for attempt in range(1, 8)] == [1, 2, 4, 8, 16, 32, 60]


async def test_skipped_branches_are_not_run(engine: Engine, ran: Ran):
    """Every created step was put into the queue, so SKIPPED ones were claimed and run."""
    ran.function("choose", lambda _: Branch("yes", 1))
    for name in ("kept", "dropped", "after"):
        ran.function(name)
    workflow = (
        flow("choose", "kept", "dropped", "after", choose={"labels": ["yes", "no"]})
        .connect_if("choose", "kept", "yes")
        .connect_if("choose", "dropped", "no")
        .connect("dropped", "after")
        .build()
    )
    assert await result_of(engine, workflow) == {"kept": 1}
    assert sorted(ran.names) == ["choose", "kept"]


async def test_parents_that_finish_together_run_the_join_once(engine: Engine, ran: Ran):
    """Two parents that finished at the same moment created the join twice."""
    parents = [f"p{i}" for i in range(40)]
    for name in ("root", *parents, "join"):
        ran.function(name, None if name != "join" else len)
    builder = flow("root", *parents, "join")
    for parent in parents:
        builder = builder.connect("root", parent).connect(parent, "join")
    assert await result_of(engine, builder.build(), 1) == 40
    assert ran.names.count("join") == 1


async def test_a_diamond_through_a_skipped_node_runs_its_join_once(engine: Engine, ran: Ran):
    """The join was created twice, with an empty input."""
    ran.function("choose", lambda _: Branch("left", "chosen"))
    for name in ("left", "right", "join"):
        ran.function(name)
    workflow = (
        flow("choose", "left", "right", "join", choose={"labels": ["left", "right"]})
        .connect_if("choose", "left", "left")
        .connect_if("choose", "right", "right")
        .connect("left", "join")
        .connect("right", "join")
        .build()
    )
    assert await result_of(engine, workflow) == {"left": "chosen"}
    assert ran.names.count("join") == 1


async def test_a_failed_parent_of_a_join_does_not_leave_it_running(engine: Engine, ran: Ran):
    """A failed parent and a join left the execution RUNNING for ever."""

    def fail(value: Any) -> None:
        raise Fail("broken")

    ran.function("good")
    ran.function("bad", fail)
    ran.function("join")
    workflow = flow("good", "bad", "join").connect("good", "join").connect("bad", "join").build()
    with pytest.raises(ExecutionFailed) as caught:
        await result_of(engine, workflow)
    assert caught.value.node == "bad"
    assert "join" not in ran.names


async def test_an_execution_does_not_end_between_a_step_and_its_child(engine: Engine, ran: Ran):
    """The check for the end could come between "step done" and "child created"."""
    names = [f"n{i}" for i in range(30)]
    for name in names:
        ran.function(name)
    builder = flow(*names)
    for parent, child in pairwise(names):
        builder = builder.connect(parent, child)
    assert await result_of(engine, builder.build(), "through") == "through"
    assert ran.names == names


async def test_no_key_of_an_output_is_magic(engine: Engine, ran: Ran):
    """An output with the key "branch" chose edges, and passed on through later nodes."""
    ran.function("first", {"branch": "nowhere"})
    ran.function("last")
    workflow = (
        flow("first", "last")
        .add_node("log", "log", message="between")
        .connect("first", "log")
        .connect("log", "last")
        .build()
    )
    assert await result_of(engine, workflow) == {"branch": "nowhere"}


async def test_the_output_does_not_depend_on_which_step_ends_last(engine: Engine, ran: Ran):
    """The output was that of whichever step was looked at last."""
    for name in ("root", "a", "b"):
        ran.function(name, name)
    workflow = flow("root", "a", "b").connect("root", "a").connect("root", "b").build()
    assert await result_of(engine, workflow) == {"a": "a", "b": "b"}


def test_a_cycle_is_refused():
    """Cycles were never looked for."""
    with pytest.raises(InvalidWorkflow, match="a") as caught:
        flow("a", "b").connect("a", "b").connect("b", "a").build()
    assert {problem.code for problem in caught.value.problems} == {"cycle"}


async def test_nothing_is_written_for_an_unknown_workflow(engine: Engine, ran: Ran):
    """The execution was written before anything was checked."""
    ran.function("a")
    await engine.register_workflow(flow("a").build())
    with pytest.raises(NotFound, match="missing"):
        await engine.execute("missing", {})
    assert (await engine.list_executions()).items == ()


async def test_a_running_execution_keeps_its_version(engine: Engine, ran: Ran):
    """The definition was read again for each step, so registering changed what already ran."""
    started, go_on = asyncio.Event(), asyncio.Event()

    async def first(value: Any) -> Any:
        started.set()
        await go_on.wait()
        return value

    engine.registry.register_function("first", first)
    ran.function("old")
    ran.function("new")
    await engine.register_workflow(flow("first", "old").connect("first", "old").build())
    handle = await engine.execute("flow", 1)
    async with engine.worker():
        await asyncio.wait_for(started.wait(), 10)
        await engine.register_workflow(flow("first", "new").connect("first", "new").build())
        go_on.set()
        await handle.result(timeout=10)
    assert ran.names == ["old"]
    assert (await handle.execution()).version == 1


@pytest.mark.parametrize("error", [RuntimeError("boom"), SystemExit(3), RecursionError()])
async def test_no_error_of_a_step_ends_the_worker(engine: Engine, ran: Ran, error: BaseException):
    """A nil pointer in a node took the process down: nothing recovered."""

    def fail(value: Any) -> None:
        raise error

    ran.function("fail", fail)
    ran.function("fine")
    await engine.register_workflow(flow("fail", name="bad").build())
    await engine.register_workflow(flow("fine", name="good").build())
    async with engine.worker():
        with pytest.raises(ExecutionFailed):
            await (await engine.execute("bad")).result(timeout=10)
        assert await (await engine.execute("good", 7)).result(timeout=10) == 7


async def test_error_texts_are_no_metric_labels(engine: Engine, ran: Ran):
    """The text of the error was a label, so every new message made a new series."""

    def fail(value: Any) -> None:
        raise ValueError(f"unique text {value}")

    ran.function("fail", fail)
    with pytest.raises(ExecutionFailed, match="unique text 42"):
        await result_of(engine, flow("fail").build(), 42)
    text = engine.metrics.expose().decode()
    assert "redflow_workflows_failed_total" in text
    assert "unique text" not in text
