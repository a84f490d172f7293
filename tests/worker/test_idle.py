"""A worker without work asks nothing but its blocking read."""

import pytest

from redflow.worker import reader
from tests.worker.faults import Faults
from tests.worker.kit import Bench, until, within


async def test_a_worker_with_fewer_slots_than_partitions_comes_to_rest(bench: Bench) -> None:
    async def work() -> str:
        return "done"

    await bench.one(work)
    faults = Faults(bench.connector)
    async with bench.working(faults, concurrency=1, interval=0.05):
        assert (await bench.run("one")).status == "C"
        before = faults.calls["read_group"]
        # Probing for partitions with work, it would never read again.
        await until(lambda: faults.calls["read_group"] > before + 3, 5.0, "it reads and waits")


async def test_what_the_blocking_read_wins_after_the_word_to_stop_is_given_back(
    bench: Bench,
) -> None:
    begun: list[str] = []

    async def work() -> None:
        begun.append("one")

    await bench.one(work)
    faults = Faults(bench.connector)
    faults.on("read_group", "hold")
    async with bench.working(faults) as worker:
        await within(faults.held.wait())
        worker.pump.accepting = False
        execution = await bench.execute("one")
        token = (await bench.read(execution)).steps["a"].token
        faults.go.set()

        async def given_back() -> bool:
            step = (await bench.read(execution)).steps["a"]
            return (step.kind, step.token == token) == ("q", False)

        await until(given_back)
    assert begun == []


async def test_what_is_started_behind_a_step_is_heard_of_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker goes back to its blocking read when calls find no more, not at the next look."""
    monkeypatch.setattr(reader, "PROBE", 3600.0)

    async def work() -> str:
        return "done"

    await bench.one(work)
    async with bench.working():
        for _ in range(5):  # a sweep would find it later
            assert (await bench.run("one", seconds=2.0)).status == "C"
