"""Rows 22 and 23: cancelled calls, small pools, forks and other event loops cross no answers."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, RedisConnector
from redflow.errors import NotFound
from redflow.model import codec
from tests.faultkit.proxy import Proxy
from tests.faultkit.servers import Server
from tests.worker.kit import Bench, until

pytestmark = pytest.mark.server

CANCELS, TOGETHER = 10_000, 20
"""Calls that are cancelled, and how many are under way at once."""
POOL = 16
CALLERS, SMALL, EACH = 200, 20, 80
BEATS = {"lease": 6.0, "beat": 0.5, "sweep": 0.5}
CHILDREN, CALLS = 8, 400


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("7.0", "--appendonly", "yes") as one:
        yield one


async def clients_of(driver: AsyncDriver) -> int:
    """How many connections a server has."""
    return len((await driver.raw("CLIENT", "LIST")).splitlines())


# --- row 22


class Canceller:
    """Calls that are cancelled at a random moment, and what is known of each."""

    def __init__(self, client: AsyncClient, driver: AsyncDriver, seed: int) -> None:
        self.client, self.driver = client, driver
        self.rng = Random(seed)
        self.outcomes = Counter[str]()
        self.sure: set[str] = set()
        self.begun: set[str] = set()
        self.wrong: list[str] = []

    async def one(self, number: int) -> None:
        """Begin a call, let it come some way, cancel it; it may be done by then."""
        kind = self.rng.choice([self._start, self._start, self._echo, self._read])
        task = asyncio.create_task(kind(f"x{number}"))
        turns = self.rng.choice([0, 1, 2, 3, 5, 8, 13, 40, 100, 300, None])
        if turns is None:  # how many turns a call takes is a matter of the machine
            await asyncio.wait({task})
        for _ in range(turns or 0):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            self.outcomes["cancelled"] += 1
        else:
            self.outcomes["done"] += 1

    async def _start(self, name: str) -> None:
        self.begun.add(name)
        handle = await self.client.execute("one", {"name": name}, id=name)
        self.sure.add(name)
        if handle.id != name:
            self.wrong.append(f"{name} was started as {handle.id}")

    async def _echo(self, name: str) -> None:
        said = await self.driver.raw("ECHO", name)
        if said != name.encode():
            self.wrong.append(f"{name} was answered {said!r}")

    async def _read(self, _: str) -> None:
        name = self.rng.choice(sorted(self.begun)[-20:] or ["nobody"])
        try:
            found = await self.client.get_execution(name)
        except NotFound:
            if name in self.sure:
                self.wrong.append(f"{name} was there and is not")
        else:
            if (found.id, found.input) != (name, {"name": name}):
                self.wrong.append(f"{name} was read as {found.id} with {found.input}")


@pytest.mark.fault
@pytest.mark.row(22)
@pytest.mark.timeout(180)
async def test_calls_cancelled_at_any_moment_leave_no_answer_behind(
    server: Server, namespace: str, measured: Callable[..., None]
) -> None:
    """Through a proxy that makes each answer take a few turns of the loop."""
    with Proxy(server.port) as proxy:
        behind, direct = RedisConnector(proxy.url), RedisConnector(server.url)
        driver, watcher = behind.async_driver(), direct.async_driver()
        bench = Bench(direct, watcher, namespace)
        await bench.one(lambda value: value)
        async with AsyncClient(behind, namespace=namespace) as client:
            await client.execute("one", {"name": "first"}, id="first")
            canceller = Canceller(client, driver, 22)
            for first in range(0, CANCELS, TOGETHER):
                await asyncio.gather(*(canceller.one(first + k) for k in range(TOGETHER)))
            echoed = await asyncio.gather(*(driver.raw("ECHO", str(k)) for k in range(200)))
            # Each driver keeps its pool, and the watcher its one connection: nothing else stands.
            connections = await clients_of(watcher)
            there = await present(bench, watcher)
        await driver.close()
        await until_alone(watcher)
        await watcher.close()
    outcomes = canceller.outcomes
    measured(
        calls=CANCELS, cancelled=outcomes["cancelled"], wrong=len(canceller.wrong),
        connections=connections, unknown_but_started=len(there - canceller.sure) - 1,
    )  # fmt: skip
    assert canceller.wrong == []
    assert echoed == [str(k).encode() for k in range(200)]
    assert canceller.sure | {"first"} <= there <= canceller.begun | {"first"}
    assert connections <= 2 * POOL + 1
    assert outcomes["cancelled"] > CANCELS / 4
    assert outcomes["done"] > CANCELS / 20


async def present(bench: Bench, driver: AsyncDriver) -> set[str]:
    """Every execution that stands, each with exactly what it was started with."""
    found = set()
    for partition in bench.space.keys:
        names = await driver.raw("ZRANGE", partition.permanent["live"], 0, -1)
        for name in {one.decode() for one in names} - {"~"}:
            found.add(name)
            run = await bench.read(name)
            assert run.letters() == "a:q", f"{name} has steps {run.letters()}"
            assert run.raw.input == codec.encode({"name": name})
    return found


async def until_alone(driver: AsyncDriver) -> None:
    """Wait until every other connection is gone."""

    async def alone() -> bool:
        return await clients_of(driver) == 1

    await until(alone, what="all connections of closed drivers are gone")


# --- row 23


@pytest.mark.fault
@pytest.mark.row(23)
@pytest.mark.timeout(120)
async def test_many_steps_on_a_small_pool_cross_no_answers_and_delay_no_heartbeat(
    server: Server, namespace: str, measured: Callable[..., None]
) -> None:
    """200 steps at once, each of which asks on the worker's own pool size, over and over."""
    connector = RedisConnector(server.url, connections=SMALL)
    shared, watcher = connector.async_driver(), RedisConnector(server.url).async_driver()
    bench = Bench(connector, watcher, namespace)
    gaps, wrong = [], []

    async def ask(ctx: Any, value: Any) -> int:
        for number in range(EACH):
            own = f"{ctx.execution_id}-{number}"
            if await shared.raw("ECHO", own) != own.encode():
                wrong.append(own)
        return EACH

    await bench.one(ask)
    async with bench.working(concurrency=CALLERS, drain=10.0, **BEATS) as worker:
        beat, last = worker.heartbeat.beat, [time.monotonic()]

        def timed() -> None:
            beat()
            gaps.append(time.monotonic() - last[0])
            last[0] = time.monotonic()

        worker.heartbeat.beat = timed  # type: ignore[method-assign]
        for part in range(5):
            await bench.execute_all("one", [f"p{part}-{k}" for k in range(CALLERS)])
            await bench.all_ended(60.0)
            assert await clients_of(watcher) <= 2 * SMALL + 4  # two pools, heart, reader, watcher
        missed = worker.heartbeat.missed
        reclaimed = worker.sweeper.reclaimed
    assert await bench.problems() == []
    await shared.close()
    await watcher.close()
    late = sum(gap > BEATS["lease"] / 3 for gap in gaps)
    measured(
        callers=CALLERS, pool=SMALL, answers=5 * CALLERS * EACH, crossed=len(wrong),
        beats=len(gaps), late=late, longest_gap_s=round(max(gaps), 2),
    )  # fmt: skip
    assert wrong == []
    assert (late, missed, reclaimed) == (0, 0, 0)


@pytest.mark.process
@pytest.mark.row(23)
def test_a_driver_goes_on_in_both_processes_after_a_fork(
    server_url: str, measured: Callable[..., None]
) -> None:
    """A connection that two processes read from would give each what the other asked for."""
    command = [sys.executable, "-W", "error", "-m", "tests.faultkit.forking", server_url]
    done = subprocess.run(
        [*command, str(CHILDREN), str(CALLS)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    crossed = int(done.stdout)
    measured(processes=CHILDREN + 1, answers=(CHILDREN + 2) * CALLS, crossed=crossed)
    assert crossed == 0


@pytest.mark.row(23)
def test_a_closed_driver_goes_on_in_another_event_loop(
    server_url: str, measured: Callable[..., None]
) -> None:
    driver = RedisConnector(server_url).async_driver()

    async def ask(loop: int) -> list[bytes]:
        said = await asyncio.gather(*(driver.raw("ECHO", f"{loop}-{k}") for k in range(50)))
        await driver.close()
        return said

    said = [one for loop in range(3) for one in asyncio.run(ask(loop))]
    crossed = set(said) ^ {f"{loop}-{k}".encode() for loop in range(3) for k in range(50)}
    measured(loops=3, answers=len(said), crossed=len(crossed))
    assert crossed == set()
