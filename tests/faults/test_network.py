"""Rows 17, 18, 20, 21: replies of reads, idle links, black holes and killed connections.

Scaled: row 18 idles for 13 s in place of 10 min, row 21 kills for 10 s in place of 60 s. Timeouts
are the product's own, so every time that is stated is one that users see.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
import redis.asyncio

from redflow.client import AsyncClient
from redflow.defaults import INTERVAL
from redflow.driver import RedisConnector
from redflow.errors import Unavailable
from redflow.store.script import load_script
from tests.faultkit.proxy import Proxy
from tests.faultkit.servers import Server
from tests.worker.kit import Bench, chain, until, within

pytestmark = [pytest.mark.server, pytest.mark.fault]

READS, SHARE = 400, 0.1
"""Executions of two steps, and the share of reads whose reply is lost."""
STOPS = 30
IDLE = 13.0
BLOCK = 5.5
"""Seconds of a blocking read; any other answer is waited for 5.0 s, as is its connection."""
KILLING, EVERY = 10.0, 0.2
PATIENT = {"lease": 60.0, "beat": 1.0, "sweep": 0.5}
"""Leases that do not run out within a test: what is found again was not taken over."""
LONGEST = 10.0
"""The most seconds that the table allows, for a delay and for finding a link dead."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("7.0", "--appendonly", "yes") as one:
        yield one


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.port) as one:
        yield one


@asynccontextmanager
async def bench_at(url: str, namespace: str) -> AsyncIterator[Bench]:
    connector = RedisConnector(url)
    driver = connector.async_driver()
    yield Bench(connector, driver, namespace)
    await driver.close()


@pytest.fixture
async def bench(server: Server, namespace: str) -> AsyncIterator[Bench]:
    """Return a bench that reaches the server directly; workers may go through the proxy."""
    async with bench_at(server.url, namespace) as made:
        yield made


def reads(rng: Random) -> Callable[[bytes], bool]:
    """Match a share of all requests that claim steps: blocking reads, and calls of `advance`."""
    advance = load_script("advance").sha.encode()
    return lambda request: (b"XREADGROUP" in request or advance in request) and rng.random() < SHARE


# --- row 17


@pytest.mark.row(17)
@pytest.mark.timeout(120)
async def test_steps_whose_claim_was_not_heard_are_found_at_once(
    bench: Bench, proxy: Proxy, measured: Callable[..., None]
) -> None:
    """Alone or in bursts, so that both kinds of claims lose replies; every step runs once."""
    rng, runs = Random(17), Counter[str]()

    def note(ctx: Any, value: Any) -> Any:
        runs[ctx.execution_id] += 1
        return value

    bench.function("note", note)
    await bench.publish(chain("two", ["note", "note"]))
    slowest, left = 0.0, READS
    async with bench.working(
        RedisConnector(proxy.url), interval=1.0, threads=2, drain=10.0, **PATIENT
    ) as worker:
        await bench.run("two")
        proxy.cut_reply(reads(rng), times=10**9)
        while left > 0:
            burst = min(left, rng.choice([1, 1, 5, 20]))
            left -= burst
            begun = time.monotonic()
            names = [f"r{left + number}" for number in range(burst)]
            await bench.execute_all("two", names)
            for name in names:
                assert (await bench.ended(name, "two", 2 * LONGEST)).status == "C"
            slowest = max(slowest, time.monotonic() - begun)
        proxy.spare()
        reclaimed = worker.sweeper.reclaimed
    measured(executions=READS, cuts=proxy.cuts, lost=0, max_delay_s=round(slowest, 2))
    assert proxy.cuts > READS * SHARE / 2
    assert slowest < LONGEST
    assert reclaimed == 0
    assert set(runs.values()) == {2}
    assert await bench.problems() == []


@pytest.mark.row(17)
@pytest.mark.timeout(120)
async def test_steps_claimed_by_a_read_that_is_cancelled_are_given_back(
    bench: Bench, measured: Callable[..., None]
) -> None:
    """Workers that stop while work arrives: others have it at once, not after a lease."""
    rng, started = Random(170), []
    await bench.one(lambda value: value)
    for number in range(STOPS):
        async with bench.working(threads=1, drain=5.0, **PATIENT):
            started += await bench.execute_all("one", [f"s{number}-{k}" for k in range(5)])
            for _ in range(rng.randint(0, 40)):
                await asyncio.sleep(0)
    begun = time.monotonic()
    async with bench.working(drain=5.0, **PATIENT) as worker:
        await bench.all_ended(LONGEST)
        delay, reclaimed = time.monotonic() - begun, worker.sweeper.reclaimed
    assert {(await bench.read(name)).status for name in started} == {"C"}
    measured(stops=STOPS, executions=len(started), lost=0, max_delay_s=round(delay, 2))
    assert reclaimed == 0


# --- row 18


@pytest.mark.row(18)
@pytest.mark.timeout(60)
async def test_an_idle_worker_holds_one_blocked_connection_and_meets_no_error(
    bench: Bench, caplog: pytest.LogCaptureFixture, measured: Callable[..., None]
) -> None:
    """It blocks for longer than any other answer may take."""
    blocked = Counter[int]()
    await bench.one(lambda value: value)
    with caplog.at_level(logging.WARNING, logger="redflow"):
        async with bench.working(interval=BLOCK, **PATIENT) as worker:
            await until(lambda: worker.reader.turns > 0)
            await until(lambda: blocked_clients(bench))
            end = time.monotonic() + IDLE
            while time.monotonic() < end:
                blocked[await blocked_clients(bench)] += 1
                await asyncio.sleep(0.05)
            turns = worker.reader.turns
            assert (await bench.run("one")).status == "C"
    # Between two reads there is none for a moment, and never a second one.
    measured(idle_s=IDLE, block_s=BLOCK, errors=len(caplog.records), blocked=max(blocked))
    assert caplog.records == []
    assert max(blocked) == 1
    assert blocked[1] > 0.9 * blocked.total()
    assert turns <= IDLE / BLOCK + 2


async def blocked_clients(bench: Bench) -> int:
    """How many connections wait in a blocking read."""
    listed = await bench.driver.raw("CLIENT", "LIST")
    return sum(b"b" in line.split(b" flags=")[1].split(b" ")[0] for line in listed.splitlines())


# --- row 20


@pytest.mark.row(20)
@pytest.mark.timeout(90)
async def test_a_link_that_swallows_everything_is_found_dead_and_replaced(
    bench: Bench, proxy: Proxy, namespace: str, measured: Callable[..., None]
) -> None:
    """Both ways and without a word; the worker blocks as long as it does by default."""
    await bench.one(lambda value: value)
    connector = RedisConnector(proxy.url)
    async with (
        bench.working(connector, interval=INTERVAL, **PATIENT) as worker,
        AsyncClient(connector, namespace=namespace) as client,
    ):
        await client.execute("one", 1, id="before")
        await bench.ended("before")
        await asyncio.sleep(2 * PATIENT["beat"])  # it is idle, and blocks again
        proxy.black_hole(True)
        begun = time.monotonic()

        async def client_finds_it() -> float:
            with pytest.raises(Unavailable) as caught:
                await client.execute("one", 1, id="meanwhile")
            assert caught.value.ambiguous
            return time.monotonic() - begun

        async def found(condition: Callable[[], Any]) -> float:
            await until(condition, 2 * LONGEST)
            return time.monotonic() - begun

        of_client, of_reader, of_heartbeat = await asyncio.gather(
            client_finds_it(),
            found(lambda: worker.reader.outage.active),
            found(lambda: worker.heartbeat.missed),
        )
        proxy.black_hole(False)
        begun = time.monotonic()
        await client.execute("one", 2, id="meanwhile", on_conflict="return")
        await client.execute("one", 3, id="after")
        for name in ("meanwhile", "after"):
            assert (await bench.ended(name, seconds=LONGEST)).status == "C"
        back = time.monotonic() - begun
    measured(
        worker_s=round(of_reader, 1), heartbeat_s=round(of_heartbeat, 1),
        client_s=round(of_client, 1), works_again_s=round(back, 2),
    )  # fmt: skip
    assert max(of_client, of_reader, of_heartbeat) <= LONGEST


# --- row 21


@pytest.mark.row(21)
@pytest.mark.timeout(90)
async def test_connections_that_are_killed_or_idle_too_long_are_no_ones_error(
    namespace: str, caplog: pytest.LogCaptureFixture, measured: Callable[..., None]
) -> None:
    """CLIENT KILL of everybody several times a second, and a server that drops idle clients."""
    with Server("7.0", "--timeout", "1") as server:
        async with (
            bench_at(server.url, namespace) as bench,
            AsyncClient(server.url, namespace=namespace) as client,
            bench.working(concurrency=20, threads=4, drain=10.0, **PATIENT) as worker,
        ):
            await bench.one(lambda value: value)
            killer = asyncio.create_task(kill_all(server.url))
            end, answered = time.monotonic() + KILLING, Counter[str]()
            await asyncio.gather(*(produce(client, n, end, answered) for n in range(4)))
            await asyncio.sleep(1.5)  # past the server's timeout
            assert await (await client.execute("one", "idle")).result(timeout=LONGEST) == "idle"
            killed = await within(killer)
            assert worker.reader_task is not None
            assert not worker.reader_task.done()
            assert worker.sweeper.reclaimed == 0
            assert await bench.problems() == []
    bad = [record for record in caplog.records if record.levelno >= logging.ERROR]
    measured(seconds=KILLING, kills=killed, answers=answered["right"], errors=answered["error"])
    assert killed > KILLING / EVERY
    assert answered["right"] > 40
    assert set(answered) == {"right"}
    assert bad == []


async def kill_all(url: str) -> int:
    """Kill every other connection for a while; answers how many were."""
    killed = 0
    async with redis.asyncio.Redis.from_url(url, protocol=2) as admin:
        end = time.monotonic() + KILLING
        while time.monotonic() < end:
            for kind in ("normal", "pubsub"):
                killed += int(await admin.execute_command("CLIENT", "KILL", "TYPE", kind))
            await asyncio.sleep(EVERY)
    return killed


async def produce(client: AsyncClient, producer: int, end: float, answered: Counter[str]) -> None:
    """Start executions and wait for their results, one after the other."""
    number = 0
    while time.monotonic() < end:
        number += 1
        value = f"{producer}-{number}"
        try:
            handle = await client.execute("one", value)
            right = await handle.result(timeout=LONGEST) == value
        except Exception as error:
            logging.getLogger(__name__).error("%s: %r", value, error)
            answered["error"] += 1
        else:
            answered["right" if right else "wrong"] += 1
