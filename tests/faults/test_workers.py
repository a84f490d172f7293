"""Rows 24, 28, 29, 39: workers that restart, freeze, starve their heartbeat, or are told to stop.

Scaled: leases of one to three seconds in place of thirty, a drain of one in place of twenty-five.
Row 28 at full load is in tests/worker/test_kill.py.
"""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import pytest

from redflow.driver import RedisConnector
from redflow.engine import Engine
from redflow.model.workflow import Workflow
from redflow.store.space import Limits
from redflow.worker.worker import Worker
from tests.cli.kit import Running, saying
from tests.faultkit.servers import Server
from tests.faults.hog import LEASES as HOG
from tests.support.tree import ROOT
from tests.worker.kit import Bench, Gate, until

pytestmark = [pytest.mark.server, pytest.mark.fault]

RESTARTS = 500
STOPS = 12
LEASE = HOG["lease"]
PODS: dict[str, Any] = {"lease": 1.2, "beat": 0.3, "deliveries": 100, "retention_completed": 0.0}


@pytest.fixture
def server() -> Iterator[Server]:
    # Streams are cut by whole nodes: small ones, for memory that can be compared.
    with Server("7.0", "--stream-node-max-entries", "10") as one:
        yield one


@pytest.fixture
async def bench(server: Server, namespace: str) -> AsyncIterator[Bench]:
    connector = RedisConnector(server.url)
    driver = connector.async_driver()
    limits = Limits(events_cap=100, done_cap=50)  # full before the first measurement
    yield Bench(connector, driver, namespace, limits=limits)
    await driver.close()


# --- row 24


async def vanish(worker: Worker) -> None:
    """End a worker as SIGKILL does: it says nothing to Redis any more, and gives nothing back."""
    driver, worker._driver = worker._driver, None
    assert driver is not None
    await worker._end(*worker._tasks)
    worker.heartbeat._say_goodbye = worker.heartbeat._driver.close  # type: ignore[method-assign]
    await asyncio.to_thread(worker.heartbeat.stop)
    worker.attempts.abandon_all()
    await worker.children.close()
    await worker.control.close()
    await worker.attempts.close()
    await driver.close()


class Restarts:
    """A pod that runs a step and is restarted; each tenth dies with a step in its hands."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.gate, self.number = bench, Gate(), 0

    async def hang(self, value: Any) -> None:
        """Run until its worker dies; then finish elsewhere at once."""
        await self.gate.passed()

    def has_begun(self, number: int) -> bool:
        """Whether so many steps have begun that hang."""
        return self.gate.begun >= number

    async def restart(self, times: int) -> None:
        """Start and end workers one after the other."""
        for _ in range(times):
            self.number += 1
            worker = self.bench.worker(**PODS)
            await worker.start()
            await self.bench.run("one")
            if self.number % 10:
                worker.drain = 0.0
                await worker.stop()
            else:
                begun = self.gate.begun
                await self.bench.execute("hang")
                await until(partial(self.has_begun, begun + 1))
                await vanish(worker)

    async def settle(self) -> None:
        """Let one worker bring home what is left, and remove what is old and who is dead."""
        async with self.bench.working(**PODS) as worker:
            self.gate.opened.set()
            await self.bench.all_ended(20.0)

            async def tidy() -> bool:
                await worker.retention.purge()
                executions = await self.bench.driver.raw("KEYS", "*}:execution:*")
                workers = await self.bench.driver.raw("KEYS", "*}:worker:*")
                names = await consumers(self.bench)
                return not executions and len(workers) <= 1 and names <= 2  # its own

            await until(tidy, 30.0)
        self.gate.opened.clear()


async def consumers(bench: Bench) -> int:
    """How many consumers the groups of all partitions know."""
    found = 0
    for partition in bench.space.keys:
        key = partition.ready("default")
        found += len(await bench.driver.raw("XINFO", "CONSUMERS", key, "workers"))
    return found


def used_memory(server: Server) -> int:
    """What the server has allocated, without the buffers of clients."""
    with server.client() as client:
        stats: dict[str, Any] = client.memory_stats()  # type: ignore[no-untyped-call]
        return int(stats["dataset.bytes"])


@pytest.mark.row(24)
@pytest.mark.timeout(240)
async def test_five_hundred_restarts_leave_nothing(bench: Bench, server: Server, measured: Any):
    pods = Restarts(bench)
    await bench.one(lambda value: value)
    await bench.one(pods.hang, "hang")
    await pods.restart(150)
    await pods.settle()
    before = used_memory(server)
    await pods.restart(RESTARTS)
    most = await consumers(bench)
    await pods.settle()
    after, left, pending = used_memory(server), await consumers(bench), await bench.pending()
    growth = (after - before) / before
    measured(restarts=RESTARTS, consumers_before_the_sweep=most, consumers_left=left)
    measured(pending_left=len(pending), memory_growth=f"{growth:+.1%}")
    assert most >= RESTARTS, "there was nothing to remove"
    assert left <= 10
    assert pending == {}
    assert abs(growth) <= 0.05
    assert await bench.problems() == []


# --- row 29


class Hog:
    """The process of tests/faults/hog.py."""

    def __init__(self, server: Server, bench: Bench) -> None:
        keys = bench.space.keys
        line = [sys.executable, "-m", "tests.faults.hog", server.url, keys.namespace]
        self.process = subprocess.Popen(
            [*line, str(keys.partitions)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    async def says(self, word: str) -> str:
        """Wait for a line that begins so, and answer the rest of it."""
        assert self.process.stdout is not None
        while True:
            line = await asyncio.wait_for(asyncio.to_thread(self.process.stdout.readline), 20)
            assert line, f"the worker ended before it said {word!r}"
            if line.startswith(word):
                return line[len(word) :].strip()

    async def fenced(self) -> int:
        """Ask it to stop; answers how many of its outcomes were refused."""
        self.process.send_signal(signal.SIGTERM)
        return int(await self.says("fenced"))

    def close(self) -> None:
        """Leave no process behind."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def hog(server: Server, bench: Bench) -> Iterator[Hog]:
    made = Hog(server, bench)
    yield made
    made.close()


@pytest.mark.row(29)
@pytest.mark.parametrize(("share", "takeovers"), [(0.5, 0), (0.9, 0), (1.5, 1)])
async def test_a_step_that_starves_its_heartbeat(
    bench: Bench, hog: Hog, share: float, takeovers: int, measured: Any
):
    """It holds the interpreter's lock for a share of the lease; another process sweeps."""
    await bench.one(lambda value: "another", "hold")
    async with bench.working(queues=("elsewhere",), **HOG) as sweeper:
        await hog.says("ready")
        await until(lambda: "default" in sweeper.sweeper.queues)
        execution = await bench.execute("hold", share * LEASE)
        await hog.says("begin")
        async with bench.working(**HOG) as other:
            run = await bench.ended(execution, seconds=3 * LEASE)
            # A late outcome comes when the step lets go at last.
            await asyncio.sleep(max(0.0, share * LEASE - run.steps["a"].run / 1000))
            fenced = await hog.fenced()
            taken = sweeper.sweeper.reclaimed + other.sweeper.reclaimed
    after = await bench.read(execution)
    measured(**{f"held_{share}_lease": f"{taken} takeovers, {fenced} stale outcomes refused"})
    assert taken == takeovers
    assert run.steps["a"].deliveries == takeovers
    assert (run.value("a") == "another") == bool(takeovers)
    assert after.steps == run.steps, "what came late has changed nothing"


# --- row 39

APP = """
import asyncio
from redflow import Engine

engine = Engine()

@engine.function(timeout=120)
async def work(ctx, seconds):
    ctx.logger.info("work began")
    await asyncio.sleep(seconds)
"""
WORK = Workflow.builder("work").add_node("work", "function", function="work").build()
DRAIN, GRACE, STEPS = 1.0, 4.0, 20


@pytest.fixture
def started(tmp_path: Any) -> Iterator[Callable[..., Running]]:
    (tmp_path / "shop.py").write_text(APP)
    running: list[Running] = []

    def start(*arguments: str, **own: str) -> Running:
        line = ("worker", "start", "-A", "shop:engine", *arguments)
        running.append(Running(*line, cwd=tmp_path, **own))
        return running[-1]

    yield start
    for one in running:
        one.close()


class Stops:
    """Stops worker processes at work, and looks at what they leave."""

    def __init__(self, server: Server, namespace: str, start: Callable[..., Running]) -> None:
        self.own = {"REDFLOW_URL": server.url, "REDFLOW_NAMESPACE": namespace}
        self.engine = Engine(RedisConnector(server.url), namespace=namespace)
        self.start, self.rng = start, Random(39)
        self.exits: list[float] = []
        self.ready: list[float] = []
        self.charged = self.given_back = 0

    async def stop(self, *arguments: str, signals: int, at: float) -> None:
        """Run steps of 0.1 to 60 s, stop after `at` seconds, and measure."""
        worker = self.start(*arguments, **self.own)
        seconds = [0.1 * 600 ** self.rng.random() for _ in range(STEPS)]
        handles = [await self.engine.execute("work", one) for one in seconds]
        await asyncio.to_thread(worker.wait_for, lambda n: len(saying("work began")(n)) >= STEPS)
        await asyncio.sleep(at)
        begun = time.monotonic()
        for _ in range(signals):
            worker.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(worker.wait_for, saying("stopping: "))
        await until(self._nothing_runs, DRAIN + GRACE)
        self.ready.append(time.monotonic() - begun)
        assert await asyncio.to_thread(worker.ends) == 0
        self.exits.append(time.monotonic() - begun)
        for handle in handles:
            (step,) = await handle.steps()
            self.charged += step.attempt != 1 or step.deliveries != 0
            self.given_back += step.releases
            if step.releases:
                await self.engine.cancel_execution(handle.id)

    async def _nothing_runs(self) -> bool:
        """Whether no step is claimed by anyone."""
        for partition in (await self.engine._namespace.space()).keys:
            key = partition.ready("default")
            if (await self.engine._namespace.driver.raw("XPENDING", key, "workers"))[0]:
                return False
        return True


@pytest.fixture
async def stops(
    server: Server, namespace: str, started: Callable[..., Running]
) -> AsyncIterator[Stops]:
    made = Stops(server, namespace, started)
    async with made.engine:
        await made.engine.register_workflow(WORK, partitions=2)
        yield made


@pytest.mark.row(39)
@pytest.mark.timeout(180)
async def test_a_worker_that_is_told_to_stop_does_so_in_time(stops: Stops, measured: Any):
    for _ in range(STOPS):
        at = stops.rng.uniform(0, 1)
        await stops.stop("--drain-timeout", f"{DRAIN}s", signals=1, at=at)
    late = max(stops.ready) - DRAIN
    measured(stops=STOPS, steps=STOPS * STEPS, drain_s=DRAIN, exit_s=round(max(stops.exits), 2))
    measured(charged=stops.charged, given_back=stops.given_back, ready_after_drain_s=round(late, 2))
    assert max(stops.exits) <= DRAIN + GRACE
    assert stops.charged == 0
    assert stops.given_back >= STOPS
    assert late <= 1.0


@pytest.mark.row(39)
async def test_a_second_signal_gives_back_at_once(stops: Stops, measured: Any):
    await stops.stop("--drain-timeout", "60s", signals=2, at=0.2)
    measured(second_signal_exit_s=round(stops.exits[0], 2))
    measured(second_signal_ready_s=round(stops.ready[0], 2))
    assert stops.exits[0] <= GRACE
    assert stops.ready[0] <= 1.0
    assert (stops.charged, stops.given_back > 0) == (0, True)
