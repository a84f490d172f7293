"""The input of a step: its shape by edge, from the token and by reference."""

import pytest

from redflow.driver import AsyncDriver, Connector
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.store.space import Limits
from tests.worker.kit import Bench, until

WORKFLOW = Workflow.builder


def echo_bench(bench: Bench) -> dict[str, object]:
    """Register functions whose inputs are kept by node id."""
    seen: dict[str, object] = {}

    async def echo(ctx, value):
        seen[ctx.node_id] = value
        return {"from": ctx.node_id}

    async def fail(ctx, value):
        seen[ctx.node_id] = value
        raise ValueError("broken")

    async def big(ctx, value):
        seen[ctx.node_id] = value
        return ctx.node_id * value["size"]

    for function in (echo, fail, big):
        bench.function(function.__name__, function)
    return seen


def node(builder, name, function="echo", **options):
    return builder.add_node(name, "function", **options).with_config("function", function)


async def test_roots_see_the_input_and_a_child_its_parents_output(bench: Bench):
    seen = echo_bench(bench)
    builder = node(node(WORKFLOW("w"), "a"), "b").connect("a", "b")
    await bench.publish(builder.build())
    async with bench.working():
        await bench.run("w", {"order": 7})
    assert seen == {"a": {"order": 7}, "b": {"from": "a"}}


async def test_a_join_sees_a_map_by_parent(bench: Bench):
    seen = echo_bench(bench)
    builder = node(node(node(WORKFLOW("w"), "a"), "b"), "join").connect("a", "join")
    await bench.publish(builder.connect("b", "join").build())
    async with bench.working():
        await bench.run("w")
    assert seen["join"] == {"a": {"from": "a"}, "b": {"from": "b"}}


async def test_a_join_leaves_out_parents_that_gave_nothing(bench: Bench):
    seen = echo_bench(bench)
    builder = node(node(WORKFLOW("w"), "a"), "broken", "fail")
    builder = node(node(builder, "handler"), "join", join="any_outcome")
    builder = builder.connect("a", "join").connect("broken", "join")
    await bench.publish(builder.connect_on("broken", "handler", "failure").build())
    async with bench.working():
        run = await bench.run("w")
    assert run.status == "C"
    assert seen["join"] == {"a": {"from": "a"}}


async def test_a_failure_edge_gives_the_input_and_the_error(bench: Bench):
    seen = echo_bench(bench)
    builder = node(node(WORKFLOW("w"), "a", "fail"), "handler").connect_on(
        "a", "handler", "failure"
    )
    await bench.publish(builder.build())
    async with bench.working():
        run = await bench.run("w", {"order": 7})
    error = {"type": "ValueError", "message": "broken", "reason": "error", "attempts": 1}
    assert seen["handler"] == {"input": {"order": 7}, "error": error}
    assert run.status == "C", "handled"


@pytest.mark.parametrize("function", ["echo", "fail"])
async def test_an_always_edge_gives_status_output_and_error(bench: Bench, function):
    seen = echo_bench(bench)
    builder = node(node(WORKFLOW("w"), "a", function), "last").connect_on("a", "last", "always")
    await bench.publish(builder.build())
    async with bench.working():
        run = await bench.run("w")
        assert await bench.problems() == []
    error = {"type": "ValueError", "message": "broken", "reason": "error", "attempts": 1}
    expected = {
        "echo": {"status": "COMPLETED", "output": {"from": "a"}, "error": None},
        "fail": {"status": "FAILED", "output": None, "error": error},
    }
    assert seen["last"] == expected[function]
    assert run.status == ("C" if function == "echo" else "F")
    assert run.steps["last"].kind == "C", "a finalizer runs while the execution fails"


async def test_a_value_over_two_kibibytes_goes_by_reference(bench: Bench):
    seen = echo_bench(bench)
    builder = node(node(WORKFLOW("w"), "a", "big"), "b").connect("a", "b")
    await bench.publish(builder.build())
    async with bench.working():
        await bench.run("w", {"size": 5000, "filler": "x" * 3000})
    assert seen["a"] == {"size": 5000, "filler": "x" * 3000}
    assert seen["b"] == "a" * 5000


async def test_values_over_eight_kibibytes_together_go_by_reference(bench: Bench):
    seen = echo_bench(bench)
    builder = node(WORKFLOW("w"), "join")
    for name in "abcde":
        builder = node(builder, name, "big").connect(name, "join")
    await bench.publish(builder.build())
    async with bench.working():
        await bench.run("w", {"size": 1800})
    assert seen["join"] == {name: name * 1800 for name in "abcde"}


async def test_more_than_64_parents_go_by_reference(bench: Bench):
    seen = echo_bench(bench)
    names = [f"p{number}" for number in range(65)]
    builder = node(WORKFLOW("w"), "join")
    for name in names:
        builder = node(builder, name).connect(name, "join")
    await bench.publish(builder.build())
    async with bench.working():
        run = await bench.run("w")
    assert seen["join"] == {name: {"from": name} for name in names}
    assert run.steps["join"].attempt == 1


async def test_a_join_over_its_limit_fails_and_is_named(bench: Bench, monkeypatch):
    monkeypatch.setattr("redflow.worker.inputs.defaults.JOIN_LIMIT", 9000)
    seen = echo_bench(bench)
    builder = node(WORKFLOW("w"), "join")
    for name in "ab":
        builder = node(builder, name, "big").connect(name, "join")
    await bench.publish(builder.build())
    async with bench.working():
        run = await bench.run("w", {"size": 5000})
    assert "join" not in seen
    error = run.value("join")
    assert error["reason"] == "input_too_large"
    assert "'join'" in error["message"]
    assert "9,000 bytes" in error["message"]


async def test_a_retry_and_a_released_step_see_the_same_input_again(bench: Bench):
    seen: list[object] = []

    async def again(ctx, value):
        seen.append(value)
        if ctx.attempt == 1:
            raise OSError("once")

    await bench.one(again, retry=RetryPolicy(2, initial_interval=0.001, jitter="none"))
    async with bench.working():
        await bench.run("one", {"order": 7})
    assert seen == [{"order": 7}] * 2


async def test_everything_by_reference_gives_the_same(
    connector: Connector, driver: AsyncDriver, namespace: str
):
    """Limits of nothing: no value travels with a token."""
    bench = Bench(
        connector, driver, namespace, limits=Limits(inline_value=0, inline_total=0, edge_budget=2)
    )
    seen = echo_bench(bench)
    builder = node(node(node(WORKFLOW("w"), "a"), "b"), "join").connect("a", "join")
    await bench.publish(builder.connect("b", "join").build())
    async with bench.working():
        await bench.run("w", 5)
    assert seen == {"a": 5, "b": 5, "join": {"a": {"from": "a"}, "b": {"from": "b"}}}


async def test_a_step_whose_plan_is_lost_is_given_back_and_hurts_nobody(bench: Bench):
    ran: list[str] = []

    async def fine(ctx, value):
        ran.append(ctx.execution_id)
        return value

    await bench.one(fine)
    lost = await bench.one(fine, "lost")
    mine, partition = await bench.execute("one", id="x1"), bench.space.keys.partition_of("x1")
    other = bench.id_in(partition.number)
    await bench.execute("lost", id=other)
    await bench.driver.raw("DEL", partition.plan(lost.hash))
    async with bench.working() as worker:
        assert (await bench.ended(mine, "one")).status == "C"
        more = await bench.execute_all(
            "one", [bench.id_in(partition.number, "m") for _ in range(20)]
        )
        for execution in more:
            assert (await bench.ended(execution, "one")).status == "C"
        assert sorted(ran) == sorted([mine, *more]), "each ran once"
        await until(lambda: not worker.attempts.under_way)
        assert not any(task.done() for task in worker._tasks), "no part of the worker has ended"


@pytest.mark.parametrize("field", ["input", "s1"])
async def test_a_value_that_is_gone_fails_the_step_not_the_worker(bench: Bench, field):
    gone = Bench(
        bench.connector,
        bench.driver,
        bench.space.keys.namespace,
        limits=Limits(inline_value=0, inline_total=0),
    )

    async def deletes(ctx, value):
        if value == "delete":
            key = bench.space.keys.partition_of(ctx.execution_id).execution(ctx.execution_id)
            await bench.driver.raw("HSET", key, field, "garbage")
        return value

    gone.function("deletes", deletes)
    builder = node(node(node(WORKFLOW("w"), "a", "deletes"), "b", "deletes"), "c", "deletes")
    builder = builder.connect("a", "b").connect("b", "c").connect("a", "c")
    await gone.publish(builder.build())
    async with gone.working() as worker:
        await gone.execute("w", "delete")
        assert (await gone.run("w", "keep")).status == "C"
        await until(lambda: not worker.attempts.under_way)
        assert not any(task.done() for task in worker._tasks)


async def test_an_input_that_makes_no_sense_fails_the_step_not_the_worker(
    bench: Bench, monkeypatch, caplog
):
    """As a token would that an unknown version of redflow has written."""

    async def fine(value):
        return value

    await bench.one(fine)
    async with bench.working() as worker:
        assert (await bench.run("one", 1)).status == "C"
        with monkeypatch.context() as planted:
            planted.setattr("redflow.worker.attempts.travelled_input", _broken)
            run = await bench.run("one", 2)
        assert run.value("a")["reason"] == "invalid_input"
        assert "makes no sense" in caplog.text
        assert (await bench.run("one", 3)).value("a") == 3
        assert not any(task.done() for task in worker._tasks)


def _broken(held, prepared):
    raise KeyError("planted")
