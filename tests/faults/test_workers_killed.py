"""Workers that die: how soon others take over, steps that kill them, replacement, names."""

import asyncio
import json
import os
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from redflow import defaults
from redflow.defaults import DELIVERIES
from redflow.driver import RedisConnector
from redflow.model.workflow import Workflow
from redflow.worker.settings import new_worker_id
from tests.faultkit.checker import check
from tests.faultkit.history import Line
from tests.faultkit.pods import QUICK, Pods
from tests.faultkit.servers import Server
from tests.faultkit.trial import Size, trial
from tests.worker.kit import Bench, Gate, until

KILLS = 12
"""Workers killed one after the other at work; the table's ten minutes are cut to this."""

NAMES = ("lease", "beat", "sweep", "interval", "drain", "deliveries")
DEFAULTS = {name: getattr(defaults, name.upper()) for name in NAMES}
"""What a worker has unless told otherwise."""

WINDOW = 14.0
"""Seconds in which steps are counted: a poison step takes ten of them to be given up."""

SLOTS, POOL, WAITING, PACE = 6, 4, 32, 0.03
"""Slots of a worker, workers, steps under way or ready; seconds between looks at how many are."""

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def pods() -> Iterator[Pods]:
    with Pods() as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("7.0") as made:
        yield made


class Yard:
    """A namespace whose steps call functions of tests/faultkit/pod.py, and what they witness."""

    def __init__(self, bench: Bench, pods: Pods, witness: Path) -> None:
        self.bench, self.pods, self.witness = bench, pods, witness

    def lines(self, *words: str) -> list[Line]:
        """What was witnessed until now; a line that is being written is not whole yet."""
        whole = self.witness.read_text().split("\n")[:-1]
        rows = [Line(*json.loads(line)) for line in whole]
        return [row for row in rows if row.word in words]

    async def begun(self, number: int) -> list[Line]:
        """Wait until so many attempts have begun."""
        return await until(lambda: (x := self.lines("begin"))[number - 1 :] and x, 30)


@asynccontextmanager
async def yard(
    server: Server, pods: Pods, namespace: str, directory: Path, **settings: Any
) -> AsyncIterator[Yard]:
    """Open a namespace with two partitions, and leave no worker behind."""
    connector, witness = RedisConnector(server.url), directory / f"witness-{namespace}"
    driver = connector.async_driver()
    witness.touch()
    pods.turn_to(server.url, namespace, witness, queues=["default"], **settings)
    try:
        yield Yard(Bench(connector, driver, namespace), pods, witness)
    finally:
        for pid in list(pods.pids):
            pods.kill(pid)
        await driver.close()


def one_step(function: str) -> Workflow:
    return Workflow.builder(function).add_node("a", "function", function=function).build()


async def takeover(made: Yard, execution: str, seconds: float, limit: float) -> float:
    """Kill the worker that runs a step; seconds until the step begins on another."""
    before = len(made.lines("begin"))
    await made.bench.execute("idle", seconds, id=execution)
    first = (await made.begun(before + 1))[-1]
    made.pods.start()
    made.pods.kill(first.pid)
    killed = time.time_ns()

    def again() -> Any:
        return [x for x in made.lines("begin") if x.execution == execution and x.pid != first.pid]

    second = (await until(again, limit))[0]
    run = await made.bench.ended(execution, "idle", 30)
    assert run.status == "C"
    return (second.wall - killed) / 1e9


@pytest.mark.row(27)
@pytest.mark.timeout(180)
async def test_a_killed_worker_is_replaced_within_lease_and_sweep(
    server: Server, pods: Pods, namespace: str, tmp_path: Path, measured
):
    """At the defaults, once: 30 s of lease, and the sweep."""
    async with yard(server, pods, namespace, tmp_path, **DEFAULTS) as made:
        await made.bench.publish(one_step("idle"))
        made.pods.start()
        took = await takeover(made, "e1", 0.5, 60)
    measured(default_lease_takeover_s=round(took, 1))
    assert took <= DEFAULTS["lease"] + 5


@pytest.mark.row(27)
@pytest.mark.timeout(180)
async def test_workers_killed_again_and_again_are_replaced_in_time(
    server: Server, pods: Pods, namespace: str, tmp_path: Path, measured
):
    async with yard(server, pods, namespace, tmp_path) as made:
        await made.bench.publish(one_step("idle"))
        made.pods.start()
        took = [await takeover(made, f"e{at}", 0.3, 20) for at in range(KILLS)]
    measured(kills=KILLS, lease_s=QUICK["lease"], slowest_s=round(max(took), 2), lost=0)
    assert max(took) <= QUICK["lease"] + 5


@pytest.mark.row(27)
@pytest.mark.timeout(180)
async def test_a_history_with_killed_workers_loses_nothing(pods: Pods, tmp_path: Path, measured):
    size = Size(executions=60, acts=KILLS, pause=0.4, span=6.0)
    history = await trial(27, pods, tmp_path, menu=["kill"], size=size)
    assert check(history) == []
    measured(history_kills=len(history.causes), executions=len(history.executions))


# --- a step that kills its worker


async def steps_in_a_window(made: Yard, *, poison: bool) -> int:
    """How many steps end in the window while a step kills workers, or none does.

    There is always a little more to do than there are slots; dead workers are replaced at once.
    """
    await made.bench.publish(one_step("idle"))
    await made.bench.publish(one_step("poison"))
    for _ in range(POOL):
        made.pods.start()
    await until(lambda: len(made.lines("up")) == POOL)
    if poison:
        await made.bench.execute("poison", id="p")
    started, begin = 0, time.time_ns()
    while time.time_ns() < begin + WINDOW * 1e9:
        replace_the_dead(made.pods)
        missing = len(made.lines("end")) + WAITING - started
        names = [f"e{started + at}" for at in range(missing)]
        await made.bench.execute_all("idle", names, 0.2)
        started += missing
        await asyncio.sleep(PACE)
    if poison:
        await made.bench.ended("p", "poison", 20)
    return sum(line.wall < begin + WINDOW * 1e9 for line in made.lines("end"))


def replace_the_dead(pods: Pods) -> None:
    """Do what a supervisor does."""
    for pid in [pid for pid in pods.pids if not pods.alive(pid)]:
        pods.forget(pid)
        pods.start()


@pytest.mark.row(31)
@pytest.mark.timeout(180)
async def test_a_step_that_kills_its_workers_is_given_up_and_slows_others_little(
    server: Server, pods: Pods, namespace: str, tmp_path: Path, measured
):
    """The limit is the default, five lost leases: the table names three."""
    settings = {"deliveries": DELIVERIES, "concurrency": SLOTS}
    async with yard(server, pods, f"{namespace}-a", tmp_path, **settings) as made:
        plain = await steps_in_a_window(made, poison=False)
    async with yard(server, pods, f"{namespace}-b", tmp_path, **settings) as made:
        poisoned = await steps_in_a_window(made, poison=True)
        run = await made.bench.read("p", "poison")
        killed = [line for line in made.lines("begin") if line.execution == "p"]
    measured(
        workers_killed=len(killed), limit=DELIVERIES, throughput=round(poisoned / plain, 3),
        reason=run.value("a")["reason"],
    )  # fmt: skip
    assert run.status == "F"
    assert run.value("a")["reason"] == "worker_lost"
    assert len(killed) == DELIVERIES + 1
    assert len({line.pid for line in killed}) == len(killed)
    assert poisoned >= 0.9 * plain


# --- replacement


@pytest.mark.row(37)
@pytest.mark.timeout(120)
async def test_a_rolling_restart_that_kills_the_old_leaves_nothing_behind(
    server: Server, pods: Pods, namespace: str, tmp_path: Path, measured
):
    """Each old worker is killed once a new one is up, whoever sweeps; what they ran is resumed."""
    async with yard(server, pods, namespace, tmp_path) as made:
        await made.bench.publish(one_step("idle"))
        names = [f"e{at}" for at in range(120)]
        old = [made.pods.start() for _ in range(3)]
        await made.bench.execute_all("idle", names, 0.6)
        killed: dict[int, int] = {}
        for pid in old:
            await until(partial(says, made, "begin", pid))
            new = made.pods.start()
            await until(partial(says, made, "up", new))
            made.pods.kill(pid)
            killed[pid] = time.time_ns()
        await made.bench.all_ended(60)
        runs = [await made.bench.read(name, "idle") for name in names]
        took = takeovers(made, killed)
        problems = await made.bench.problems()
    measured(replaced=len(old), taken_over=len(took), slowest_s=round(max(took), 2))
    assert {run.status for run in runs} == {"C"}
    assert problems == []
    assert len(took) > 3
    assert max(took) <= QUICK["lease"] + 5


def says(made: Yard, word: str, pid: int) -> bool:
    """Whether a worker has written such a line."""
    return any(line.pid == pid for line in made.lines(word))


def takeovers(made: Yard, killed: dict[int, int]) -> list[float]:
    """Seconds from the death of a worker until each of its steps began on another."""
    found = []
    begun = made.lines("begin")
    ended = {(line.execution, line.pid) for line in made.lines("end")}
    for line in begun:
        if line.pid in killed and (line.execution, line.pid) not in ended:
            later = [
                x.wall for x in begun if x.execution == line.execution and x.fence > line.fence
            ]
            found.append((min(later) - killed[line.pid]) / 1e9)
    return found


# --- names


@pytest.mark.row(38)
async def test_two_pods_of_one_host_name_and_process_id_share_no_lease(
    server: Server, namespace: str, monkeypatch: pytest.MonkeyPatch, measured
):
    """Containers often run as process 1 on hosts of one name."""
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "pod")
        patch.setattr(os, "getpid", lambda: 1)
        ids = [new_worker_id() for _ in range(1000)]
    assert all(one.startswith("pod-1-") for one in ids)
    assert len(set(ids)) == len(ids)
    connector = RedisConnector(server.url)
    driver = connector.async_driver()
    bench, gate = Bench(connector, driver, namespace), Gate()

    async def work(value):
        await gate.passed()

    await bench.one(work)
    async with (
        bench.working(worker_id=ids[0], concurrency=4),
        bench.working(worker_id=ids[1], concurrency=4),
    ):
        await bench.execute_all("one", [f"e{at}" for at in range(8)])
        await until(lambda: gate.begun == 8)
        holders = Counter((await bench.pending()).values())
        gate.opened.set()
        await bench.all_ended()
    await driver.close()
    measured(ids=len(ids), equal=0, leases=sum(holders.values()), shared=0)
    assert holders == {ids[0]: 4, ids[1]: 4}
    assert gate.begun == 8
