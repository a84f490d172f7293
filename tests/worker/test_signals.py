"""Signals: early, late, twice, in order, never; what the waiting step makes of them."""

from typing import Any

import pytest

from redflow.model.workflow import Workflow
from redflow.nodes.signal import SignalNode
from tests.worker import outside
from tests.worker.kit import Bench, Gate, until

NEVER_SWEEPS = {"sweep": 600.0, "lease": 60.0, "beat": 5.0}


def asking(**config: Any) -> Workflow:
    """A node that waits for the signal `paid`, then one that says what it was given."""
    builder = Workflow.builder("w").add_node("ask", "signal", name="paid", **config)
    builder = builder.add_node("after", "function", function="after").connect("ask", "after")
    return builder.build()


async def published(bench: Bench, workflow: Workflow) -> None:
    async def after(value):
        return value

    bench.function("after", after)
    await bench.publish(workflow)


async def asks(bench: Bench, execution: str) -> None:
    """Wait until the step waits."""

    async def waits() -> bool:
        return (await bench.read(execution)).letters() == "ask:w"

    await until(waits)


async def test_a_signal_reaches_the_step_that_waits_for_it(bench: Bench):
    await published(bench, asking())
    async with bench.working(**NEVER_SWEEPS) as worker:
        execution = await bench.execute("w", {"order": 7})
        await asks(bench, execution)
        assert worker.attempts.under_way == 0
        assert (await bench.read(execution)).steps["ask"].waiting_for == "paid"
        assert await outside.signal(bench, execution, "paid", {"by": "card"}) == "delivered"
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert run.status == "C"
    assert run.value("after") == {"by": "card"}
    assert run.steps["ask"].attempt == 1


async def test_a_signal_that_comes_first_is_kept(bench: Bench):
    await published(bench, asking())
    execution = await bench.execute("w")
    assert await outside.signal(bench, execution, "paid", 1) == "buffered"
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert run.value("after") == 1


async def test_a_signal_sent_twice_is_heard_once(bench: Bench):
    await published(bench, asking())
    async with bench.working(**NEVER_SWEEPS):
        execution = await bench.execute("w")
        await asks(bench, execution)
        assert await outside.signal(bench, execution, "paid", 1, id="x") == "delivered"
        assert await outside.signal(bench, execution, "paid", 2, id="x") == "dup"
        run = await bench.ended(execution)
    assert run.value("after") == 1


async def test_a_signal_for_what_has_ended_is_late(bench: Bench):
    await published(bench, asking())
    async with bench.working(**NEVER_SWEEPS):
        execution = await bench.execute("w")
        await asks(bench, execution)
        await outside.signal(bench, execution, "paid")
        await bench.ended(execution)
    assert await outside.signal(bench, execution, "paid", "again") == "late"


async def test_steps_that_wait_for_one_name_take_signals_in_turn(bench: Bench):
    builder = Workflow.builder("w")
    for name in "abc":
        builder = builder.add_node(name, "signal", name="go")
        if name != "a":
            builder = builder.connect(chr(ord(name) - 1), name)
    await bench.publish(builder.build())
    execution = await bench.execute("w")
    async with bench.working(**NEVER_SWEEPS):
        for number in (1, 2, 3):
            await outside.signal(bench, execution, "go", number)
        run = await bench.ended(execution)
    assert [run.value(name) for name in "abc"] == [1, 2, 3]


@pytest.mark.parametrize("size", [10, 5000], ids=["small", "large"])
@pytest.mark.parametrize("merge", [False, True])
async def test_data_of_any_size_comes_as_it_was_sent(bench: Bench, size, merge):
    """What is too large for a token is read by reference."""
    await published(bench, asking(merge=merge))
    execution = await bench.execute("w", {"order": 7, "note": "old"})
    data = {"note": "x" * size, "raw": b"\0"}
    await outside.signal(bench, execution, "paid", data, id="one")
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.ended(execution)
    assert run.value("after") == ({"order": 7, **data} if merge else data)


async def test_a_signal_that_does_not_come_fails_the_execution(bench: Bench):
    await published(bench, asking(timeout=0.03))
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("w")
        assert await bench.problems() == []
    assert run.status == "F"
    assert run.value("ask") == {
        "type": "TimeoutError",
        "message": "no signal 'paid' came within 0.03 s",
        "reason": "timeout",
        "attempts": 1,
    }


@pytest.mark.parametrize("comes", [True, False])
async def test_a_signal_that_does_not_come_may_take_a_label(bench: Bench, comes):
    builder = Workflow.builder("w").add_node("ask", "signal", timeout=0.05, on_timeout="late")
    for name, label in (("paid", None), ("late", "late")):
        builder = builder.add_node(name, "log", message=name)
        builder = builder.connect_if("ask", name, label) if label else builder.connect("ask", name)
    await bench.publish(builder.build())
    execution = await bench.execute("w", "given")
    if comes:
        await outside.signal(bench, execution, "ask", "data")
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert run.status == "C"
    assert run.letters() == ("ask:C late:S paid:C" if comes else "ask:C late:C paid:C")
    assert run.value("paid") == ("data" if comes else "given"), "a plain edge is always taken"


async def test_a_failure_edge_handles_a_signal_that_does_not_come(bench: Bench):
    async def handle(value):
        return value["error"]["reason"]

    bench.function("handle", handle)
    builder = Workflow.builder("w").add_node("ask", "signal", timeout=0.02)
    builder = builder.add_node("handle", "function", function="handle")
    await bench.publish(builder.connect_on("ask", "handle", "failure").build())
    async with bench.working(**NEVER_SWEEPS):
        run = await bench.run("w")
    assert (run.status, run.value("handle")) == ("C", "timeout")


async def test_a_step_deadline_ends_the_wait_for_a_signal(bench: Bench):
    builder = Workflow.builder("w").add_node("ask", "signal").with_deadline(0.05)
    await bench.publish(builder.build())
    async with bench.working(sweep=0.05):
        run = await bench.run("w")
        assert await outside.signal(bench, run.raw.id, "ask") == "late"
        assert await bench.problems() == []
    assert (run.status, run.value("ask")["reason"]) == ("F", "timeout")


async def test_a_finalizer_may_wait_for_a_signal_while_the_execution_fails(bench: Bench):
    async def fails(value):
        raise ValueError("no")

    bench.function("fails", fails)
    builder = Workflow.builder("w").add_node("fails", "function", function="fails")
    builder = builder.add_node("ask", "signal").connect_on("fails", "ask", "always")
    await bench.publish(builder.build())
    async with bench.working(**NEVER_SWEEPS):
        execution = await bench.execute("w")

        async def waits() -> bool:
            return (await bench.read(execution)).letters() == "fails:F ask:w"

        await until(waits)
        assert await outside.signal(bench, execution, "ask", "ok") == "delivered"
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert (run.status, run.value("ask")) == ("F", "ok")


async def test_an_operator_may_skip_what_waits_for_a_signal(bench: Bench):
    await published(bench, asking())
    async with bench.working(**NEVER_SWEEPS):
        execution = await bench.execute("w")
        await asks(bench, execution)
        assert await outside.skip(bench, execution, "ask", "by hand") == "ok"
        run = await bench.ended(execution)
    assert (run.status, run.value("after")) == ("C", "by hand")


async def test_a_resumed_step_may_run_on_another_worker(bench: Bench):
    """Who waited is not who goes on; and a worker that stops gives it back with what came."""
    gate = Gate()

    class Slow(SignalNode):
        async def execute(self, ctx, config):
            if ctx.resume is not None and ctx.worker_id == "first":
                await gate.passed()
            return await super().execute(ctx, config)

    bench.registry.types["signal"] = Slow()
    await published(bench, asking())
    async with bench.working(worker_id="first", **NEVER_SWEEPS):
        execution = await bench.execute("w")
        await asks(bench, execution)
        await outside.signal(bench, execution, "paid", "data")
        await until(lambda: gate.begun == 1)
    async with bench.working(worker_id="second", **NEVER_SWEEPS):
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert (run.status, run.value("after")) == ("C", "data")
    assert run.steps["ask"].releases == 1


async def test_what_ended_the_wait_but_cannot_be_read_fails_the_step(bench: Bench):
    await published(bench, asking())
    execution = await bench.execute("w")
    await outside.signal(bench, execution, "paid", "x" * 5000, id="one")
    partition = bench.space.keys.partition_of(execution)
    key = partition.execution(execution)

    async with bench.working() as worker:
        read = worker.attempts._read

        async def damaged(held: Any) -> None:
            if held.envelope.resume is not None:
                await bench.driver.raw("HSET", key, "r1", b"\x91\xa5never")
            await read(held)

        worker.attempts._read = damaged  # type: ignore[method-assign]
        run = await bench.ended(execution)
    assert run.status == "F"
    assert run.value("ask")["reason"] == "invalid_input"
    assert "what ended the wait of step 1" in run.value("ask")["message"]
