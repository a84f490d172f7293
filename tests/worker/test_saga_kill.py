"""Sagas under kill -9: what was completed or may have begun is undone once, in reverse order."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from redflow.driver import Connector, RedisConnector
from redflow.model.event import EventKind
from redflow.store.stopping import stop_execution
from tests.support.leaks import leaks, left_by, remove
from tests.worker.kit import Bench, Run, until
from tests.worker.nursery import trip

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
WORKERS = 3
SETTLED = {EventKind.STEP_COMPLETED, EventKind.STEP_FAILED, EventKind.STEP_CANCELLED}


class Nursery:
    """Worker processes, each forked when asked for."""

    def __init__(self, url: str, bench: Bench, directory: Path) -> None:
        keys = bench.space.keys
        self.witness = directory / "witness"
        self.witness.touch()
        self.log = directory / "log"
        command = [sys.executable, "-m", "tests.worker.nursery", url, keys.namespace]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, str(keys.partitions), str(self.witness)], cwd=ROOT,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        self.pids: list[int] = []

    def start(self) -> None:
        """Fork one more."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("start\n")
        self._process.stdin.flush()
        self.pids.append(int(self._process.stdout.readline()))

    def kill(self, rng: Random) -> None:
        """End one without warning."""
        os.kill(self.pids.pop(rng.randrange(len(self.pids))), signal.SIGKILL)

    def end(self) -> None:
        """Leave no process behind."""
        self._process.communicate()


@pytest.fixture
async def bench(server_url: str, namespace: str) -> AsyncIterator[Bench]:
    """Return a namespace on a real server that is left clean."""
    connector: Connector = RedisConnector(server_url)
    driver = connector.async_driver()
    made = Bench(connector, driver, namespace, partitions=4)
    yield made
    await driver.close()
    cleaner = connector.driver()
    left = left_by(cleaner, namespace)
    remove(cleaner, left)
    cleaner.close()
    assert leaks(left, namespace) == []


async def rampage(bench: Bench, nursery: Nursery, *, kills: int, seed: int) -> list[str]:
    """Keep executions under way, cancel some, and kill a worker again and again."""
    rng, ids = Random(seed), []
    for _ in range(WORKERS):
        nursery.start()
    for number in range(kills):
        ids += await bench.execute_all("trip", [f"t{number}", f"u{number}"])
        if rng.random() < 0.3:
            await cancel(bench, rng.choice(ids))
        await at_work(bench, nursery, 40 * rng.randrange(1, 12))
        nursery.kill(rng)
        nursery.start()
    await bench.all_ended(120)
    return ids


async def at_work(bench: Bench, nursery: Nursery, more: int) -> None:
    """Wait until so many bytes more have been witnessed, or nothing is left to do."""
    grown = nursery.witness.stat().st_size + more

    async def reached() -> bool:
        return nursery.witness.stat().st_size >= grown or await bench.unfinished() == 0

    await until(reached, 30, nursery.log.read_text())


async def cancel(bench: Bench, execution: str) -> None:
    """Cancel an execution in whatever state it is."""
    plan, partition = bench.plans["trip"], bench.space.keys.partition_of(execution)
    op = stop_execution(
        bench.space, partition, kind="c", body=b"\x80", execution=execution, plan=plan.hash,
        queues=plan.queues,
    )  # fmt: skip
    await bench.driver.run(op)


def check_undone(run: Run, begun: set[str], events: list[tuple[int, int]]) -> Counter[str]:
    """What the records and events of one execution must say; counts what was met."""
    undone = {node: step for node, step in run.steps.items() if node.endswith("~undo")}
    if run.status == "C":
        assert undone == {}
        return Counter(completed=1)
    assert {step.kind for step in undone.values()} <= {"C"}, run.letters()
    expected = {
        node
        for node, step in run.steps.items()
        if node in ("flight", "hotel", "car", "seat") and (step.kind == "C" or step.attempt)
    }
    assert {node.removesuffix("~undo") for node in undone} == expected, run.letters()
    assert begun <= expected, "a step began, and was not undone"
    names = {step.step: node for node, step in run.steps.items()}
    settled = [
        names[step] for kind, step in events if kind in SETTLED and names.get(step) in expected
    ]
    triggered = [
        names[step].removesuffix("~undo")
        for kind, step in events
        if kind == EventKind.COMPENSATION_TRIGGERED
    ]
    assert triggered == settled[::-1], "not the reverse order of settling"
    uncertain = [node for node in expected if run.steps[node].kind == "X"]
    return Counter(undone=len(expected), uncertain=len(uncertain), stopped=1)


async def check(bench: Bench, nursery: Nursery, ids: list[str]) -> Counter[str]:
    """Every execution, whoever was killed."""
    begun: dict[str, set[str]] = defaultdict(set)
    for line in nursery.witness.read_text().splitlines():
        word, execution, node = line.split()
        if word == "begin" and not node.endswith("~undo"):
            begun[execution].add(node)
    events = await events_of(bench)
    met: Counter[str] = Counter()
    for execution in ids:
        run = await bench.read(execution, "trip")
        met += check_undone(run, begun[execution], events[execution])
    assert await bench.problems() == []
    return met


async def events_of(bench: Bench) -> dict[str, list[tuple[int, int]]]:
    """Kind and step of each event, by execution, in order."""
    found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for partition in bench.space.keys:
        key = partition.permanent["events"]
        for _, fields in await bench.driver.raw("XRANGE", key, "-", "+"):
            for kind, execution, number, step, _ in msgspec.msgpack.decode(fields[3]):
                if number is not None:
                    found[execution].append((number, kind, step))
    return {one: [event[1:] for event in sorted(events)] for one, events in found.items()}


@pytest.mark.row(44)
async def test_a_saga_survives_killed_workers(
    bench: Bench, server_url: str, tmp_path: Path, measured: Callable[..., Any]
) -> None:
    met = await saga(bench, server_url, tmp_path, kills=15, seed=1)
    measured(kills=15, steps_undone=met["undone"], sagas=met["stopped"], out_of_order=0)
    assert met["undone"] > 20
    assert met["completed"] > 0


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.row(44)
@pytest.mark.timeout(1800)
async def test_a_saga_survives_a_thousand_killed_workers(
    bench: Bench, server_url: str, tmp_path: Path, measured: Callable[..., Any]
) -> None:
    met = await saga(bench, server_url, tmp_path, kills=1000, seed=2)
    measured(kills=1000, steps_undone=met["undone"], sagas=met["stopped"], out_of_order=0)
    assert met["uncertain"] > 0, "nothing was cut off"
    assert met["undone"] > 2000


async def saga(bench: Bench, url: str, directory: Path, *, kills: int, seed: int) -> Counter[Any]:
    """Run, kill, check."""
    await bench.publish(trip())
    nursery = Nursery(url, bench, directory)
    try:
        ids = await rampage(bench, nursery, kills=kills, seed=seed)
        return await check(bench, nursery, ids)
    finally:
        await asyncio.to_thread(nursery.end)
