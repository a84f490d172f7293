"""The worker fires schedules: sealed inputs, keys, one execution a tick, whatever goes wrong."""

import logging
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.crypto.crypto import Crypto
from redflow.crypto.keys import Key
from redflow.engine import Engine
from redflow.errors import KeyMissing
from redflow.store.schedules import read_schedule
from tests.worker.kit import Bench, until

EVERY_SECOND = "* * * * * *"
QUICK: dict[str, Any] = {"interval": 0.2, "sweep": 0.25, "drain": 0.0}


def client_of(bench: Bench, crypto: Crypto | None = None) -> AsyncClient:
    return AsyncClient(bench.connector, namespace=bench.space.keys.namespace, crypto=crypto)


async def ticks(bench: Bench, schedule: str) -> list[int]:
    """Ticks that have started an execution, in seconds."""
    found = set()  # one that ends meanwhile is met twice
    for partition in bench.space.keys:
        for index in ("live", "completed"):
            names = await bench.driver.raw("ZRANGE", partition.permanent[index], 0, -1)
            found |= {n.decode() for n in names if n.startswith(f"{schedule}.".encode())}
    return sorted(int(name.partition(".")[2]) for name in found)


async def put_back(bench: Bench, schedule: str, seconds: int) -> None:
    """Let a schedule be due since a while ago."""
    partition = bench.space.keys.partition_of(schedule)
    raw = await bench.driver.run(read_schedule(partition, schedule))
    assert raw is not None
    at = raw.next - seconds
    key = partition.schedule(schedule)
    await bench.driver.raw("HSET", key, "next", str(at), "due", str(at * 1000))
    await bench.driver.raw("ZADD", partition.permanent["schedules"], at * 1000, schedule)


@pytest.mark.row(48)
async def test_three_workers_start_each_tick_once(bench: Bench, measured):
    await bench.one(lambda value: value)
    async with client_of(bench) as client:
        await client.schedules.put("s", "one", EVERY_SECOND)
        async with bench.working(), bench.working(), bench.working():
            found = await until(lambda: _at_least(bench, "s", 3), 30.0)
    measured(workers=3, ticks=len(found))
    assert found == list(range(found[0], found[0] + len(found)))
    assert await bench.problems() == []


async def _at_least(bench: Bench, schedule: str, count: int) -> list[int]:
    found = await ticks(bench, schedule)
    return found if len(found) >= count else []


async def test_what_passed_is_caught_up_with_page_by_page(bench: Bench):
    await bench.one(lambda value: value)
    async with client_of(bench) as client:
        await client.schedules.put("s", "one", "* * * * *", catch_up="all")
        await put_back(bench, "s", 3600)
        async with bench.working():
            found = await until(lambda: _at_least(bench, "s", 60))
    assert [tick % 60 for tick in found] == [0] * len(found)
    counted = bench.metric("redflow_workflows_started_total", workflow="one", trigger="cron")
    assert counted == len(found)


async def test_an_input_is_sealed_for_each_execution(bench: Bench):
    crypto = Crypto([Key.new("k1")])
    engine = Engine(bench.connector, namespace=bench.space.keys.namespace, crypto=crypto)
    engine.function("echo")(lambda value: value)
    await bench.one(lambda value: value, "echo")
    async with engine:
        await engine.cron.add_schedule("s", "echo", EVERY_SECOND, {"card": "canary-4711"})
        key = bench.space.keys.partition_of("s").schedule("s")
        assert b"canary-4711" not in await bench.driver.raw("HGET", key, "input")
        async with engine.worker(**QUICK):
            first, second = (await until(lambda: _at_least(bench, "s", 2)))[:2]
            for tick in (first, second):
                handle = engine.handle(f"s.{tick}")
                assert await handle.result(timeout=10) == {"card": "canary-4711"}
        moved = await bench.driver.raw(
            "HGET", bench.space.keys.partition_of("s").execution(f"s.{first}"), "input"
        )
        other = await bench.driver.raw(
            "HGET", bench.space.keys.partition_of("s").execution(f"s.{second}"), "input"
        )
        assert moved != other
        run = await engine.cron.run_now("s")
        assert (await engine.get_execution(run)).input == {"card": "canary-4711"}


async def test_without_its_key_a_tick_waits_and_others_do_not(bench: Bench, caplog):
    await bench.one(lambda value: value)
    async with client_of(bench, Crypto([Key.new("k1")])) as keyed, client_of(bench) as plain:
        await keyed.schedules.put("sealed", "one", EVERY_SECOND, {"a": 1})
        await plain.schedules.put("plain", "one", EVERY_SECOND, {"a": 1})
        with caplog.at_level(logging.ERROR, "redflow.worker"):
            async with bench.working():
                await until(lambda: _at_least(bench, "plain", 3))
        assert await ticks(bench, "sealed") == []
        with pytest.raises(KeyMissing):
            await plain.schedules.run_now("sealed")
    lines = [one.getMessage() for one in caplog.records if "sealed cannot" in one.getMessage()]
    assert len(lines) == 1
    assert "its tick waits" in lines[0]


async def test_rotated_keys_reach_schedules(bench: Bench):
    old, new = Key.new("old"), Key.new("new")
    await bench.one(lambda value: value)
    async with client_of(bench, Crypto([old])) as first:
        await first.schedules.put("s", "one", "0 0 1 1 *", {"a": 1})
    async with client_of(bench, Crypto([new, old])) as both:
        replaced, uses = await both.keyring.rotate()
    assert (replaced, [(one.id, one.values) for one in uses]) == (1, [("new", 1), ("old", 0)])
    async with client_of(bench, Crypto([new])) as last:
        run = await last.schedules.run_now("s")
        assert (await last.get_execution(run)).input == {"a": 1}


async def test_a_schedule_removed_while_it_fires(bench: Bench):
    await bench.one(lambda value: value)
    async with client_of(bench) as client:
        for _ in range(5):
            await client.schedules.put("s", "one", EVERY_SECOND, catch_up="all")
            await put_back(bench, "s", 100)
            async with bench.working():
                await until(lambda: _at_least(bench, "s", 1))
                await client.schedules.delete("s")
            before = await ticks(bench, "s")
            async with bench.working():
                await bench.all_ended()
            assert await ticks(bench, "s") == before
    assert await bench.problems() == []
