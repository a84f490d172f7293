"""Compensation: what is undone, in which order, with which input, and what may go wrong in it."""

from itertools import pairwise
from typing import Any

import pytest

from redflow.driver import Connector
from redflow.model.outcome import Fail
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from tests.worker import outside
from tests.worker.faults import Faults
from tests.worker.kit import Bench, Gate, until

QUICK = {"lease": 60.0, "beat": 0.05, "sweep": 0.05}


@pytest.fixture
def undone(bench: Bench) -> list[tuple[str, Any]]:
    """Return what the function `undo` was called for, and with what."""
    calls: list[tuple[str, Any]] = []

    async def undo(ctx, value):
        calls.append((ctx.node_id, value))

    bench.function("undo", undo)
    return calls


def saga(*nodes: tuple[str, str], undo: str = "undo", **options: Any) -> Workflow:
    """A chain of nodes that call functions, each undone by the function `undo`.

    A node is its id and how it is undone: started, completed, attempted, or "" for not at all.
    """
    builder = Workflow.builder("w")
    for name, when in nodes:
        builder = builder.add_node(name, "function", function=name)
        if "timeout" in options and name == nodes[-1][0]:
            builder = builder.with_timeout(options["timeout"])
        if when:
            builder = builder.with_saga("back", when)  # type: ignore[arg-type]
    for (source, _), (target, _) in pairwise(nodes):
        builder = builder.connect(source, target)
    builder = builder.add_node("back", "function", function=undo)
    if options.get("retry"):
        builder = builder.with_retry(options["retry"])
    return builder.build()


async def passes(value):
    return value + 1


async def fails(value):
    raise ValueError("the cause")


async def test_what_completed_is_undone_in_reverse_order_with_what_it_was_given(
    bench: Bench, undone
):
    for name in "ab":
        bench.function(name, passes)
    bench.function("c", fails)
    await bench.publish(saga(("a", "started"), ("b", "started"), ("c", "started")))
    async with bench.working(**QUICK):
        run = await bench.run("w", 1)
        assert await bench.problems() == []
    assert run.status == "F"
    assert undone == [
        ("b~undo", {"input": 2, "output": 3, "error": None, "certain": True}),
        ("a~undo", {"input": 1, "output": 2, "error": None, "certain": True}),
    ]
    assert run.letters() == "a:C b:C c:F a~undo:C b~undo:C"
    assert (run.raw.undo_total, run.raw.undo_left) == (2, 0)


async def test_a_step_that_failed_by_itself_is_undone_only_if_asked(bench: Bench, undone):
    bench.function("a", passes)
    bench.function("c", fails)
    await bench.publish(saga(("a", ""), ("c", "attempted")))
    async with bench.working(**QUICK):
        await bench.run("w", 1)
    ((node, value),) = undone
    assert (node, value["input"], value["output"], value["certain"]) == ("c~undo", 2, None, False)
    assert value["error"]["message"] == "the cause"


@pytest.mark.parametrize(("when", "count"), [("completed", 0), ("started", 1), ("attempted", 1)])
async def test_a_step_that_timed_out_may_have_done_something(bench: Bench, undone, when, count):
    gate = Gate()

    async def slow(value):
        await gate.passed()

    bench.function("a", slow)
    await bench.publish(saga(("a", when), timeout=0.03))
    async with bench.working(**QUICK):
        run = await bench.run("w", 1)
        assert await bench.problems() == []
    assert (run.status, gate.cancelled, len(undone)) == ("F", 1, count)
    for _, value in undone:
        assert (value["certain"], value["error"]["reason"]) == (False, "timeout")


async def test_a_step_cut_short_by_a_cancel_is_undone_before_the_end(bench: Bench, undone):
    gate = Gate()

    async def slow(value):
        await gate.passed()

    bench.function("a", passes)
    bench.function("b", slow)
    await bench.publish(saga(("a", "started"), ("b", "started")))
    async with bench.working(**QUICK):
        execution = await bench.execute("w", 1)
        await until(lambda: gate.begun == 1)
        await outside.cancel(bench, execution)
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert run.status == "X"
    assert [(node, value["certain"]) for node, value in undone] == [
        ("b~undo", False),
        ("a~undo", True),
    ]
    assert undone[0][1] == {"input": 2, "output": None, "error": None, "certain": False}


async def test_a_step_that_never_began_is_not_undone(bench: Bench, undone):
    bench.function("a", passes)
    bench.function("b", passes, queue="nobody")
    await bench.publish(saga(("a", "started"), ("b", "started")))
    async with bench.working(**QUICK):
        execution = await bench.execute("w", 1)

        async def ready() -> bool:
            return (await bench.read(execution)).letters() == "a:C b:q"

        await until(ready)
        await outside.cancel(bench, execution)
        await bench.ended(execution)
    assert [node for node, _ in undone] == ["a~undo"]


async def test_a_step_given_back_before_it_ran_is_not_undone(bench: Bench, undone):
    """Nobody offers its function: whatever happens later, it has not begun."""
    bench.function("a", passes)
    await bench.publish(saga(("a", "started"), ("b", "started")))
    async with bench.working(**QUICK):
        execution = await bench.execute("w", 1)

        async def released() -> bool:
            return (await bench.read(execution)).letters() == "a:C b:t"

        await until(released)
        await outside.cancel(bench, execution)
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert [node for node, _ in undone] == ["a~undo"]
    assert run.steps["b"].kind == "X"


async def test_what_an_operator_skipped_in_the_middle_is_uncertain(bench: Bench, undone):
    gate = Gate()

    async def slow(value):
        await gate.passed()

    bench.function("a", slow)
    bench.function("c", fails)
    await bench.publish(saga(("a", "started"), ("c", "")))
    async with bench.working(**QUICK):
        execution = await bench.execute("w", 1)
        await until(lambda: gate.begun == 1)
        assert await outside.skip(bench, execution, "a", 5) == "ok"
        run = await bench.ended(execution)
        gate.opened.set()
        assert await bench.problems() == []
    assert run.status == "F"
    assert undone == [("a~undo", {"input": 1, "output": 5, "error": None, "certain": False})]


async def test_a_step_given_back_while_it_ran_is_undone(bench: Bench, undone):
    """Its worker stopped in the middle of it, and nobody took it up again."""
    gate = Gate()

    async def slow(value):
        await gate.passed()

    bench.function("a", passes)
    bench.function("b", slow)
    await bench.publish(saga(("a", ""), ("b", "started")))
    async with bench.working(**QUICK):
        execution = await bench.execute("w", 1)
        await until(lambda: gate.begun == 1)
    assert (await bench.read(execution)).letters() == "a:C b:q"
    await outside.cancel(bench, execution)
    async with bench.working(**QUICK):
        await bench.ended(execution)
    assert [(node, value["certain"]) for node, value in undone] == [("b~undo", False)]


async def test_a_failing_compensation_does_not_keep_the_others(bench: Bench):
    tried: list[tuple[str, int]] = []

    async def undo(ctx, value):
        tried.append((ctx.node_id, ctx.attempt))
        if ctx.node_id == "b~undo":
            raise OSError("cannot")

    for name in "ab":
        bench.function(name, passes)
    bench.function("c", fails)
    bench.function("undo", undo)
    retry = RetryPolicy(2, initial_interval=0.001, jitter="none")
    await bench.publish(saga(("a", "started"), ("b", "started"), ("c", ""), retry=retry))
    async with bench.working(**QUICK):
        run = await bench.run("w", 1)
        assert await bench.problems() == []
    assert tried == [("b~undo", 1), ("b~undo", 2), ("a~undo", 1)]
    assert run.status == "F"
    assert (run.steps["b~undo"].kind, run.steps["a~undo"].kind) == ("F", "C")
    assert run.raw.error is not None
    assert b"the cause" in run.raw.error, "the first failure stays the reason"


async def test_a_compensation_under_way_is_not_stopped_by_anything(
    bench: Bench, connector: Connector
):
    """Neither a cancel that comes late nor the word of its lease ends it."""
    gate = Gate()

    async def undo(value):
        await gate.passed()

    bench.function("a", passes)
    bench.function("c", fails)
    bench.function("undo", undo)
    await bench.publish(saga(("a", "started"), ("c", "")))
    faults = Faults(connector)
    async with bench.working(faults, **QUICK):
        execution = await bench.execute("w", 1)
        await until(lambda: gate.begun == 1)
        assert await outside.cancel(bench, execution) == "late"
        partition = bench.space.keys.partition_of(execution)
        # As if it were still stopping: what its lease says then is "stop".
        await bench.driver.raw("ZADD", partition.permanent["stopping"], 1, execution)
        await bench.driver.raw("PUBLISH", f"{partition.prefix}control", f"stop {execution}")
        asked = faults.calls["extend_leases"]
        await until(lambda: faults.calls["extend_leases"] >= asked + 3)
        assert gate.cancelled == 0
        await bench.driver.raw("ZREM", partition.permanent["stopping"], execution)
        gate.opened.set()
        run = await bench.ended(execution)
    assert (run.status, run.steps["a~undo"].kind) == ("F", "C")


async def test_finalizers_run_before_the_saga(bench: Bench, undone):
    async def last(ctx, value):
        undone.append((ctx.node_id, value["status"]))

    bench.function("a", passes)
    bench.function("c", fails)
    bench.function("last", last)
    workflow = saga(("a", "started"), ("c", ""))
    builder = Workflow.builder("w")
    for node in workflow.nodes:
        builder = builder.add_node(node.id, node.type, **node.config)
        if node.compensation:
            builder = builder.with_saga(node.compensation)
    builder = builder.connect("a", "c").add_node("last", "function", function="last")
    await bench.publish(builder.connect_on("c", "last", "always").build())
    async with bench.working(**QUICK):
        run = await bench.run("w", 1)
        assert await bench.problems() == []
    assert run.status == "F"
    assert [node for node, _ in undone] == ["last", "a~undo"]


async def test_a_completed_execution_undoes_nothing(bench: Bench, undone):
    for name in "ab":
        bench.function(name, passes)
    await bench.publish(saga(("a", "started"), ("b", "attempted")))
    async with bench.working(**QUICK):
        run = await bench.run("w", 1)
    assert (run.status, undone) == ("C", [])


async def test_a_worker_that_dies_in_a_compensation_hands_it_on(bench: Bench):
    gate = Gate()

    async def undo(ctx, value):
        if ctx.worker_id == "first":
            await gate.passed()

    async def refuses(value):
        raise Fail("no")

    bench.function("a", passes)
    bench.function("c", refuses)
    bench.function("undo", undo)
    await bench.publish(saga(("a", "started"), ("c", "")))
    async with bench.working(worker_id="first", **QUICK):
        execution = await bench.execute("w", 1)
        await until(lambda: gate.begun == 1)
    async with bench.working(worker_id="second", **QUICK):
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert (run.status, run.steps["a~undo"].kind) == ("F", "C")


async def test_a_child_is_undone_only_by_its_own_node(bench: Bench, undone):
    await bench.one(passes, "child")
    bench.function("c", fails)
    builder = Workflow.builder("w").add_node("sub", "subworkflow", workflow="child")
    builder = builder.with_saga("back").add_node("c", "function", function="c").connect("sub", "c")
    await bench.publish(builder.add_node("back", "function", function="undo").build())
    async with bench.working(**QUICK):
        run = await bench.run("w", 1)
        child = await bench.read(f"{run.raw.id}.sub", "child")
        assert await bench.problems() == []
    assert undone == [
        ("sub~undo", {"input": 1, "output": 2, "error": None, "certain": True}),
    ]
    assert (run.status, child.status) == ("F", "C")
