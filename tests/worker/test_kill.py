"""Workers are killed at any moment, again and again: nothing is lost, nothing is recorded twice."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from redflow.driver import Connector, RedisConnector
from redflow.model import codec
from redflow.model.event import EventKind
from tests.support.leaks import leaks, left_by, remove
from tests.worker.kit import Bench, until
from tests.worker.victim import LEASES, QUEUES, WORKFLOWS, workflows

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
ENDS = {EventKind.WORKFLOW_COMPLETED, EventKind.WORKFLOW_FAILED, EventKind.WORKFLOW_CANCELLED}
SETTLED = {
    EventKind.STEP_COMPLETED,
    EventKind.STEP_FAILED,
    EventKind.STEP_SKIPPED,
    EventKind.STEP_CANCELLED,
}


@pytest.fixture
def connector(server_url: str, namespace: str) -> Any:
    """Return a real server, and leave it clean."""
    made = RedisConnector(server_url)
    yield made
    cleaner = made.driver()
    left = left_by(cleaner, namespace)
    remove(cleaner, left)
    cleaner.close()
    assert leaks(left, namespace) == []


class Fleet:
    """Worker processes, and what they witnessed."""

    def __init__(self, url: str, bench: Bench, directory: Path) -> None:
        keys = bench.space.keys
        self.witness = directory / "witness"
        self._command = [sys.executable, "-m", "tests.worker.victim", url, keys.namespace]
        self._command += [str(keys.partitions), str(self.witness)]
        self._log = directory / "log"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """Start one more."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End one without warning."""
        process.kill()
        process.wait()
        self.processes.remove(process)

    async def stop(self) -> None:
        """End all as a supervisor does; each must end well."""
        await until(self._all_ready)
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        codes = [await asyncio.to_thread(process.wait, 20) for process in self.processes]
        assert codes == [0] * len(codes), self._log.read_text()[-3000:]

    def _all_ready(self) -> bool:
        """Whether all have begun to listen for signals."""
        said = self._log.read_text()
        return all(f"ready {process.pid}\n" in said for process in self.processes)

    def check_alive(self) -> None:
        """Fail when one has ended by itself."""
        codes = [process.poll() for process in self.processes]
        assert codes == [None] * len(codes), self._log.read_text()[-3000:]

    def end(self) -> None:
        """Leave no process behind."""
        for process in self.processes:
            process.kill()
            process.wait()

    def lines(self) -> list[tuple[str, str, str, int, int, int]]:
        """Word, execution, node, fence, attempt and process of each line."""
        found = []
        for line in self.witness.read_text().splitlines():
            word, execution, node, *numbers = line.split()
            fence, attempt, process = map(int, numbers)
            found.append((word, execution, node, fence, attempt, process))
        return found


class World:
    """A namespace full of executions, and the processes that run them."""

    def __init__(self, bench: Bench, fleet: Fleet) -> None:
        self.bench, self.fleet = bench, fleet
        self.workflow: dict[str, str] = {}

    async def fill(self, number: int) -> None:
        """Start executions of all workflows."""
        for at, one in enumerate(workflows()):
            await self.bench.publish(one)
            ids = [f"x{n}" for n in range(at, number, WORKFLOWS)]
            await self.bench.execute_all(one.id, ids, {"number": at})
            self.workflow |= dict.fromkeys(ids, one.id)

    async def progress(self, share: float) -> None:
        """Wait until this share of all executions has ended."""

        async def reached() -> bool:
            self.fleet.check_alive()
            return await self.bench.unfinished() <= len(self.workflow) * (1 - share)

        await until(reached, 120, f"{share:.0%} of all executions")

    async def held_by(self, process: int) -> list[str]:
        """Steps that are pending under the name of a process: host, process, a random part."""
        found = []
        for queue in QUEUES:
            for token, worker in (await self.bench.pending(queue)).items():
                if worker.rsplit("-", 2)[1] == str(process):
                    found.append(f"{queue}:{token}")
        return found

    async def check(self) -> Counter[int]:
        """Whatever a history must be like, whoever was killed; answers its kinds of events."""
        assert await self.bench.unfinished() == 0
        assert await self.bench.problems() == []
        witnessed = self.witnessed()
        for execution, workflow in self.workflow.items():
            run = await self.bench.read(execution, workflow)
            assert run.status in ("C", "F")
            for node, step in run.steps.items():
                if step.kind != "C":
                    assert step.kind in "FSX", f"{execution} {node}"
                    continue
                assert codec.decode(step.value or b"") == [execution, node]
                milliseconds, _, sequence = step.token.partition("-")
                fence = (int(milliseconds) << 20) + int(sequence)
                words = witnessed[execution, node, fence]
                assert words == ["begin", "end"], f"{execution} {node}: recorded, but {words}"
        return await self.check_events()

    def witnessed(self) -> dict[tuple[str, str, int], list[str]]:
        """Words of each delivery; one delivery runs in one process, once."""
        words: dict[tuple[str, str, int], list[str]] = defaultdict(list)
        processes: dict[tuple[str, str, int], set[int]] = defaultdict(set)
        for word, execution, node, fence, _, process in self.fleet.lines():
            words[execution, node, fence].append(word)
            processes[execution, node, fence].add(process)
        twice = [key for key, said in words.items() if said.count("begin") != 1]
        assert twice == [], "a delivery ran twice"
        assert all(len(found) == 1 for found in processes.values())
        return words

    async def check_events(self) -> Counter[int]:
        """Each execution ends once, each step is settled once, and no number is missing."""
        kinds: Counter[int] = Counter()
        settled: Counter[tuple[str, int]] = Counter()
        ends: Counter[str] = Counter()
        numbers: dict[str, list[int]] = defaultdict(list)
        for partition in self.bench.space.keys:
            key = partition.permanent["events"]
            for _, fields in await self.bench.driver.raw("XRANGE", key, "-", "+"):
                for kind, execution, number, step, _ in msgspec.msgpack.decode(fields[3]):
                    kinds[kind] += 1
                    if number is not None:
                        numbers[execution].append(number)
                    if kind in ENDS:
                        ends[execution] += 1
                    elif kind in SETTLED:
                        settled[execution, step] += 1
        assert set(ends) == set(self.workflow)
        assert set(ends.values()) == {1}
        assert set(settled.values()) == {1}
        for execution, found in numbers.items():
            assert found == list(range(1, len(found) + 1)), execution
        return kinds


@pytest.fixture
async def world(
    request: pytest.FixtureRequest,
    server_url: str,
    connector: Connector,
    namespace: str,
    tmp_path: Path,
) -> AsyncIterator[World]:
    """Return a world with as many partitions as the test says."""
    driver = connector.async_driver()
    bench = Bench(connector, driver, namespace, partitions=getattr(request, "param", 4))
    fleet = Fleet(server_url, bench, tmp_path)
    yield World(bench, fleet)
    fleet.end()
    await driver.close()


async def rampage(world: World, *, executions: int, kills: int, seed: int) -> None:
    """Kill a worker whenever another share of the work is done, and start one in its place."""
    rng = Random(seed)
    await world.fill(executions)
    for _ in range(3):
        world.fleet.start()
    for number in range(kills):
        await world.progress((number + 1) / (kills + 1))
        world.fleet.kill(rng.choice(world.fleet.processes))
        world.fleet.start()
    await world.progress(1.0)
    kinds = await world.check()
    assert kinds[EventKind.STEP_RECLAIMED] > 0, "no worker was killed at work"
    await world.fleet.stop()


@pytest.mark.timeout(120)
async def test_killing_workers_loses_and_repeats_nothing(world: World):
    await rampage(world, executions=200, kills=4, seed=1)


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("world", [16], indirect=True)
async def test_killing_workers_again_and_again_loses_and_repeats_nothing(world: World):
    await rampage(world, executions=2000, kills=40, seed=2)


@pytest.mark.row(28)
@pytest.mark.timeout(120)
async def test_a_worker_that_was_frozen_longer_than_its_leases_changes_nothing(
    world: World, measured: Any
):
    """It wakes up with steps that have long been done elsewhere."""
    await world.fill(150)
    frozen = world.fleet.start()
    await world.progress(0.2)
    frozen.send_signal(signal.SIGSTOP)
    woken = time.monotonic() + 2 * LEASES["lease"]
    held = set(await world.held_by(frozen.pid))
    world.fleet.start()
    await world.progress(1.0)
    await until(lambda: time.monotonic() >= woken)
    kinds = await world.check()
    assert kinds[EventKind.STEP_RECLAIMED] > 0, "it held nothing"
    before = await records(world)
    os.kill(frozen.pid, signal.SIGCONT)
    await world.fleet.stop()
    after = await records(world)
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    measured(stale_steps=len(held), executions_changed=changed)
    assert held
    assert after == before
    world.witnessed()


async def records(world: World) -> list[Any]:
    """Everything that is recorded of every execution."""
    return [
        await world.bench.driver.raw(
            "HGETALL", world.bench.space.keys.partition_of(execution).execution(execution)
        )
        for execution in world.workflow
    ]
