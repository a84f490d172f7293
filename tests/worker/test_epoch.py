"""A server that is restarted under a worker: a new epoch begins before anything else is written."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from redflow.driver import RedisConnector
from redflow.model.event import EventKind
from redflow.store.keys import PartitionKeys
from redflow.worker import outage
from tests.support.server import OwnServer, own_server
from tests.worker.kit import Bench, Gate, until

pytestmark = pytest.mark.server

SETTLED = {EventKind.STEP_COMPLETED, EventKind.WORKFLOW_COMPLETED}


@pytest.fixture(autouse=True)
def _no_long_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LONGEST", 0.02)


@pytest.fixture
def server() -> Iterator[OwnServer]:
    """Return a server of our own that keeps what it has answered."""
    with own_server() as one:
        yield one


@pytest.fixture
async def bench(server: OwnServer, namespace: str) -> AsyncIterator[Bench]:
    """Return a namespace on it."""
    connector = RedisConnector(server.url)
    driver = connector.async_driver()
    yield Bench(connector, driver, namespace)
    await driver.close()


async def kinds(bench: Bench, partition: PartitionKeys) -> list[int]:
    """The events of a partition in their order."""
    found: list[int] = []
    entries = await bench.driver.raw("XRANGE", partition.permanent["events"], "-", "+")
    for _, fields in entries:
        found += [record[0] for record in msgspec.msgpack.decode(fields[3])]
    return found


async def noted(bench: Bench, partition: PartitionKeys, *fields: str) -> list[Any]:
    words = ("HMGET", partition.permanent["sweeper"], *fields)
    return list(await bench.driver.raw(*words))


async def restart(server: OwnServer) -> None:
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)


async def test_what_is_recorded_after_a_restart_is_of_the_new_epoch(
    bench: Bench, server: OwnServer
):
    gate = Gate()

    async def work(value: Any) -> str:
        await gate.passed()
        return "kept"

    await bench.one(work)
    ids = await bench.execute_all("one", [bench.id_in(0), bench.id_in(1)])
    async with bench.working() as worker:
        await until(lambda: gate.begun == 2)
        await restart(server)
        gate.opened.set()
        runs = [await bench.ended(execution) for execution in ids]
        assert worker.pump.fenced == 0
    assert [run.value("a") for run in runs] == ["kept", "kept"]
    assert gate.begun == 2, "and no lease was taken over"
    for partition in bench.space.keys:
        events = await kinds(bench, partition)
        assert events.count(EventKind.EPOCH_CHANGED) == 1, "however many connections came back"
        new = events.index(EventKind.EPOCH_CHANGED)
        assert not SETTLED & set(events[:new])
        assert await noted(bench, partition, "epoch") == [b"2"]
    assert await bench.problems() == []


@pytest.mark.row(14)
async def test_leases_are_not_taken_over_for_one_lease(bench: Bench, server: OwnServer):
    """They ran out while the server was away, and whoever holds them could not renew them."""
    await bench.one(lambda value: value)
    rarely = {"sweep": 600.0}  # so that no gap between sweeps is noticed instead
    async with bench.working(**rarely):
        await until(lambda: _swept(bench))
    for partition in bench.space.keys:
        await bench.driver.raw("HSET", partition.permanent["sweeper"], "hold", 0)
    await restart(server)
    async with bench.working(**rarely):
        pass
    for partition in bench.space.keys:
        hold, tick = await noted(bench, partition, "hold", "tick")
        assert int(hold) > int(tick)


async def test_a_worker_that_starts_on_the_same_server_changes_nothing(bench: Bench):
    await bench.one(lambda value: value)
    for _ in range(2):
        async with bench.working():
            pass
    for partition in bench.space.keys:
        assert await noted(bench, partition, "epoch") == [b"1"]
        assert EventKind.EPOCH_CHANGED not in await kinds(bench, partition)


async def _swept(bench: Bench) -> bool:
    ticks = [await noted(bench, partition, "tick") for partition in bench.space.keys]
    return all(tick != [None] for tick in ticks)
