"""Row 35: an index is lost under a running worker, whose audit makes it again; no step runs twice.

Scale: a round of the audit takes 0.4 s here instead of 90 s, a lease 1.2 s instead of 30 s, so a
damage is to be repaired within 1.7 s instead of 2 min, and SECONDS on a busy machine.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from redflow.driver import AsyncDriver, RedisConnector
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.store.keys import PartitionKeys
from redflow.worker.worker import Worker
from tests.support.leaks import left_by, remove
from tests.worker import outside
from tests.worker.kit import Bench, until

SECONDS = 20.0
"""Longest wait for a repair."""

EXECUTIONS = 6
ROUND = 0.4
QUICK = {"lease": 1.2, "beat": 0.3, "sweep": 0.3, "interval": 0.2}
Damage = Callable[["Scene", PartitionKeys], Awaitable[object]]


class Scene:
    """Executions of one workflow in one partition, and a count of what ran."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.done: Counter[tuple[str, str]] = Counter()
        self.running: set[tuple[str, str]] = set()
        self.overlaps = 0
        self.gate = asyncio.Event()
        self.ids: list[str] = []

    async def start(self) -> None:
        """Publish the workflow and start executions; their first steps wait for the gate."""
        bench = self.bench
        bench.function("hold", self._step("hold", gated=True))
        bench.function("flaky", self._step("flaky", fails=1))
        bench.function("end", self._step("end"))
        flow = Workflow.builder("order").add_node("hold", "function", function="hold")
        flow = flow.add_node("asks", "signal", name="go")
        flow = flow.add_node("rests", "wait", duration="1s").with_deadline(300)
        flow = flow.add_node("flaky", "function", function="flaky")
        flow = flow.with_retry(RetryPolicy(max_attempts=5, initial_interval=0.3, jitter="none"))
        flow = flow.add_node("end", "function", function="end")
        for one in ("asks", "rests", "flaky"):
            flow = flow.connect("hold", one).connect(one, "end")
        await bench.publish(flow.build())
        self.ids = [bench.id_in(0) for _ in range(EXECUTIONS)]
        await bench.execute_all("order", self.ids)

    async def waiting(self) -> None:
        """Let the first steps go, and wait until every execution waits for its signal."""
        self.gate.set()

        async def all_wait() -> bool:
            runs = [await self.bench.read(one) for one in self.ids]
            return all(r.steps.get("asks") and r.steps["asks"].kind == "w" for r in runs)

        await until(all_wait)

    async def finish(self) -> None:
        """Send every signal and wait for the ends."""
        self.gate.set()
        await self.waiting()
        for one in self.ids:
            await outside.signal(self.bench, one, "go")
        await self.bench.all_ended(SECONDS)

    def _step(self, name: str, *, gated: bool = False, fails: int = 0) -> Callable[..., Any]:
        tries: Counter[str] = Counter()

        async def step(ctx: Any) -> str:
            key = (ctx.execution_id, name)
            self.overlaps += key in self.running
            self.running.add(key)
            try:
                if gated:
                    await self.gate.wait()
                tries[ctx.execution_id] += 1
                if tries[ctx.execution_id] <= fails:
                    raise ValueError("not yet")
                self.done[key] += 1
                return name
            finally:
                self.running.discard(key)

        return step


@pytest.fixture
async def scene(server_url: str, namespace: str, monkeypatch: Any) -> AsyncIterator[Scene]:
    """Return executions under way, on a real server."""
    monkeypatch.setattr("redflow.worker.audit.EVERY", ROUND)
    connector = RedisConnector(server_url)
    driver: AsyncDriver = connector.async_driver()
    yield Scene(Bench(connector, driver, namespace, partitions=2))
    await driver.close()
    cleaner = connector.driver()
    remove(cleaner, left_by(cleaner, namespace))
    cleaner.close()


def delete(name: str) -> Damage:
    """Delete a whole index."""

    async def damage(s: Scene, p: PartitionKeys) -> object:
        return await s.bench.driver.raw("DEL", p.permanent[name])

    return damage


def remove_one(index: str, member: str = "{id}") -> Damage:
    """Take one execution, or one of its timers, out of an index."""

    async def damage(s: Scene, p: PartitionKeys) -> None:
        number = s.bench.plans["order"].numbers["rests"]
        word = member.format(id=s.ids[0], rests=number)
        assert await s.bench.driver.raw("ZREM", p.permanent[index], word) == 1

    return damage


async def miscount(s: Scene, p: PartitionKeys) -> None:
    key = p.execution(s.ids[0])
    phase, active, *rest = (await s.bench.driver.raw("HGET", key, "state")).decode().split(" ")
    words = " ".join((phase, str(int(active) + 1), *rest))
    await s.bench.driver.raw("HSET", key, "state", words)


async def forget_line(s: Scene, p: PartitionKeys) -> None:
    await s.bench.driver.raw("HDEL", p.execution(s.ids[0]), "w:go")


async def wrong_index(s: Scene, p: PartitionKeys) -> None:
    await s.bench.driver.raw("ZADD", p.permanent["stopping"], 1, s.ids[0])


async def stray_timer(s: Scene, p: PartitionKeys) -> None:
    await s.bench.driver.raw("ZADD", p.permanent["timers"], 2**45, f"w:{s.ids[0]}:1")


WHILE_WAITING: dict[str, Damage] = {
    "live": delete("live"),
    "stopping": delete("stopping"),
    "timers": delete("timers"),
    "completed": delete("completed"),
    "failed": delete("failed"),
    "cancelled": delete("cancelled"),
    "one of live": remove_one("live"),
    "one deadline": remove_one("timers", "d:{id}:{rests}"),
    "count of live steps": miscount,
    "line for a signal": forget_line,
    "stands in stopping": wrong_index,
    "stray timer": stray_timer,
}


async def repaired(worker: Worker) -> float:
    """Wait until the audit has repaired something; answers seconds."""
    begun, before = time.monotonic(), worker.audit.repaired
    await until(lambda: worker.audit.repaired > before, SECONDS, "a repair")
    return time.monotonic() - begun


async def sound(scene: Scene, state: Callable[..., None], seconds: float) -> None:
    """Everything ended, once; and nothing is left to find."""
    await scene.finish()
    assert scene.done == {(one, f): 1 for one in scene.ids for f in ("hold", "flaky", "end")}
    assert scene.overlaps == 0
    assert await scene.bench.problems() == []
    assert scene.bench.metric("redflow_orphans_repaired_total") > 0
    state(repaired_s=round(seconds, 2), doubled=0, overlaps=0)


@pytest.mark.server
@pytest.mark.fault
@pytest.mark.row(35)
@pytest.mark.parametrize("name", WHILE_WAITING)
async def test_a_lost_index_is_made_again_and_no_step_runs_twice(
    scene: Scene, name: str, measured: Callable[..., None], caplog: Any
):
    await scene.start()
    async with scene.bench.working(audit=1e9, **QUICK) as worker:
        await scene.waiting()
        with caplog.at_level(logging.WARNING, "redflow.worker"):
            await WHILE_WAITING[name](scene, scene.bench.space.keys.partition(0))
            seconds = await repaired(worker)
        assert [line for line in caplog.messages if line.endswith("; repaired")]
        await sound(scene, measured, seconds)


@pytest.mark.server
@pytest.mark.fault
@pytest.mark.row(35)
@pytest.mark.parametrize("lost", ["waiting tokens", "the stream"])
async def test_lost_tokens_are_issued_again_once_no_worker_can_run_them(
    scene: Scene, lost: str, measured: Callable[..., None]
):
    """Two steps run, the others are ready; those that run may report before the lease is over."""
    await scene.start()
    key = scene.bench.space.keys.partition(0).ready("default")
    async with scene.bench.working(audit=1e9, concurrency=2, **QUICK) as worker:
        await until(lambda: len(scene.running) == 2)
        driver = scene.bench.driver
        if lost == "the stream":
            await driver.raw("DEL", key)
        else:
            held = await scene.bench.pending()
            for token, _ in await driver.raw("XRANGE", key, "-", "+"):
                if f"0:{token.decode()}" not in held:
                    await driver.raw("XDEL", key, token)
        scene.gate.set()
        seconds = await repaired(worker)
        await sound(scene, measured, seconds)
