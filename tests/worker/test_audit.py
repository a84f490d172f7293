"""The audit of a worker: of what it sweeps, slowly; it says once what it cannot mend."""

import logging
from typing import Any

import pytest

from redflow.driver import Connector
from redflow.model.workflow import Workflow
from tests.worker.faults import Faults
from tests.worker.kit import Bench, until
from tests.worker.test_retention import sweeping

STILL = {"lease": 60.0, "beat": 15.0, "sweep": 0.2}
FAST = {"audit": 1e9, **STILL}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("redflow.worker.audit.EVERY", 0.02)


async def asking(bench: Bench, *ids: str) -> None:
    """Start executions that wait for a signal, for an hour at most: a timer names them, too."""
    await bench.publish(Workflow.builder("asks").add_node("a", "signal", timeout="1h").build())
    await bench.execute_all("asks", ids)


async def rank(bench: Bench, execution: str) -> Any:
    partition = bench.space.keys.partition_of(execution)
    return await bench.driver.raw("ZSCORE", partition.permanent["live"], execution)


async def forget(bench: Bench, execution: str) -> None:
    """Take an execution out of the index of unfinished ones."""
    partition = bench.space.keys.partition_of(execution)
    await bench.driver.raw("ZREM", partition.permanent["live"], execution)


async def test_an_index_that_lost_a_member_gets_it_back(bench: Bench, caplog: Any):
    await asking(bench, "e1", "e2")
    async with bench.working(**FAST) as worker:
        await sweeping(bench, worker)
        partition = bench.space.keys.partition_of("e1")
        with caplog.at_level(logging.WARNING, "redflow.worker"):
            await bench.driver.raw("DEL", partition.permanent["live"])
            await until(lambda: rank(bench, "e1"))
            await until(lambda: worker.audit.repaired >= 2)
        assert (
            f"partition {partition.number}: e1: is missing from live; repaired" in caplog.messages
        )
        await until(lambda: bench.metric("redflow_orphans_repaired_total") >= 2)


async def test_none_switches_it_off(bench: Bench, connector: Connector):
    faults = Faults(connector)
    async with bench.working(faults, audit=None, **STILL) as worker:
        await sweeping(bench, worker)
        await until(lambda: faults.calls["list_due"] > 5)
        assert faults.calls["list_unfinished"] == 0


async def test_a_partition_that_another_worker_sweeps_is_left_to_it(bench: Bench):
    await asking(bench, "e1")
    for partition in bench.space.keys:
        key = partition.permanent["sweeper"]
        await bench.driver.raw("HSET", key, "holder", "other", "until", 2**45)
    async with bench.working(**FAST) as worker:
        await forget(bench, "e1")
        for partition in bench.space.keys:
            await worker.audit.look_at(partition)
        assert (await rank(bench, "e1"), worker.audit.repaired) == (None, 0)


async def test_what_cannot_be_repaired_is_said_once_and_hides_nothing(bench: Bench, caplog: Any):
    one, two = bench.id_in(0), bench.id_in(0)
    await asking(bench, one, two)
    partition = bench.space.keys.partition(0)
    async with bench.working(**FAST) as worker:
        await sweeping(bench, worker)
        await until(lambda: _waits(bench, two))
        with caplog.at_level(logging.ERROR, "redflow.worker"):
            await bench.driver.raw("HDEL", partition.execution(one), "state")
            await bench.driver.raw("HDEL", partition.execution(two), "w:a")
            await until(lambda: worker.audit.repaired >= 1)
            await until(lambda: any(one in line for line in caplog.messages))
            for _ in range(3):
                await worker.audit.look_at(partition)
    assert [line for line in caplog.messages if line.startswith("partition")] == [
        f"partition 0: {one}: has no state, only a part of it is there; see redflow fsck"
    ]


async def _waits(bench: Bench, execution: str) -> bool:
    return (await bench.read(execution, "asks")).letters() == "a:w"


async def test_it_goes_on_after_an_outage_and_after_what_it_cannot_read(
    bench: Bench, connector: Connector
):
    faults = Faults(connector)
    faults.on("list_unfinished", "refuse", times=2)
    faults.on("list_unfinished", ZeroDivisionError("a bug"))
    await asking(bench, "e1")
    async with bench.working(faults, **FAST) as worker:
        await sweeping(bench, worker)
        await until(lambda: faults.all_done)
        await forget(bench, "e1")
        await until(lambda: worker.audit.repaired == 1)
        assert not any(task.done() for task in worker._tasks)


async def test_it_rests_for_the_steps_it_has_looked_at(bench: Bench, monkeypatch: Any):
    rests: list[float] = []
    await asking(bench, "e1")
    monkeypatch.setattr("redflow.worker.audit.EVERY", 3600.0)
    async with bench.working(audit=600, **STILL) as worker:
        await sweeping(bench, worker)
        await until(lambda: _waits(bench, "e1"))

        async def sleep(seconds: float) -> None:
            rests.append(seconds)

        with monkeypatch.context() as patched:
            patched.setattr("redflow.worker.audit.asyncio.sleep", sleep)
            await worker.audit.look_at(bench.space.keys.partition_of("e1"))
    assert rests
    assert set(rests) == {0.1}, "one step at 600 a minute"
