"""The engine on a Redis Cluster and behind sentinels: what it does on one server it does there."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest

from redflow.client import Client
from redflow.driver import RedisConnector
from redflow.engine import Engine
from redflow.errors import ExecutionCancelled, ExecutionFailed, Misconfigured
from redflow.metrics import Metrics
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.store.sweeps import read_members
from redflow.worker.worker import Worker
from tests.driver.kit import op_of
from tests.faultkit.cluster import Cluster
from tests.faultkit.sentinel import SentinelTrio
from tests.worker.kit import Bench, Gate, chain, until, within

pytestmark = [pytest.mark.server, pytest.mark.fault]

PARTITIONS = 4
SETTINGS = {"interval": 0.5, "lease": 6.0, "beat": 1.0, "sweep": 0.5, "drain": 1.0}
NEVER_SWEEPS = {"sweep": 600.0, "lease": 60.0, "beat": 5.0}


@pytest.fixture(scope="module", params=["cluster", "sentinel"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the URL of a cluster of six nodes, and that of a primary with two replicas."""
    with ExitStack() as running:
        place: Any = Cluster() if request.param == "cluster" else SentinelTrio()
        running.enter_context(place)
        yield place.url


@pytest.fixture
async def engine(url: str, namespace: str) -> AsyncIterator[Engine]:
    async with Engine(url, namespace=namespace, metrics=Metrics()) as one:
        await one.create_namespace(PARTITIONS)
        yield one


@pytest.fixture
async def bench(url: str, namespace: str) -> AsyncIterator[Bench]:
    connector = RedisConnector(url)
    driver = connector.async_driver()
    yield Bench(connector, driver, namespace, partitions=PARTITIONS)
    await driver.close()


@asynccontextmanager
async def working(engine: Engine, **settings: Any) -> AsyncIterator[Worker]:
    async with engine.worker(**{**SETTINGS, **settings}) as worker:
        yield worker


def one(function: str) -> Workflow:
    return chain("one", [function])


# --- the engine


async def test_results_of_many_executions_come_from_all_partitions(engine: Engine):
    @engine.function("double")
    async def double(value: int) -> int:
        return value * 2

    await engine.register_workflow(one("double"))
    async with working(engine):
        handles = await engine.execute_many("one", list(range(100)))
        results = [await within(handle.result()) for handle in handles]
        assert results == [number * 2 for number in range(100)]
        found = await engine.list_executions("one", limit=100)
    assert len(found.items) == 100
    assert len({engine_partition(engine, item.id) for item in found.items}) == PARTITIONS


def engine_partition(engine: Engine, execution: str) -> int:
    space = engine._namespace._space
    assert space is not None
    return space.keys.partition_of(execution).number


async def test_a_waiter_hears_of_an_end_at_once(engine: Engine):
    gate = Gate()
    engine.registry.register_function("hold", gate.passed)
    await engine.register_workflow(one("hold"))
    async with working(engine):
        handles = [await engine.execute("one") for _ in range(6)]
        waiting = [asyncio.create_task(handle.result()) for handle in handles]
        await until(lambda: gate.begun == 6)
        gate.opened.set()
        # Far less than the time after which a waiter looks for itself.
        await within(asyncio.gather(*waiting), 2.0)


async def test_the_synchronous_client_executes_and_waits(engine: Engine, url: str):
    @engine.function("say")
    def say(value: int) -> int:
        return value

    def use() -> list[int]:
        with Client(url, namespace=engine.namespace) as client:
            handles = client.execute_many("one", list(range(20)))
            return [handle.result(timeout=10.0) for handle in handles]

    await engine.register_workflow(one("say"))
    async with working(engine):
        assert await asyncio.to_thread(use) == list(range(20))


async def test_a_signal_wakes_a_step_that_waits(engine: Engine):
    workflow = Workflow.builder("ask").add_node("paid", "signal", name="paid").build()
    await engine.register_workflow(workflow)
    async with working(engine, sweep=600.0, lease=2000.0):
        handle = await engine.execute("ask")
        await engine.signal_execution(handle.id, "paid", {"by": "card"})
        assert await within(handle.result()) == {"by": "card"}


async def test_timers_and_retries_are_due_in_every_partition(engine: Engine):
    tries: dict[str, int] = {}

    @engine.function("second_time")
    async def second_time(ctx: Any, value: int) -> int:
        tries[ctx.execution_id] = tries.get(ctx.execution_id, 0) + 1
        if tries[ctx.execution_id] == 1:
            raise ValueError("not yet")
        return value

    retry = RetryPolicy(3, initial_interval=0.3, maximum_interval=0.3, jitter="none")
    builder = Workflow.builder("timed").add_node("rest", "wait", duration="300ms")
    builder = builder.add_node("a", "function", function="second_time").connect("rest", "a")
    await engine.register_workflow(builder.with_retry(retry).build())
    async with working(engine):
        handles = await engine.execute_many("timed", list(range(12)))
        for handle in handles:
            await within(handle.result())
    assert set(tries.values()) == {2}
    assert len({engine_partition(engine, handle.id) for handle in handles}) == PARTITIONS


async def test_a_child_runs_in_another_partition(engine: Engine):
    @engine.function("inner")
    async def inner(value: int) -> int:
        return value + 1

    await engine.register_workflow(one("inner"))
    outer = Workflow.builder("outer").add_node("child", "subworkflow", workflow="one")
    await engine.register_workflow(outer.build())
    async with working(engine):
        handles = await engine.execute_many("outer", list(range(12)))
        for number, handle in enumerate(handles):
            assert await within(handle.result()) == number + 1


async def test_a_cancel_is_heard_at_once_by_the_worker_that_runs_the_step(engine: Engine):
    gate = Gate()
    engine.registry.register_function("hold", gate.passed)
    await engine.register_workflow(one("hold"))
    async with working(engine, **NEVER_SWEEPS) as worker:
        await within(worker.control.listening.wait())
        handles = [await engine.execute("one") for _ in range(6)]
        await until(lambda: gate.begun == 6)
        for handle in handles:
            await engine.cancel_execution(handle.id, "enough")
        await until(lambda: gate.cancelled == 6, 2.0, "long before the next beat or sweep")
        with pytest.raises(ExecutionCancelled, match="enough"):
            await within(handles[0].result())


async def test_an_error_and_its_reason_are_told(engine: Engine):
    @engine.function("fail")
    async def fail(value: Any) -> None:
        raise ValueError("so it is")

    await engine.register_workflow(one("fail"))
    async with working(engine):
        handle = await engine.execute("one")
        with pytest.raises(ExecutionFailed, match="so it is"):
            await within(handle.result())


# --- the worker


async def test_leases_of_a_silent_worker_are_taken_over_in_every_partition(bench: Bench):
    gate = Gate()
    await bench.one(gate.passed)
    async with bench.working(worker_id="silent", lease=60.0, beat=20.0):
        ids = [bench.id_in(number) for number in range(PARTITIONS)]
        await bench.execute_all("one", ids)
        await until(lambda: gate.begun == PARTITIONS)
        await bench.silence()
        gate.opened.set()
        async with bench.working() as other:
            await bench.all_ended()
            await until(lambda: other.sweeper.outage.lasts == 0.0)
        assert await bench.problems() == []


async def test_groups_that_were_lost_are_made_again(bench: Bench):
    async def work() -> None:
        pass

    await bench.one(work)
    async with bench.working():
        for partition in bench.space.keys:
            await bench.driver.raw("XGROUP", "DESTROY", partition.ready("default"), "workers")
        await bench.execute_all("one", [bench.id_in(n) for n in range(PARTITIONS)])
        await bench.all_ended()


async def test_all_permanent_keys_of_a_partition_share_a_slot(bench: Bench):
    async def work() -> None:
        pass

    await bench.one(work)
    for partition in bench.space.keys:
        assert await bench.driver.run(read_members(partition, "live", 0, -1)) == []
        keys = [*partition.permanent.values(), partition.ready("default"), partition.execution("e")]
        await bench.driver.run(op_of("for i = 1, #KEYS do redis.call('TYPE', KEYS[i]) end", *keys))


async def test_every_primary_is_judged_when_a_worker_starts(url: str, bench: Bench):
    driver = bench.driver
    primaries = await driver.everywhere("CONFIG", "SET", "maxmemory-policy", "noeviction")
    where, _ = primaries[-1]
    last = RedisConnector(f"redis://{where}" if "cluster" in url else url).async_driver()
    try:
        await last.raw("CONFIG", "SET", "maxmemory", "1gb")
        await last.raw("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        with pytest.raises(Misconfigured, match="maxmemory-policy is allkeys-lru") as caught:
            await bench.worker().start()
        assert f"Redis at {where} is not fit" in str(caught.value)
    finally:
        await last.raw("CONFIG", "SET", "maxmemory", "0")
        await last.raw("CONFIG", "SET", "maxmemory-policy", "noeviction")
        await last.close()
