"""A server that is killed, or whose disk is full: workers wait, and go on by themselves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import Random

import pytest
import redis

from redflow.errors import Unavailable
from redflow.model.event import EventKind
from tests.faultkit.disk import SmallDisk, small_disk
from tests.faultkit.ground import Ledger, bench_on, check_history, inconsistencies, unreadable
from tests.faultkit.servers import Server
from tests.worker.kit import Bench, chain, until

pytestmark = pytest.mark.fault

EXECUTIONS, KILLS = 1000, 20
AWAY = (0.0, 0.5, 2.0)
"""Seconds a killed server stays away."""
FULL = 3.0
"""Seconds the disk stays full: longer than a lease."""
NODES = 5


@asynccontextmanager
async def workers(bench: Bench, number: int, **settings: float) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(number):
            await stack.enter_async_context(bench.working(**settings))
        yield


@pytest.mark.row(1)
@pytest.mark.timeout(180)
async def test_workers_go_on_after_every_kill_of_the_server(namespace, measured):
    """1,000 executions of 5 steps, 20 kills, AOF everysec."""
    rng, ledger, waits = Random(1), Ledger(0.02), []
    with Server("7.0", "--appendonly", "yes", "--appendfsync", "everysec") as server:
        async with bench_on(server.url, namespace, partitions=4) as bench:
            bench.function("work", ledger.work)
            await bench.publish(chain("w", ["work"] * NODES))
            ids = await bench.execute_all("w", [f"x{n}" for n in range(EXECUTIONS)])
            async with workers(bench, 3, concurrency=8):
                for number in range(KILLS):
                    share = (number + 1) / (KILLS + 1) * EXECUTIONS * NODES
                    await until(partial(ledger.reached, share), 60)
                    await asyncio.to_thread(server.kill)
                    await asyncio.sleep(rng.choice(AWAY))
                    await asyncio.to_thread(server.start)
                    back = time.monotonic()
                    first = await until(partial(ledger.first_after, back), 30)
                    waits.append(first - back)
                await bench.all_ended(60)
            assert await unreadable(bench) == []
            problems = await bench.problems()
            kinds = await check_history(bench, set(ids))
            runs = [await bench.read(execution) for execution in ids]
    assert problems == []
    for execution, run in zip(ids, runs, strict=True):
        assert run.status == "C"
        assert [run.value(node) for node in "abcde"] == [[execution, node] for node in "abcde"]
    assert max(waits) <= 5
    measured(
        executions=EXECUTIONS,
        kills=KILLS,
        ended=len(runs),
        problems=len(problems),
        first_claim_s_max=round(max(waits), 2),
        steps_run_again=ledger.repeated,
        takeovers=kinds[EventKind.STEP_RECLAIMED],
    )


@pytest.mark.row(11)
@pytest.mark.timeout(120)
async def test_a_full_disk_is_an_outage_and_nothing_is_charged(namespace, measured):
    """Disk of 6 MB in memory, then 24; it stays full for longer than a lease."""
    ledger = Ledger(0.01)
    with (
        small_disk(6) as disk,
        Server("7.0", "--appendonly", "yes", directory=disk.directory) as server,
    ):
        async with bench_on(server.url, namespace) as bench:
            bench.function("work", ledger.work)
            await bench.publish(chain("w", ["work"] * NODES))
            ids = await bench.execute_all("w", [f"x{n}" for n in range(200)], "y" * 2000)
            async with workers(bench, 2, concurrency=4, lease=2.0):
                await until(lambda: ledger.finished > 100)
                await asyncio.to_thread(disk.fill, 1 << 14)
                await until(lambda: refuses(server), 30, "Redis refuses to write")
                with pytest.raises(Unavailable, match="MISCONF"):
                    await bench.execute("w", id="refused")
                resumed = await stay_full_and_grow(disk, server, ledger)
                await bench.all_ended(60)
            assert await bench.problems() == []
            kinds = await check_history(bench, set(ids))
            runs = [await bench.read(execution) for execution in ids]
            await asyncio.to_thread(server.restart)
            assert await inconsistencies(bench) == []
            kept = [await bench.read(execution) for execution in ids]
    assert [run.status for run in runs] == ["C"] * len(ids)
    assert [run.raw for run in kept] == [run.raw for run in runs], "what was acknowledged is there"
    charged = sum(step.attempt - 1 + step.deliveries for run in runs for step in run.steps.values())
    assert charged == 0
    assert kinds[EventKind.STEP_RECLAIMED] == 0
    assert resumed <= 5
    measured(
        full_s=FULL,
        resumed_s=round(resumed, 2),
        attempts_charged=charged,
        takeovers=kinds[EventKind.STEP_RECLAIMED],
        acknowledged=len(ids),
        found=len(kept),
    )


async def stay_full_and_grow(disk: SmallDisk, server: Server, ledger: Ledger) -> float:
    """Hold the disk full, then grow it; answers the seconds until a step begins again."""
    before = len(ledger.begun)
    await asyncio.sleep(FULL)
    assert refuses(server)
    assert len(ledger.begun) == before, "nothing was claimed meanwhile"
    disk.grow(24)
    grown = time.monotonic()
    first = await until(lambda: ledger.first_after(grown), 30, "steps run again")
    return float(first - grown)


def refuses(server: Server) -> bool:
    try:
        server.ask("PING")
    except redis.ResponseError as error:
        return "MISCONF" in str(error)
    return False
