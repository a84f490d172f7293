"""Retention: what ended long ago is removed, by who sweeps, a page at a time; the rest stays."""

import pytest

from redflow.driver import Connector
from redflow.model.workflow import Workflow
from tests.worker import outside
from tests.worker.faults import Faults
from tests.worker.kit import Bench, Gate, until

STILL = {"lease": 60.0, "beat": 15.0, "sweep": 0.2}
DAY = 86_400.0


async def ended(bench: Bench) -> dict[str, str]:
    """Let executions end in every way; answers ids by the letter of their end."""

    async def work(value):
        if value == "F":
            raise ValueError("no")

    await bench.one(work)
    await bench.publish(Workflow.builder("asks").add_node("a", "signal").build())
    async with bench.working(**STILL):
        ids = {letter: await bench.execute("one", letter) for letter in "CF"}
        ids["X"] = await bench.execute("asks")
        await outside.cancel(bench, ids["X"])
        await bench.all_ended()
    return ids


async def left(bench: Bench) -> set[str]:
    """Ids of all executions that are stored, and that an index names."""
    found: set[str] = set()
    for partition in bench.space.keys:
        pattern = f"{_escaped(partition.prefix)}execution:*"
        replies = await bench.driver.everywhere("KEYS", pattern)
        stored = {key.decode().rpartition(":")[2] for _, keys in replies for key in keys}
        named = {
            member.decode()
            for index in ("live", "completed", "failed", "cancelled")
            for member in await bench.driver.raw("ZRANGE", partition.permanent[index], 0, -1)
        }
        assert stored == named - {"~"}
        found |= stored
    return found


def _escaped(text: str) -> str:
    return text.replace("{", "[{]")


async def sweeping(bench: Bench, worker) -> None:
    """Wait until the worker holds every partition, and its clock is Redis'."""

    async def holds_all() -> bool:
        holders = [
            await bench.driver.raw("HGET", partition.permanent["sweeper"], "holder")
            for partition in bench.space.keys
        ]
        return holders == [worker.id.encode()] * len(holders)

    await until(holds_all)


@pytest.mark.parametrize(
    ("completed", "others", "stay"),
    [
        (0, 0, ""),
        (DAY, 0, "C"),
        (0, DAY, "FX"),
        (None, None, "CFX"),
        (None, 0, "C"),
        (0, None, "FX"),
    ],
)
async def test_each_kind_of_end_is_kept_for_its_own_time(bench: Bench, completed, others, stay):
    ids = await ended(bench)
    async with bench.working(retention_completed=completed, retention_others=others) as worker:
        await sweeping(bench, worker)
        # A millisecond has to pass: what ended in this one is not older than nothing.
        await until(lambda: _purged(bench, worker, {ids[letter] for letter in stay}))
    assert worker.retention.purged == 3 - len(stay)


async def _purged(bench: Bench, worker, expected: set[str]) -> bool:
    await worker.retention.purge()
    found = await left(bench)
    assert found >= expected
    return found == expected


async def test_more_than_a_page_is_removed_in_one_round(bench: Bench, monkeypatch):
    monkeypatch.setattr("redflow.worker.retention.PAGE", 7)
    await bench.one(lambda value: value)
    async with bench.working(retention_completed=0, **STILL) as worker:
        await bench.execute_all("one", [f"e{number}" for number in range(40)])
        await bench.all_ended()
        await sweeping(bench, worker)
        await until(lambda: _purged(bench, worker, set()))
        assert worker.retention.purged == 40
        assert await bench.problems() == []


async def test_a_child_stays_as_long_as_its_parent_runs(bench: Bench, monkeypatch):
    """Those that stay do not keep the ones behind them."""
    monkeypatch.setattr("redflow.worker.retention.PAGE", 1)
    gate = Gate()

    async def hold(value):
        await gate.passed()

    await bench.one(lambda value: value, "child")
    bench.function("hold", hold)
    builder = Workflow.builder("parent").add_node("sub", "subworkflow", workflow="child")
    builder = builder.add_node("hold", "function", function="hold").connect("sub", "hold")
    await bench.publish(builder.build())
    async with bench.working(retention_completed=0, **STILL) as worker:
        parent = await bench.execute("parent", id=bench.id_in(0))
        await until(lambda: gate.begun == 1)
        other = await bench.execute("child", id=bench.id_in(0))
        await bench.ended(other, "child")
        await sweeping(bench, worker)
        await until(lambda: _purged(bench, worker, {parent, f"{parent}.sub"}))
        gate.opened.set()
        await bench.ended(parent, "parent")
        await until(lambda: _purged(bench, worker, set()))


async def test_a_partition_that_another_worker_sweeps_is_left_to_it(bench: Bench):
    ids = await ended(bench)
    for partition in bench.space.keys:
        key = partition.permanent["sweeper"]
        await bench.driver.raw("HSET", key, "holder", "other", "until", 2**45)
    async with bench.working(retention_completed=0, retention_others=0) as worker:
        await worker.retention.purge()
        assert await left(bench) == set(ids.values())


async def test_rounds_go_on_after_an_outage_and_after_what_cannot_be_read(
    bench: Bench, connector: Connector, monkeypatch
):
    monkeypatch.setattr("redflow.worker.retention.EVERY", 0.01)
    faults = Faults(connector)
    faults.on("read_sweeper", "refuse", times=2)
    faults.on("purge_executions", ZeroDivisionError("a bug"))
    await ended(bench)
    options = {"retention_completed": 0, "retention_others": 0}
    async with bench.working(faults, **options) as worker:
        await until(lambda: worker.retention.purged == 3)
        assert faults.all_done
        assert await left(bench) == set()
        assert not any(task.done() for task in worker._tasks)


async def test_what_is_removed_can_be_started_again(bench: Bench):
    ran: list[str] = []

    async def work(ctx, value):
        ran.append(ctx.execution_id)

    await bench.one(work)
    async with bench.working(retention_completed=0, **STILL) as worker:
        for count in (1, 2):
            await bench.ended(await bench.execute("one", id="same"))
            await sweeping(bench, worker)
            await until(lambda: _purged(bench, worker, set()))
            assert ran == ["same"] * count
