"""Partitions that no one call may name together, as in a cluster: each is read and swept alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from redflow.driver import Connector
from redflow.errors import Unavailable
from redflow.model.workflow import Workflow
from tests.worker.kit import Bench, until, within

SETTINGS = {"interval": 0.1, "sweep": 0.1}


class Spread:
    """A connector whose partitions are each a group, and may be down; it notes who was read."""

    lasting = False

    def __init__(self, inner: Connector) -> None:
        self._inner = inner
        self.where = inner.where
        self.down: set[str] = set()
        self.read: list[list[str]] = []
        self.swept: list[tuple[str, ...]] = []

    def async_driver(self) -> Any:
        return _Driver(self._inner.async_driver(), self)

    def heartbeat_driver(self) -> Any:
        return self._inner.heartbeat_driver()

    def check(self, name: str, keys: Sequence[str]) -> None:
        if any(key.startswith(prefix) for key in keys for prefix in self.down):
            raise Unavailable(f"{name}: the server of this partition is down", ambiguous=True)


class _Driver:
    def __init__(self, inner: Any, spread: Spread) -> None:
        self._inner = inner
        self._spread = spread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def together(self, partitions: Sequence[Any]) -> list[list[Any]]:
        return [[one] for one in partitions]

    async def run(self, op: Any, **options: Any) -> Any:
        self._spread.check(op.name, op.keys)
        if op.name == "list_due":
            self._spread.swept.append(op.keys)
        return await self._inner.run(op, **options)

    async def run_many(self, ops: Any, **options: Any) -> Any:
        for op in ops:
            self._spread.check(op.name, op.keys or [str(word) for word in op.args])
        return await self._inner.run_many(ops, **options)

    async def read_group(self, streams: list[str], **options: Any) -> Any:
        self._spread.check("XREADGROUP", streams)
        self._spread.read.append(streams)
        return await self._inner.read_group(streams, **options)


@pytest.fixture
def spread(connector: Connector) -> Spread:
    return Spread(connector)


async def test_each_partition_has_a_blocking_read_and_a_sweep_of_its_own(
    bench: Bench, spread: Spread
):
    async def work() -> None:
        pass

    await bench.one(work)
    async with bench.working(spread, **SETTINGS):
        await bench.execute_all("one", [bench.id_in(n) for n in (0, 1) for _ in range(20)])
        await bench.all_ended()
        ready = [partition.ready("default") for partition in bench.space.keys]
        await until(lambda: all([stream] in spread.read for stream in ready))
        assert await bench.problems() == []
    assert all(len(streams) == 1 for streams in spread.read)
    sweepers = {partition.permanent["sweeper"] for partition in bench.space.keys}
    assert {keys[0] for keys in spread.swept} == sweepers
    assert all(len(sweepers & set(keys)) == 1 for keys in spread.swept)


async def test_what_makes_a_read_fail_ends_the_worker_and_is_told_alone(
    bench: Bench, spread: Spread, monkeypatch: pytest.MonkeyPatch
):
    worker = bench.worker(spread, **SETTINGS)
    running = asyncio.create_task(worker.run())
    await until(lambda: worker._tasks)

    async def broken(line: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(worker.reader, "_turn", broken)
    with pytest.raises(ZeroDivisionError, match="planted"):
        await within(running)


async def test_a_partition_that_is_down_keeps_no_other_from_work(bench: Bench, spread: Spread):
    async def work() -> None:
        pass

    await bench.one(work)
    down, up = list(bench.space.keys)
    async with bench.working(spread, **SETTINGS) as worker:
        await until(lambda: len(spread.read) >= 2)
        spread.down.add(down.prefix)
        late = bench.id_in(down.number)
        await bench.execute("one", id=late)
        await until(lambda: worker.reader.outage.active)
        for _ in range(3):
            await bench.ended(await bench.execute("one", id=bench.id_in(up.number)))
        assert (await bench.read(late)).status is None
        assert worker.reader.turned is not None
        spread.down.clear()
        await bench.ended(late)
        await until(lambda: not worker.reader.outage.active)


async def test_a_partition_that_is_down_keeps_no_other_from_being_swept(
    bench: Bench, spread: Spread
):
    await bench.publish(Workflow.builder("rest").add_node("a", "wait", duration="50ms").build())
    down, up = list(bench.space.keys)
    async with bench.working(spread, **SETTINGS) as worker:
        await until(lambda: spread.swept)
        spread.down.add(down.prefix)
        await until(lambda: worker.sweeper.outage.active)
        spread.swept.clear()
        await until(lambda: len(spread.swept) >= 3)
        assert {keys[0] for keys in spread.swept} == {up.permanent["sweeper"]}
        await bench.ended(await bench.execute("rest", id=bench.id_in(up.number)))
        spread.down.clear()
        await bench.ended(await bench.execute("rest", id=bench.id_in(down.number)))
