"""Servers that come back without the newest writes: older, but whole, and everything goes on."""

import asyncio
from contextlib import ExitStack
from random import Random

import pytest

from redflow.worker import outage
from tests.faultkit.disk import aof_of, torn_aof
from tests.faultkit.failover import follow, lossy_failover
from tests.faultkit.ground import (
    Ledger,
    bench_on,
    check_history,
    epochs,
    existing,
    inconsistencies,
    records,
)
from tests.faultkit.servers import Server, free_port
from tests.worker.kit import Bench, chain, until
from tests.worker.victim import QUEUES, Witness, workflows

pytestmark = pytest.mark.fault

CUTS = 25
"""For each of two versions; the table asks for 50 in all."""
LOST = (1, 5, 20, 100, 200, 500)
"""Events that are lost at the least."""
NODES = 5


@pytest.fixture(autouse=True)
def _no_long_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "LONGEST", 0.1)


@pytest.mark.row(2)
@pytest.mark.timeout(180)
@pytest.mark.parametrize("version", ["6.2", "7.0"])
async def test_a_torn_append_only_file_holds_no_half_of_anything(
    version, namespace, tmp_path, measured
):
    """25 random cuts under load for each version, 50 in all as the table asks."""
    rng, torn, lost, started = Random(2), 0, 0, 0
    halves: list[str] = []
    with Server(version, "--appendonly", "yes", "--appendfsync", "no") as server:
        async with bench_on(server.url, namespace) as bench:
            bench.function("work", Witness(str(tmp_path / "witness")).work)
            made = [(await bench.publish(one), one.id)[1] for one in workflows()]
            published = aof_of(server.directory).stat().st_size
            async with bench.working(queues=QUEUES), bench.working(queues=QUEUES):
                for number in range(CUTS):
                    ids = [f"x{number}-{n}" for n in range(8)]
                    for at, execution in enumerate(ids):
                        await bench.execute(made[at % len(made)], {"number": at}, id=execution)
                    started += len(ids)
                    await asyncio.sleep(rng.uniform(0, 0.1))
                    before = await known(bench)
                    torn += await asyncio.to_thread(cut, server, rng, published)
                    halves += await as_loaded(server, namespace, bench)
                    await asyncio.to_thread(server.start)
                    lost += len(before - await known(bench))
                await bench.all_ended(60)
            problems = await bench.problems()
            left = await known(bench)
            await check_history(bench, left)
            assert min(await epochs(bench)) > 1
    assert halves == []
    assert problems == []
    assert left
    assert lost == started - len(left)
    measured(
        cuts=CUTS,
        bytes_cut=torn,
        half_transitions=len(halves),
        executions_started=started,
        lost_with_their_start=lost,
        ended=len(left),
        problems=len(problems),
    )


def cut(server: Server, rng: Random, published: int) -> int:
    """Cut what was written since the workflows were published."""
    server.kill()
    size = aof_of(server.directory).stat().st_size
    return torn_aof(server, rng, most=min(1 << 13, size - published))


async def as_loaded(server: Server, namespace: str, bench: Bench) -> list[str]:
    """Look at the data where no worker finds them, before anyone can go on with them."""
    port, server.port = server.port, free_port()
    try:
        await asyncio.to_thread(server.start)
        async with bench_on(server.url, namespace) as alone:
            alone.plans = bench.plans
            return await inconsistencies(alone)
    finally:
        await asyncio.to_thread(server.kill)
        server.port = port


async def known(bench: Bench) -> set[str]:
    """Every execution there is."""
    return {name for partition in bench.space.keys for name in await existing(bench, partition)}


@pytest.mark.row(3)
@pytest.mark.timeout(180)
async def test_what_a_failover_loses_is_done_again_and_nothing_is_stuck(namespace, measured):
    """Six failovers that lose from 1 to 500 events at the least."""
    ledger, losses, again, started = Ledger(0.002), [], 0, 0
    with ExitStack() as running:
        primary = running.enter_context(Server("7.0"))
        async with bench_on(primary.url, namespace) as bench:
            bench.function("work", ledger.work)
            await bench.publish(chain("w", ["work"] * NODES))
            async with bench.working(concurrency=4), bench.working(concurrency=4):
                for number, lost in enumerate(LOST):
                    replica = running.enter_context(Server("7.0"))
                    ids = [f"x{number}-{n}" for n in range(10 + lost // NODES)]
                    ledger.open.clear()
                    await bench.execute_all("w", ids[:-3])
                    await asyncio.to_thread(follow, replica, primary)
                    losses.append(await fail_over(bench, primary, replica, ledger, ids[-3:], lost))
                    primary = replica
                    gone = sorted(set(ids) - await known(bench))
                    assert gone == sorted(ids[-3:]), "what a client started, and Redis forgot"
                    await bench.execute_all("w", gone)
                    started, again = started + len(ids), again + len(gone)
                await bench.all_ended(60)
            assert await bench.problems() == []
            await check_history(bench, await known(bench))
            assert await epochs(bench) == [len(LOST) + 1] * 2
            runs = {name: await bench.read(name) for name in await known(bench)}
            stuck = await bench.unfinished()
    assert len(runs) == started
    for name, run in runs.items():
        assert run.status == "C"
        assert [run.value(node) for node in "abcde"] == [[name, node] for node in "abcde"]
    assert ledger.repeated > 0, "nothing that was lost had been done"
    measured(
        failovers=len(LOST),
        events_lost=losses,
        executions=started,
        stuck=stuck,
        starts_lost_and_repeated=again,
        steps_done_again=ledger.repeated,
        epochs_begun=len(LOST),
    )


async def fail_over(
    bench: Bench, primary: Server, replica: Server, ledger: Ledger, ids: list[str], lost: int
) -> int:
    """Lose the start of executions, and so many events at the least; answers how many they were."""
    before, after, loop = await records(bench), 0, asyncio.get_running_loop()

    async def go_on() -> int:
        await bench.execute_all("w", ids)
        ledger.open.set()

        async def enough() -> int:
            now = await records(bench)
            return now if now >= before + lost else 0

        return int(await until(enough, 20, f"{lost} events more"))

    def write() -> None:
        nonlocal after
        after = asyncio.run_coroutine_threadsafe(go_on(), loop).result()

    await asyncio.to_thread(lossy_failover, primary, replica, write, take_port=True)
    return after - before
