"""Schedules while workers are killed: each tick starts one execution, no more and no less."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from redflow.client import AsyncClient
from redflow.driver import RedisConnector
from redflow.model.workflow import Workflow
from tests.faultkit.pods import Pods
from tests.faultkit.servers import Server
from tests.worker.kit import Bench

pytestmark = pytest.mark.fault

PROCESSES = 20
SECONDS = 60
"""The table's ten minutes are cut to this."""

PAUSE = (0.3, 1.5)
"""Seconds between two kills, at random."""


@pytest.fixture(scope="module")
def pods() -> Iterator[Pods]:
    with Pods() as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("7.0") as made:
        yield made


async def kill_and_replace(pods: Pods, until: float) -> int:
    """Kill a worker now and then, each replaced by a new one; how many."""
    chance, kills = random.Random(48), 0
    while time.monotonic() < until:
        await asyncio.sleep(chance.uniform(*PAUSE))
        await asyncio.to_thread(pods.kill, chance.choice(pods.pids))
        await asyncio.to_thread(pods.start)
        kills += 1
    return kills


async def started(bench: Bench) -> list[str]:
    """Every execution there is."""
    found = []
    for partition in bench.space.keys:
        for index in ("live", "completed", "failed", "cancelled"):
            names = await bench.driver.raw("ZRANGE", partition.permanent[index], 0, -1)
            found += [name.decode() for name in names if name != b"~"]
    return found


@pytest.mark.row(48)
@pytest.mark.timeout(240)
async def test_twenty_processes_and_one_schedule(
    server: Server, pods: Pods, namespace: str, tmp_path: Path, measured
):
    witness = tmp_path / "witness"
    witness.touch()
    connector = RedisConnector(server.url)
    driver = connector.async_driver()
    bench = Bench(connector, driver, namespace)
    pods.turn_to(server.url, namespace, witness, queues=["default"])
    try:
        workflow = Workflow.builder("one").add_node("a", "function", function="idle").build()
        bench.function("idle", lambda value: value)
        await bench.publish(workflow)
        for _ in range(PROCESSES):
            pods.start()
        async with AsyncClient(connector, namespace=namespace) as client:
            put = await client.schedules.put("s", "one", "* * * * * *", 0.0)
            assert put.next_at is not None
            first = round(put.next_at.timestamp())
            kills = await kill_and_replace(pods, time.monotonic() + SECONDS)
            await client.schedules.pause("s")
            last = await _last_tick(client)
        await bench.all_ended(30)
        ids = await started(bench)
        expected = [f"s.{tick}" for tick in range(first, last + 1)]
        measured(
            processes=PROCESSES, kills=kills, ticks=len(expected), executions=len(ids),
            missing=len(set(expected) - set(ids)), beside=len(set(ids) - set(expected)),
        )  # fmt: skip
        assert sorted(ids) == expected
        assert len(expected) >= SECONDS - 5
        assert await bench.problems() == []
    finally:
        for pid in list(pods.pids):
            pods.kill(pid)
        await driver.close()


async def _last_tick(client: AsyncClient) -> int:
    found = await client.schedules.get("s")
    assert found.last is not None
    return int(found.last.partition(".")[2])
