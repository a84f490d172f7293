"""What tests of faults look at: it says so when something is wrong."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from redflow.model.event import EventKind
from redflow.model.workflow import Workflow
from tests.faultkit.ground import (
    Ledger,
    bench_on,
    check_history,
    existing,
    inconsistencies,
    records,
    unreadable,
)
from tests.support.leaks import left_by, remove
from tests.worker.kit import Bench, chain

pytestmark = pytest.mark.server


@pytest.fixture
async def bench(server_url: str, namespace: str) -> AsyncIterator[Bench]:
    """Return a namespace in which steps wait for a worker, and one for a timer."""
    async with bench_on(server_url, namespace) as one:
        one.function("work", Ledger(0.0).work)
        await one.publish(chain("w", ["work", "work"]))
        await one.publish(Workflow.builder("rest").add_node("a", "wait", duration=60).build())
        await one.execute_all("w", [one.id_in(0), one.id_in(1)])
        yield one
        cleaner = one.connector.driver()
        remove(cleaner, left_by(cleaner, namespace))
        cleaner.close()


async def test_what_is_under_way_is_no_inconsistency(bench: Bench):
    assert await inconsistencies(bench) == []
    async with bench.working():
        await bench.ended(await bench.execute("w"), "w")
    assert await inconsistencies(bench) == []
    assert await records(bench) > 0


async def test_a_token_that_is_gone_is_one(bench: Bench):
    for partition in bench.space.keys:
        await bench.driver.raw("XTRIM", partition.ready("default"), "MAXLEN", 0)
    found = await inconsistencies(bench)
    assert len(found) == 2
    assert "has no token" in found[0]


async def test_a_token_and_a_timer_of_nobody_are_two(bench: Bench):
    partition = bench.space.keys.partition(0)
    (name,) = await existing(bench, partition)
    await bench.driver.raw("DEL", partition.execution(name))
    await bench.driver.raw("ZADD", partition.permanent["timers"], 1, "w:nobody:1")
    found = await inconsistencies(bench)
    assert any("belongs to no live step" in line for line in found)
    assert any("belongs to nothing" in line for line in found)


async def test_a_state_that_is_none_is_shown_with_its_execution(bench: Bench):
    assert await unreadable(bench) == []
    partition = bench.space.keys.partition(0)
    (name,) = await existing(bench, partition)
    await bench.driver.raw("HSET", partition.execution(name), "state", "r -1 3 plan")
    ((found, fields),) = await unreadable(bench)
    assert found == name
    assert b"r -1 3 plan" in fields


async def test_a_history_with_a_second_end_is_refused(bench: Bench):
    async with bench.working():
        await bench.all_ended()
    ids = {name for partition in bench.space.keys for name in await existing(bench, partition)}
    kinds = await check_history(bench, ids)
    assert kinds[EventKind.WORKFLOW_COMPLETED] == 2
    with pytest.raises(AssertionError):
        await check_history(bench, {*ids, "lost"})
    partition = bench.space.keys.partition_of(min(ids))
    again = msgspec.msgpack.encode([[EventKind.WORKFLOW_COMPLETED, min(ids), 99, None, None]])
    await bench.driver.raw("XADD", partition.permanent["events"], "*", "n", 99, "e", again)
    with pytest.raises(AssertionError):
        await check_history(bench, ids)
