"""Rows 26 and 60: what is written all the time stays within its bounds, with faults and without.

Scaled: 200,000 events beside a cap of 50,000 in place of 1 M beside 100,000; a soak of a minute in
place of an hour, with a fault every three seconds in place of ten to thirty.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from redflow.driver import RedisConnector
from redflow.errors import Unavailable
from redflow.store.space import Limits
from redflow.worker.worker import Worker
from tests.faultkit.pods import QUICK, Pods
from tests.faultkit.servers import Server
from tests.worker.kit import Bench, chain, until

pytestmark = [pytest.mark.server, pytest.mark.fault]

EVENTS = 200_000
CAP = 50_000
ROUNDS, ROUND, EACH = 6, 10.0, 2.0
"""Rounds of so many seconds, with a fault after each pause of so many."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("7.0", "--appendonly", "yes") as one:
        yield one


@pytest.fixture
async def bench(server: Server, namespace: str) -> AsyncIterator[Bench]:
    connector = RedisConnector(server.url)
    driver = connector.async_driver()
    yield Bench(connector, driver, namespace, partitions=1, limits=Limits(events_cap=CAP))
    await driver.close()


# --- row 26


class Stream:
    """The events of the only partition."""

    def __init__(self, bench: Bench) -> None:
        self._ask = bench.driver.raw
        keys = bench.space.keys.partition(0).permanent
        self._events, self._sweeper = keys["events"], keys["sweeper"]

    async def emitted(self) -> int:
        """Records ever written."""
        return int(await self._ask("HGET", self._sweeper, "records"))

    async def kept(self) -> int:
        """Records that are stored."""
        oldest = await self._ask("XRANGE", self._events, "-", "+", "COUNT", 1)
        return await self.emitted() - int(oldest[0][1][1]) if oldest else 0

    async def memory(self) -> int:
        """Bytes that they take."""
        return int(await self._ask("MEMORY", "USAGE", self._events, "SAMPLES", 0))


@pytest.mark.row(26)
@pytest.mark.timeout(180)
async def test_events_that_nobody_reads_stay_within_their_cap(bench: Bench, measured: Any):
    """All in one partition, as fast as a worker can. What comes between two sweeps is on top: they
    come twenty times as often as by default, as if sixteen partitions shared the load. Ids are of
    one length, so that a record takes as much memory at the end as at the beginning."""
    bench.function("work", lambda value: value)
    await bench.publish(chain("w", ["work"] * 10))
    stream, full, number = Stream(bench), 0, 0
    kept: list[int] = []
    memory: list[int] = []
    async with bench.working(sweep=0.25):
        while await stream.emitted() < EVENTS:
            await bench.execute_all("w", [f"x{number + n:06}" for n in range(200)])
            number += 200
            while await bench.unfinished() > 200:
                kept.append(await stream.kept())
                memory.append(await stream.memory())
                if not full and kept[-1] >= CAP:
                    full = memory[-1] * CAP // kept[-1]
                await asyncio.sleep(0.02)
        await bench.all_ended(30.0)
    measured(events=await stream.emitted(), cap=CAP, most_kept=max(kept))
    measured(memory_over_cap=f"{max(memory) / full - 1:+.1%}")
    assert full, "the cap was never reached"
    assert max(kept) <= 1.05 * CAP
    assert max(memory) <= 1.05 * full


# --- row 60


class Soak:
    """Two worker processes under load: one lives through everything, the other is replaced."""

    def __init__(self, bench: Bench, server: Server, pods: Pods) -> None:
        self.bench, self.server, self.pods = bench, server, pods
        self.rng, self.number = Random(60), 0
        self.steady, self.other = pods.start(), pods.start()
        self.faults: Counter[str] = Counter()
        self.rss: list[int] = []
        self.used: list[int] = []

    async def load(self, seconds: float) -> None:
        """Start executions all the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            names = [f"x{self.number + n}" for n in range(10)]
            self.number += len(names)
            # Whoever starts twice under one id starts once.
            while not await self._started(names):
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.1)

    async def _started(self, names: list[str]) -> bool:
        try:
            await self.bench.execute_all("w", names, 0.01)
        except Unavailable:
            return False
        return True

    async def break_things(self, seconds: float) -> None:
        """Let something go wrong every few seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            name = self.rng.choice([name for name in dir(self) if name.startswith("fault_")])
            self.faults[name.removeprefix("fault_")] += 1
            await getattr(self, name)()
            await asyncio.sleep(EACH)

    async def fault_pause(self) -> None:
        self.server.pause()
        await asyncio.sleep(0.7)
        self.server.resume()

    async def fault_restart(self) -> None:
        await asyncio.to_thread(self.server.restart)

    async def fault_reset(self) -> None:
        await asyncio.to_thread(self.server.ask, "CLIENT", "KILL", "TYPE", "normal")

    async def fault_flush_scripts(self) -> None:
        await asyncio.to_thread(self.server.ask, "SCRIPT", "FLUSH")

    async def fault_kill_worker(self) -> None:
        await asyncio.to_thread(self.pods.kill, self.other)
        self.other = await asyncio.to_thread(self.pods.start)

    async def fault_freeze_worker(self) -> None:
        await asyncio.to_thread(self.pods.stop, self.steady)
        await asyncio.sleep(1.5 * QUICK["lease"])
        await asyncio.to_thread(self.pods.cont, self.steady)

    async def measure(self, keeper: Worker) -> None:
        """Once everything has ended and is removed, see what is used."""
        await self.bench.all_ended(30.0)

        async def removed() -> bool:
            for partition in self.bench.space.keys:  # whoever sweeps it
                await keeper.retention._purge(partition)
            return not await self.bench.driver.raw("KEYS", "*}:execution:*")

        await until(removed)
        for partition in self.bench.space.keys:  # rings that fill up slowly are of row 26
            for ring in ("events", "done"):
                await self.bench.driver.raw("XTRIM", partition.permanent[ring], "MAXLEN", 0)
        pages = int(Path(f"/proc/{self.steady}/statm").read_text().split()[1])
        self.rss.append(pages * 4096)
        with self.server.client() as client:
            stats: dict[str, Any] = client.memory_stats()  # type: ignore[no-untyped-call]
            self.used.append(int(stats["dataset.bytes"]))


def growth(values: list[int]) -> float:
    """From the first half to the second; the first value is from before everything was warm."""
    values = values[1:]
    half = len(values) // 2
    return sum(values[-half:]) / sum(values[:half]) - 1


@pytest.mark.row(60)
@pytest.mark.timeout(240)
async def test_a_soak_with_faults_uses_no_more_than_at_the_start(
    bench: Bench, server: Server, tmp_path: Path, measured: Any
):
    bench.function("idle", lambda value: value)
    await bench.publish(chain("w", ["idle"] * 3))
    with Pods() as pods:
        keys = bench.space.keys
        pods.turn_to(server.url, keys.namespace, tmp_path / "witness", partitions=keys.partitions)
        soak = Soak(bench, server, pods)
        async with bench.working(
            queues=("elsewhere",), retention_completed=0.0, retention_others=0.0
        ) as keeper:
            for _ in range(ROUNDS):
                await asyncio.gather(soak.load(ROUND), soak.break_things(ROUND))
                await soak.measure(keeper)
        assert pods.alive(soak.steady)
        for pid in (soak.steady, soak.other):
            pods.term(pid)
        problems = await bench.problems()
    rss, used = growth(soak.rss), growth(soak.used)
    measured(seconds=ROUNDS * ROUND, executions=soak.number, faults=soak.faults.total(), stuck=0)
    measured(rss_growth=f"{rss:+.1%}", redis_growth=f"{used:+.1%}", rss_mb=soak.rss[-1] >> 20)
    assert problems == []
    assert rss <= 0.03
    assert used <= 0.03
