"""A server that runs out of memory, or is told to throw keys away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, RedisConnector
from redflow.errors import OutOfMemory, RedflowError
from redflow.store.keys import Keys
from tests.faultkit.servers import Server
from tests.worker.kit import Bench, Gate, until

pytestmark = [pytest.mark.server, pytest.mark.process]

RUNNING, STARTS = 500, 100


@pytest.fixture
async def bench(namespace: str) -> AsyncIterator[Bench]:
    """A namespace on a server of its own, whose maxmemory the test sets."""
    with Server() as server:
        connector = RedisConnector(server.url)
        driver = connector.async_driver()
        yield Bench(connector, driver, namespace)
        await driver.close()


async def used(driver: AsyncDriver) -> int:
    info = (await driver.raw("INFO", "memory")).decode()
    return int(info.partition("used_memory:")[2].partition("\r")[0])


async def refused(client: AsyncClient, ids: list[str]) -> list[str]:
    """Start executions one by one; answers the ids that were refused for want of memory."""
    found = []
    for id in ids:
        try:
            await client.execute("one", id=id)
        except OutOfMemory:
            found.append(id)
    return found


@pytest.mark.row(9)
@pytest.mark.parametrize("maxmemory", [lambda used: used // 2, lambda used: used * 105 // 100])
async def test_what_runs_ends_and_nothing_new_is_taken_in(bench: Bench, measured: Any, maxmemory):
    """Far over maxmemory Redis refuses; between the watermark and it, redflow does."""
    gate = Gate()

    async def work(ctx: Any, value: Any) -> str:
        await gate.passed()
        return "x" * 100

    await bench.one(work)
    await bench.execute_all("one", [f"r{n}" for n in range(RUNNING)])
    async with (
        AsyncClient(bench.connector, namespace=bench.space.keys.namespace) as client,
        bench.working(concurrency=RUNNING, memory_watermark=0.9),
    ):
        await until(lambda: gate.begun == RUNNING)
        await bench.driver.raw("CONFIG", "SET", "maxmemory", maxmemory(await used(bench.driver)))
        await until(lambda: all_say_full(bench))
        new = [f"new{n}" for n in range(STARTS)]
        assert await refused(client, new) == new
        gate.opened.set()
        await bench.all_ended()
    keys = Keys(bench.space.keys.namespace, 2)
    left = [await bench.driver.raw("EXISTS", keys.partition_of(id).execution(id)) for id in new]
    assert left == [0] * STARTS, "nothing of what was refused is there"
    measured(ended=RUNNING, refused=STARTS, partial=sum(left))


async def all_say_full(bench: Bench) -> bool:
    found = [
        await bench.driver.raw("HGET", partition.permanent["sweeper"], "full")
        for partition in bench.space.keys
    ]
    return all(found)


@pytest.mark.row(9)
async def test_it_takes_in_again_when_there_is_room(bench: Bench, measured: Any):
    await bench.one(lambda value: value)
    async with (
        AsyncClient(bench.connector, namespace=bench.space.keys.namespace) as client,
        bench.working(),
    ):
        await bench.driver.raw("CONFIG", "SET", "maxmemory", await used(bench.driver) * 102 // 100)
        await until(lambda: all_say_full(bench))
        with pytest.raises(OutOfMemory):
            await client.execute("one", id="e")
        began = asyncio.get_running_loop().time()
        await bench.driver.raw("CONFIG", "SET", "maxmemory", 0)

        async def taken() -> bool:
            try:
                await client.execute("one", id="e")
            except RedflowError:
                return False
            return True

        await until(taken)
        measured(taken_in_after_s=round(asyncio.get_running_loop().time() - began, 2))
        await bench.all_ended()
