"""Paused executions and queues, and workers told to drain: nothing begins, what runs ends."""

import asyncio
from typing import Any

import pytest

from redflow.driver import Connector
from redflow.model.workflow import Workflow
from redflow.store.workers import drain_worker
from tests.worker import outside
from tests.worker.faults import Faults
from tests.worker.kit import Bench, Gate, chain, until, within

STILL = {"lease": 60.0, "beat": 15.0, "sweep": 0.2}
"""A beat that comes after the test: what is heard is heard by the channel."""


async def counting(bench: Bench, **node: Any) -> list[str]:
    """Publish a workflow whose step notes that it ran."""
    ran: list[str] = []

    async def work(ctx, value):
        ran.append(ctx.execution_id)

    await bench.one(work, **node)
    return ran


# --- executions


async def test_a_paused_execution_begins_nothing_and_finishes_what_runs(bench: Bench):
    gate = Gate()

    async def first(value):
        await gate.passed()
        return "first"

    async def second(value):
        return [value, "second"]

    bench.function("first", first)
    bench.function("second", second)
    await bench.publish(chain("w", ["first", "second"]))
    async with bench.working(**STILL):
        execution = await bench.execute("w")
        await until(lambda: gate.begun == 1)
        assert await outside.pause(bench, execution) == "ok"
        gate.opened.set()

        async def held() -> bool:
            return (await bench.read(execution)).letters() == "a:C b:h"

        await until(held)
        assert await outside.pause(bench, execution, on=False) == "ok"
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert (run.status, run.value("b")) == ("C", ["first", "second"])


async def test_a_step_that_is_ready_when_it_is_paused_is_held(bench: Bench):
    ran = await counting(bench)
    execution = await bench.execute("one")
    await outside.pause(bench, execution)
    async with bench.working(**STILL) as worker:
        await worker.pump.informed.wait()
        assert (await bench.read(execution)).letters() == "a:h"
        await outside.pause(bench, execution, on=False)
        await bench.ended(execution)
    assert ran == [execution]


WAITS: dict[str, tuple[str, dict[str, Any], str]] = {
    "timer": ("wait", {"duration": 0.02}, "given"),
    "signal": ("signal", {}, "signal"),
    "timeout": ("signal", {"timeout": 0.02, "on_timeout": "late"}, "given"),
    "child": ("subworkflow", {"workflow": "child"}, "child"),
}


@pytest.mark.parametrize("ends", WAITS)
async def test_what_ends_a_wait_during_a_pause_is_kept_until_it_goes_on(bench: Bench, ends):
    kind, config, output = WAITS[ends]
    gate = Gate()

    async def work(value):
        await gate.passed()
        return "child"

    await bench.publish(Workflow.builder("w").add_node("a", kind, **config).build())
    await bench.one(work, "child")
    execution = await bench.execute("w", "given")
    partition = bench.space.keys.partition_of(execution)

    async def stands_as(kinds: str) -> bool:
        return (await bench.read(execution)).steps["a"].kind in kinds

    async def held() -> bool:
        await outside.carry_out(bench, partition, [f"{kind}:{execution}:1" for kind in "wp"])
        return await stands_as("h")

    async with bench.working(**STILL) as worker:
        await worker._end(*worker._tasks[3:5])  # sweeper and timers: the test says when
        await until(lambda: stands_as("twk"))
        assert await outside.pause(bench, execution) == "ok"
        if ends == "signal":
            assert await outside.signal(bench, execution, "a", "signal") == "delivered"
        gate.opened.set()
        await until(held)
        await outside.pause(bench, execution, on=False)
        run = await bench.ended(execution)
        assert await bench.problems() == []
    assert (run.status, run.value("a")) == ("C", output)


async def test_a_paused_execution_can_be_cancelled(bench: Bench):
    ran = await counting(bench)
    execution = await bench.execute("one")
    await outside.pause(bench, execution)
    assert await outside.cancel(bench, execution) == "ok"
    assert (await bench.read(execution)).status == "X"
    assert ran == []


# --- queues


@pytest.mark.parametrize("name", ["default", "*"])
async def test_a_paused_queue_is_left_alone_until_it_goes_on(bench: Bench, name):
    """Both are heard at once; the blocking read under way gives back what it wins."""
    ran = await counting(bench)
    async with bench.working(interval=0.5, **STILL) as worker:
        await worker.control.listening.wait()
        await worker.pump.informed.wait()
        await outside.pause_queue(bench, name)
        await until(lambda: worker.pump.open_queues == [])
        execution = await bench.execute("one")
        turns = worker.reader.turns
        await until(lambda: worker.reader.turns >= turns + 3)
        assert (ran, worker.pump.room()) == ([], 0)

        async def nobodys() -> bool:
            return (await bench.read(execution)).steps["a"].worker is None

        await until(nobodys)
        await outside.pause_queue(bench, name, on=False)
        await bench.ended(execution, seconds=5.0)
    assert ran == [execution]
    assert await bench.problems() == []


async def test_without_the_channel_a_pause_comes_with_the_beat(bench: Bench, connector: Connector):
    faults = Faults(connector)
    faults.on("listen", "refuse", times=1000)
    await counting(bench)
    async with bench.working(faults, lease=60.0, beat=0.05) as worker:
        await worker.pump.informed.wait()
        await outside.pause_queue(bench, "default")
        await until(lambda: worker.pump.open_queues == [])
        await outside.pause_queue(bench, "default", on=False)
        await until(lambda: worker.pump.open_queues == ["default"])


async def test_other_queues_of_a_worker_go_on(bench: Bench):
    ran = await counting(bench, queue="mail")
    quiet = await bench.publish(chain("quiet", ["one"]))
    async with bench.working(queues=("default", "mail"), **STILL) as worker:
        await worker.control.listening.wait()
        await worker.pump.informed.wait()
        await outside.pause_queue(bench, "default")
        await until(lambda: worker.pump.open_queues == ["mail"])
        held = await bench.execute("quiet")
        ids = await bench.execute_all("one", [f"m{number}" for number in range(20)])
        for one in ids:
            await bench.ended(one, "one")
        assert sorted(ran) == sorted(ids)
        assert (await bench.read(held, "quiet")).steps["a"].kind == "q"
        assert quiet.queues == ["default"]
        await outside.pause_queue(bench, "default", on=False)
        await bench.ended(held, "quiet")


async def test_a_worker_that_begins_while_a_queue_is_paused_claims_nothing(bench: Bench):
    ran = await counting(bench)
    await outside.pause_queue(bench, "default")
    execution = await bench.execute("one")
    async with bench.working(**STILL) as worker:
        await worker.pump.informed.wait()
        turns = worker.reader.turns
        await until(lambda: worker.reader.turns >= turns + 3)
        assert ran == []
    assert (await bench.read(execution)).steps["a"].releases == 0


async def test_what_a_read_under_way_wins_of_a_paused_queue_is_given_back(bench: Bench):
    """It waits for all queues that were open when it began."""
    ran = await counting(bench)
    async with bench.working(interval=2.0, **STILL) as worker:
        await worker.control.listening.wait()
        await until(lambda: worker.reader.turns >= 1)
        await outside.pause_queue(bench, "default")
        await until(lambda: worker.pump.open_queues == [])
        execution = await bench.execute("one")

        async def ready() -> bool:
            return not await bench.pending() and not worker.attempts.claims

        turns = worker.reader.turns
        await until(lambda: worker.reader.turns >= turns + 3)
        await until(ready)
        assert (ran, worker.attempts.under_way) == ([], 0)
        await outside.pause_queue(bench, "default", on=False)
        run = await bench.ended(execution, seconds=5.0)
    assert ran == [execution]
    assert (run.steps["a"].attempt, run.steps["a"].deliveries) == (1, 0)


# --- drain


async def test_a_worker_that_is_told_to_drain_finishes_and_ends(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work)
    worker = bench.worker(worker_id="old", lease=60.0, beat=0.05, drain=5.0)
    running = asyncio.create_task(worker.run())
    first = await bench.execute("one")
    await until(lambda: gate.begun == 1)
    assert await bench.driver.run(drain_worker(bench.space, "old")) == "ok"
    await until(lambda: not worker.pump.accepting)
    second = await bench.execute("one")
    assert not running.done()
    gate.opened.set()
    await within(running)
    assert (await bench.read(first)).status == "C"
    assert (await bench.read(second)).letters() == "a:q", "it claimed nothing more"
    assert await bench.driver.run(drain_worker(bench.space, "old")) == "gone"


async def test_a_worker_gives_back_what_it_cannot_finish_while_it_drains(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work)
    worker = bench.worker(worker_id="old", lease=60.0, beat=0.05, drain=0.05)
    running = asyncio.create_task(worker.run())
    execution = await bench.execute("one")
    await until(lambda: gate.begun == 1)
    await bench.driver.run(drain_worker(bench.space, "old"))
    await within(running)
    step = (await bench.read(execution)).steps["a"]
    assert (step.kind, step.worker, gate.cancelled) == ("q", None, 1)
