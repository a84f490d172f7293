"""Outputs on their way to the payload store: held, renewed, fenced, given back, or failed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from redflow.driver import Connector
from redflow.engine import Engine
from redflow.errors import ExecutionFailed, NotFound, Unavailable
from redflow.model.outcome import StartingChild
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.worker.claims import Held
from redflow.worker.worker import Worker
from tests.payloads.kit import Memory
from tests.worker.kit import until, within

QUICK: dict[str, Any] = {
    "interval": 0.2, "lease": 6.0, "beat": 0.1, "sweep": 0.2, "children": 1, "drain": 5.0,
}  # fmt: skip
LARGE = "x" * 100_000


@pytest.fixture
def store() -> Memory:
    return Memory()


class Counting(Engine):
    """An engine that knows how often its function ran."""

    runs = 0


@pytest.fixture
async def engine(connector: Connector, namespace: str, store: Memory) -> AsyncIterator[Counting]:
    async with Counting(connector, namespace=namespace, payloads=store) as made:

        @made.function
        async def make(value: Any) -> Any:
            made.runs += 1
            return LARGE if value is None else value

        await made.create_namespace(2)
        yield made


def one() -> Workflow:
    return Workflow.builder("one").add_node("a", "function", function="make").build()


async def asked(store: Memory) -> None:
    """Wait until the store is asked to keep something."""
    await until(store.entered.is_set, what="the store is asked")


async def test_an_output_is_stored_before_it_is_recorded(engine: Counting, store: Memory):
    await engine.register_workflow(one())
    store.open.clear()
    async with engine.worker(**QUICK) as worker:
        handle = await engine.execute("one")
        await asked(store)
        assert (await handle.steps())[0].status == "RUNNING"
        assert not worker.pump.clear
        store.open.set()
        assert await handle.result(timeout=10) == LARGE
    assert engine.runs == 1


@pytest.mark.single("on a cluster the read that waits in another partition may win the second")
async def test_its_slot_stays_taken_and_its_lease_is_renewed(
    engine: Counting, store: Memory, monkeypatch: pytest.MonkeyPatch
):
    await engine.register_workflow(one())
    store.open.clear()
    async with engine.worker(**{**QUICK, "concurrency": 1}) as worker:
        first = await engine.execute("one")
        await asked(store)
        second = await engine.execute("one")
        renewed: list[str] = []
        extend = worker.heartbeat._extend

        def watched(number: int, held: Sequence[Held]) -> None:
            extend(number, held)
            renewed.extend(one.envelope.execution for one in held)

        monkeypatch.setattr(worker.heartbeat, "_extend", watched)
        await until(lambda: renewed.count(first.id) >= 3)
        assert worker.pump.room() == 0
        assert [(await one.steps())[0].worker for one in (first, second)] == [worker.id, None]
        store.open.set()
        assert [await one.result(timeout=10) for one in (first, second)] == [LARGE, LARGE]
    assert (await first.steps())[0].deliveries == 0
    assert engine.runs == 2


async def test_an_outage_of_the_store_is_waited_out(engine: Counting, store: Memory):
    await engine.register_workflow(one())
    store.refuse = 3
    async with engine.worker(**QUICK):
        handle = await engine.execute("one")
        assert await handle.result(timeout=10) == LARGE
    assert (engine.runs, store.puts, len(store.data)) == (1, 4, 1)


async def test_a_store_that_stays_away_fails_the_attempt_by_its_policy(
    engine: Counting, store: Memory
):
    policy = RetryPolicy(max_attempts=2, initial_interval=0.01)
    builder = Workflow.builder("one").add_node("a", "function", function="make")
    await engine.register_workflow(builder.with_retry(policy).build())
    store.refuse = -1
    async with engine.worker(**QUICK) as worker:
        worker.pump.storing.patience = 0.0
        handle = await engine.execute("one")
        with pytest.raises(ExecutionFailed, match="could not be stored: ConnectionRefusedError"):
            await handle.result(timeout=10)
    assert engine.runs == 2
    error = (await handle.steps())[0].error
    assert error is not None
    assert error.type == "redflow.errors.Unavailable"


async def test_an_outcome_whose_lease_was_lost_is_refused(
    engine: Counting, store: Memory, connector: Connector, namespace: str
):
    await engine.register_workflow(one())
    store.open.clear()
    other_store = Memory()
    async with engine.worker(**QUICK) as slow:
        handle = await engine.execute("one")
        await asked(store)
        await _take_away(engine, slow)
        async with Engine(connector, namespace=namespace, payloads=other_store) as other:

            @other.function
            async def make(value: Any) -> str:
                return "of the second"

            slow.pump.accepting = False
            async with other.worker(**QUICK):
                assert await handle.result(timeout=10) == "of the second"
        store.open.set()
        await until(lambda: slow.pump.clear)
        assert slow.pump.fenced == 1
    assert await handle.result() == "of the second"
    assert store.owners() == [handle.id]  # of the first: nobody refers to it
    store.age(7200)
    await engine.purge()
    assert store.owners() == []


async def _take_away(engine: Engine, worker: Worker) -> None:
    """Have the lease of the one step run out, as if its worker had been silent."""
    space, driver = await engine._namespace.space(), engine._namespace.driver
    (held,) = worker.attempts.claims.snapshot()
    worker.heartbeat._stop.set()  # renews no more
    worker.heartbeat._thread.join()
    sweeper = held.partition.permanent["sweeper"]
    await until(lambda: driver.raw("HGET", sweeper, "tick"))
    await driver.raw("HSET", sweeper, "hold", 0)
    key = space.keys.partition(held.partition.number).ready(held.queue)
    words = ("XCLAIM", key, "workers", worker.id, 0, held.token, "IDLE", 10**9, "JUSTID")
    await driver.raw(*words)


async def test_a_worker_that_stops_waits_for_the_store(engine: Counting, store: Memory):
    await engine.register_workflow(one())
    store.open.clear()
    worker = engine.worker(**QUICK)
    await worker.start()
    handle = await engine.execute("one")
    await asked(store)
    stopping = asyncio.create_task(worker.stop())
    await until(lambda: not worker.pump.accepting)
    store.open.set()
    await within(stopping)
    assert await handle.result(timeout=1) == LARGE


async def test_a_worker_that_may_not_wait_gives_the_step_back(
    engine: Counting, store: Memory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("redflow.worker.worker.FLUSH", 0.2)
    await engine.register_workflow(one())
    store.refuse = -1
    async with engine.worker(**{**QUICK, "drain": 0.05}):
        handle = await engine.execute("one")
        await asked(store)
    (step,) = await handle.steps()
    assert (step.worker, step.attempt, step.deliveries, step.releases) == (None, 1, 0, 1)
    store.refuse = 0
    async with engine.worker(**QUICK):
        assert await handle.result(timeout=10) == LARGE


async def test_a_child_whose_input_cannot_be_stored_is_not_started(engine: Counting, store: Memory):
    @engine.function
    async def ask(value: Any) -> StartingChild:
        return StartingChild("one", LARGE)

    await engine.register_workflow(one())
    outer = Workflow.builder("outer").add_node("a", "function", function="ask").build()
    await engine.register_workflow(outer)
    store.refuse = -1
    async with engine.worker(**QUICK) as worker:
        worker.pump.storing.patience = 0.0
        handle = await engine.execute("outer")
        with pytest.raises(ExecutionFailed, match="could not be stored"):
            await handle.result(timeout=10)
    with pytest.raises(NotFound):
        await engine.get_execution(f"{handle.id}.a")


async def test_retention_removes_what_it_has_purged(engine: Counting, store: Memory):
    await engine.register_workflow(one())
    options = {**QUICK, "retention_completed": 0}
    async with engine.worker(**options) as worker:
        done = await engine.execute("one")
        await done.result(timeout=10)
        store.age(7200)
        kept = await engine.execute("one", LARGE, delay=600)

        async def swept() -> bool:
            worker.retention._swept = float("-inf")
            await worker.retention.purge()
            return bool(worker.retention.swept)

        await until(swept)
        assert store.owners() == [kept.id]
        before = worker.retention.swept
        store.data[f"{engine.namespace}/gone/{'a' * 32}"] = b""
        store.at[f"{engine.namespace}/gone/{'a' * 32}"] = 0.0
        await worker.retention.purge()
        assert worker.retention.swept == before  # an hour has not passed


async def test_a_store_that_cannot_be_swept_is_an_outage(engine: Engine):
    class Broken(Memory):
        def kept(self, namespace: str) -> Any:
            raise TimeoutError("no answer")

    options = {"namespace": engine.namespace, "payloads": Broken()}
    async with Engine(engine.connector, **options) as other, other.worker(**QUICK) as worker:
        with pytest.raises(Unavailable, match="could not be listed: TimeoutError: no answer"):
            await until(worker.retention.purge)
