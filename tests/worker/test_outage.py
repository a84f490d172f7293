"""Outages and lost replies: nothing is lost, and nothing runs or is recorded twice."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from redflow.driver import Connector
from redflow.errors import Misconfigured, OutOfMemory, StoreError, Unavailable
from redflow.model.retry import RetryPolicy
from redflow.worker import outage
from redflow.worker.outage import Outage
from tests.worker.faults import Faults
from tests.worker.kit import Bench, Gate, chain, until, within


@pytest.fixture(autouse=True)
def _no_long_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LONGEST", 0.02)
    monkeypatch.setattr(outage, "FIRST", 0.005)


@pytest.fixture
def faults(connector: Connector) -> Faults:
    return Faults(connector)


class Ran(Counter[str]):
    """How often each step ran."""

    async def work(self, ctx: Any, value: Any) -> str:
        self[f"{ctx.execution_id}:{ctx.node_id}"] += 1
        return ctx.node_id


async def chains(bench: Bench, ran: Ran, number: int) -> list[str]:
    bench.function("work", ran.work)
    await bench.publish(chain("w", ["work", "work", "work"]))
    return await bench.execute_all("w", [f"x{n}" for n in range(number)])


async def check_each_ran_once(bench: Bench, ran: Ran, ids: list[str]) -> None:
    for execution in ids:
        run = await bench.read(execution)
        assert run.letters() == "a:C b:C c:C"
        assert [step.deliveries for step in run.steps.values()] == [0, 0, 0]
    assert set(ran.values()) == {1}, {step: n for step, n in ran.items() if n > 1}
    assert len(ran) == 3 * len(ids)
    assert await bench.problems() == []


async def test_outcomes_survive_an_outage_and_are_recorded_afterwards(bench: Bench, faults: Faults):
    gate, ran = Gate(), []

    async def work(ctx, value):
        ran.append(ctx.execution_id)
        await gate.passed()
        return "kept"

    await bench.one(work)
    ids = await bench.execute_all("one", [f"x{n}" for n in range(10)])
    async with bench.working(faults) as worker:
        await until(lambda: gate.begun == 10)
        faults.down = True
        gate.opened.set()
        await until(lambda: faults.failed["advance"] >= 5 and faults.failed["read_group"] >= 1)
        assert len(worker.attempts.claims) == 10, "held until Redis has acknowledged them"
        assert await bench.unfinished() == 10
        faults.down = False
        await bench.all_ended()
        assert not worker.attempts.claims
        assert not worker.pump.outage.active
        assert worker.pump.fenced == 0
    assert [(await bench.read(execution)).value("a") for execution in ids] == ["kept"] * 10
    assert len(ran) == 10


async def test_work_that_arrives_during_an_outage_runs_after_it(bench: Bench, faults: Faults):
    ran = Ran()
    async with bench.working(faults):
        faults.down = True
        await until(lambda: faults.failed["read_group"] + faults.failed["list_due"] >= 2)
        ids = await chains(bench, ran, 5)
        faults.down = False
        await bench.all_ended()
    await check_each_ran_once(bench, ran, ids)


@pytest.mark.parametrize(("call", "times"), [("advance", 3), ("read_group", 1)])
async def test_a_lost_reply_loses_and_repeats_nothing(bench: Bench, faults: Faults, call, times):
    """What it recorded is answered dup or stale; what it claimed stands in the pending list."""
    ran = Ran()
    ids = await chains(bench, ran, 30)
    faults.on(call, "lose", times=times)
    async with bench.working(faults) as worker:
        await bench.all_ended()
        assert faults.all_done
        assert worker.pump.fenced == 0, "nothing of this is a lost lease"
        await until(lambda: not worker.attempts.claims)
    await check_each_ran_once(bench, ran, ids)


async def test_every_call_may_lose_its_reply(bench: Bench, faults: Faults):
    ran = Ran()
    for call in ("advance", "read_group", "list_due", "extend_leases", "put_worker"):
        faults.on(call, "lose", times=2)
        faults.on(call, "refuse", times=2)
    for call in ("read_plan", "read_pending"):
        faults.on(call, "refuse", times=1)
    async with bench.working(faults, sweep=0.05, beat=0.05, concurrency=4) as worker:
        ids = await chains(bench, ran, 30)
        await bench.all_ended()
        await until(lambda: faults.calls["put_worker"] > 4)
        assert worker.pump.fenced == 0
    for execution in ids:
        assert (await bench.read(execution)).letters() == "a:C b:C c:C"
    assert max(ran.values()) == 1
    assert await bench.problems() == []


async def test_retries_and_releases_whose_reply_is_lost_are_not_counted_as_fenced(
    bench: Bench, faults: Faults
):
    attempts: list[int] = []

    async def flaky(ctx, value):
        attempts.append(ctx.attempt)
        faults.on("advance", "lose")
        if ctx.attempt == 1:
            raise OSError("again")
        return "done"

    await bench.one(flaky, retry=RetryPolicy(2, initial_interval=0.001, jitter="none"))
    async with bench.working(faults) as worker:
        run = await bench.run("one")
        await until(lambda: not worker.attempts.claims)
        assert worker.pump.fenced == 0
        assert not worker.pump.outage.ambiguous, "and nothing is remembered for ever"
    assert run.status == "C"
    assert attempts == [1, 2]


async def test_more_unheard_steps_than_one_page_are_all_adopted(bench: Bench, faults: Faults):
    ran = Ran()
    faults.on("read_group", "hold")
    async with bench.working(faults) as worker:
        await within(faults.held.wait())
        bench.function("work", ran.work)
        await bench.publish(chain("w", ["work", "work", "work"]))
        ids = [bench.id_in(0) for _ in range(120)]
        await bench.execute_all("w", ids)
        ready = bench.space.keys.partition(0).ready("default")
        await bench.driver.read_group(
            [ready], group="workers", consumer=worker.id, count=200, block_ms=0
        )
        worker.pump.outage.lost_reply = True
        faults.go.set()
        await bench.all_ended()
    await check_each_ran_once(bench, ran, ids)


async def test_adopting_waits_for_calls_in_flight(bench: Bench, faults: Faults):
    """Else what such a call settles would be found pending, held no more, and run again."""
    ran = Ran()
    ids = await chains(bench, ran, 1)
    faults.on("advance", "hold")
    async with bench.working(faults) as worker:
        await within(faults.held.wait())
        unheard = asyncio.create_task(worker.reader.unheard())
        await asyncio.sleep(0)
        assert faults.calls["read_pending"] == 0
        faults.go.set()
        assert await within(unheard) == []
        await bench.all_ended()
    await check_each_ran_once(bench, ran, ids)


@pytest.mark.parametrize("error", [Misconfigured("NOPERM"), OutOfMemory("OOM"), Unavailable("x")])
async def test_nothing_is_given_up_for_what_may_be_put_right(bench: Bench, faults: Faults, error):
    ran = Ran()
    faults.on("advance", error, times=4)
    async with bench.working(faults):
        ids = await chains(bench, ran, 5)
        await bench.all_ended()
    await check_each_ran_once(bench, ran, ids)


async def test_of_a_refused_batch_only_the_outcome_at_fault_is_given_up(
    bench: Bench, faults: Faults
):
    gate, ran = Gate(), Counter[str]()

    async def work(ctx, value):
        ran[ctx.execution_id] += 1
        if ran[ctx.execution_id] == 1:
            await gate.passed()
        return "done"

    await bench.one(work)
    bad, *good = await bench.execute_all("one", [bench.id_in(0) for _ in range(8)])
    key = bench.space.keys.partition(0).execution(bad)
    faults.on("advance", StoreError("WRONGTYPE"), times=2, only=lambda op: key in op.keys)
    async with bench.working(faults) as worker:
        await until(lambda: gate.begun == 8)
        gate.opened.set()
        for execution in good:
            assert (await bench.ended(execution)).status == "C"
        await until(lambda: not worker.attempts.claims)
        assert (await bench.read(bad)).status is None
        await bench.silence()
        assert (await bench.ended(bad)).status == "C"
    assert ran == {bad: 2, **dict.fromkeys(good, 1)}
    assert await bench.problems() == []


async def test_a_reply_that_cannot_be_read_is_like_one_that_was_lost(bench: Bench, faults: Faults):
    ran = Ran()
    faults.on("advance", ValueError("not MessagePack"), times=2)
    async with bench.working(faults) as worker:
        ids = await chains(bench, ran, 5)
        await bench.all_ended()
        assert worker.pump.fenced == 0
    await check_each_ran_once(bench, ran, ids)


async def test_an_entry_that_cannot_be_read_hurts_nobody(bench: Bench):
    ran = Ran()
    async with bench.working() as worker:
        ids = await chains(bench, ran, 1)
        await bench.all_ended()
        ready = bench.space.keys.partition(0).ready("default")
        await bench.driver.raw("XADD", ready, "*", "e", "garbage")
        ids += await bench.execute_all("w", [bench.id_in(0), bench.id_in(1)])
        await bench.all_ended()
        assert not any(task.done() for task in worker._tasks)
    (token,) = [token.split(":")[1] for token in await bench.pending()]
    await bench.driver.raw("XDEL", ready, token)
    await bench.driver.raw("XACK", ready, "workers", token)
    await check_each_ran_once(bench, ran, ids)


@pytest.mark.parametrize("how", ["destroyed", "deleted"])
async def test_groups_that_are_gone_are_made_again(bench: Bench, how):
    """As after FLUSHALL, or a hand that slipped."""
    ran = Ran()
    ids = await chains(bench, ran, 3)
    async with bench.working():
        await bench.all_ended()
        for partition in bench.space.keys:
            ready = partition.ready("default")
            if how == "deleted":
                await bench.driver.raw("DEL", ready)
            else:
                await bench.driver.raw("XGROUP", "DESTROY", ready, "workers")
        ids += [await bench.execute("w") for _ in range(3)]
        await bench.all_ended()
    await check_each_ran_once(bench, ran, ids)


@pytest.mark.row(15)
async def test_groups_that_go_while_steps_run_cost_no_outcome(bench: Bench):
    gate = Gate()

    async def work(value):
        await gate.passed()
        return "kept"

    await bench.one(work)
    async with bench.working() as worker:
        ids = await bench.execute_all("one", [f"x{n}" for n in range(6)])
        await until(lambda: gate.begun == 6)
        for partition in bench.space.keys:
            await bench.driver.raw("XGROUP", "DESTROY", partition.ready("default"), "workers")
        gate.opened.set()
        await bench.all_ended()
        await until(lambda: not worker.attempts.claims)
    assert [(await bench.read(execution)).value("a") for execution in ids] == ["kept"] * 6
    assert gate.begun == 6
    assert await bench.problems() == []


async def test_an_outage_is_told_once_when_it_begins_and_once_when_it_ends(caplog):
    caplog.set_level("WARNING")
    one = Outage("advance")
    for _ in range(5):
        await one.wait(Unavailable("gone", ambiguous=True), [(0, "q", "1-1")])
        assert one.active
    one.over()
    one.over()
    assert not one.active
    assert [record.getMessage().split(":")[0][:20] for record in caplog.records] == [
        "advance",
        "advance works again ",
    ]
    assert one.lost_reply
    assert one.was_ambiguous((0, "q", "1-1"))
    assert not one.was_ambiguous((0, "q", "1-1"))
