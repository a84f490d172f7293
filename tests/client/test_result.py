"""Waiting for results: what they are, how failures come back, and that no end is missed."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from redflow.client import AsyncClient, Client
from redflow.client._async import waiting
from redflow.client._sync import waiting as sync_waiting
from redflow.driver import AsyncDriver, Connector
from redflow.errors import ExecutionCancelled, ExecutionFailed, InvalidInput, NotFound, Unavailable
from redflow.model.plan import Plan
from redflow.model.workflow import Workflow
from redflow.store.steps import Claim
from tests.client.kit import Outcome, Workers, chain, completed, count_trips, failed


async def until_waiting(client: AsyncClient, count: int = 1) -> None:
    """Return when so many waiters wait for their reader."""
    while (
        sum(client._rooms.waiting._waiters.values()) < count or not client._rooms.waiting._positions
    ):
        await asyncio.sleep(0)


async def test_the_result_is_the_output_of_the_sink(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    waiter = asyncio.create_task(handle.result(timeout=20))
    await until_waiting(client)
    await workers.run(lambda plan, claim: completed({"n": claim.envelope.step}))
    assert await waiter == {"n": 2}


async def test_a_result_that_is_there_is_not_waited_for(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    await workers.run()
    counting = count_trips(client)
    assert await handle.result(timeout=0) == "a"
    assert counting.asked == ["read_fields", "read_fields"]
    assert client._rooms.waiting._reader is None


async def test_a_known_stream_costs_a_waiter_two_round_trips(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain(), partitions=1)
    handles = await client.execute_many("order", range(2))
    first = asyncio.create_task(handles[0].result(20))
    await until_waiting(client)
    counting = count_trips(client)
    second = asyncio.create_task(handles[1].result(20))
    await until_waiting(client, 2)
    await workers.run()
    assert await second == await first == "a"
    assert counting.asked.count("read_position") == 0
    assert counting.asked.count("read_fields") == 3


def sinks(count: int) -> Workflow:
    builder = Workflow.builder("fan").add_node("root", "function").with_config("function", "f")
    for number in range(count):
        builder = builder.add_node(f"s{number}", "function").with_config("function", "f")
    for number in range(count):
        builder = builder.connect("root", f"s{number}")
    return builder.build()


@pytest.mark.parametrize("count", [2, 130])
async def test_several_sinks_make_a_map(client: AsyncClient, workers: Workers, count: int):
    await client.register_workflow(sinks(count))
    handle = await client.execute("fan")
    waiter = asyncio.create_task(handle.result(20))
    await until_waiting(client)
    await workers.run()
    expected = {f"s{number}": f"s{number}" for number in range(count)}
    assert await waiter == await handle.result() == expected
    assert (await handle.execution()).output == expected


@pytest.mark.parametrize("value", ["x" * 5000, "ends with\n@", None, 0, [], {"a": b"\n@"}])
async def test_outputs_of_every_kind(client: AsyncClient, workers: Workers, value: Any):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    await workers.run(lambda plan, claim: completed(value))
    assert await handle.result() == value
    assert (await handle.execution()).output == value
    assert [step.output for step in await handle.steps()] == [value, value]


async def test_a_failure_is_raised_with_its_node_and_reason(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    waiter = asyncio.create_task(handle.result(20))
    await until_waiting(client)

    def act(plan: Plan, claim: Claim) -> Outcome:
        return completed() if claim.envelope.step == 1 else failed("no stock", "shop.Empty")

    await workers.run(act)
    with pytest.raises(ExecutionFailed, match="no stock") as caught:
        await waiter
    assert (caught.value.execution_id, caught.value.node) == (handle.id, "b")
    assert (caught.value.reason, caught.value.error) == ("error", "shop.Empty: no stock")


async def test_a_cancelled_execution(client: AsyncClient, driver: AsyncDriver, workers: Workers):
    """Nothing cancels executions yet, but their records say how they would."""
    await client.register_workflow(chain())
    handle = await client.execute("order")
    await workers.run()
    key = (await client._namespace.partition_of(handle.id)).execution(handle.id)
    await driver.raw("HSET", key, "ended", "1700000000000 X")
    with pytest.raises(ExecutionCancelled, match=handle.id):
        await handle.result()


async def test_an_error_that_cannot_be_read(client: AsyncClient, driver: AsyncDriver):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    key = (await client._namespace.partition_of(handle.id)).execution(handle.id)
    await driver.raw("HSET", key, "ended", "1700000000000 F", "error", b"=\xc1")
    with pytest.raises(ExecutionFailed, match="UnreadableError"):
        await handle.result()
    await driver.raw("HDEL", key, "error")
    with pytest.raises(ExecutionFailed, match="no error is recorded"):
        await handle.result()


async def test_a_timeout_names_the_execution(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    for timeout in (0, 0.01, "10ms"):
        with pytest.raises(TimeoutError, match=f"'{handle.id}' has not ended within"):
            await handle.result(timeout)  # type: ignore[arg-type]
    await workers.run()
    assert await handle.result(0) == "a"


@pytest.mark.parametrize("timeout", [-1, float("nan"), "soon", True, [], 10**400])
async def test_a_bad_timeout(client: AsyncClient, timeout: Any):
    with pytest.raises(InvalidInput, match="timeout"):
        await client.handle("e").result(timeout)


async def test_an_execution_that_does_not_exist(client: AsyncClient):
    await client.create_namespace(1)
    handle = client.handle("nope")
    for call in (handle.result, handle.status, handle.execution, handle.steps):
        with pytest.raises(NotFound, match="'nope' does not exist"):
            await call()


async def test_many_waiters_of_one_and_of_many_executions(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain())
    handles = await client.execute_many("order", range(60))
    waiters = [asyncio.create_task(handle.result(20)) for handle in handles + handles[:5]]
    await until_waiting(client, 65)
    assert len(asyncio.all_tasks()) < 65 + 10  # one reader for all
    await workers.run()
    assert await asyncio.gather(*waiters) == ["a"] * 65
    assert client._rooms.waiting._watches == {}


async def test_an_end_between_look_and_wait_is_not_missed(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    """Workers end the execution at each moment of a waiter's life, without the look every 5 s."""
    monkeypatch.setattr(waiting, "REREAD", 3600.0)
    await client.register_workflow(chain())
    driver = client._namespace.driver
    for moment in range(4):
        run, asked = driver.run, 0
        handle = await client.execute("order")

        async def interrupted(op: Any, moment: int = moment, run: Any = run, **options: Any) -> Any:
            nonlocal asked
            if op.name in ("read_fields", "read_position"):
                asked += 1
                if asked - 1 == moment:
                    await workers.run()
            return await run(op, **options)

        with monkeypatch.context() as patch:
            patch.setattr(driver, "run", interrupted)
            waiter = asyncio.create_task(handle.result(20))
            if moment < 3:
                assert await waiter == "a"
                await client._rooms.waiting.close()
            else:
                await until_waiting(client)
                await workers.run()
                assert await waiter == "a"


async def test_an_end_that_no_entry_tells_is_found(
    client: AsyncClient, driver: AsyncDriver, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(waiting, "REREAD", 0.05)
    await client.register_workflow(chain(), partitions=1)
    (partition,) = (await client._namespace.space()).keys
    handle = await client.execute("order")
    waiter = asyncio.create_task(handle.result(20))
    await until_waiting(client)
    client._rooms.waiting._positions[partition.permanent["done"]] = "9999999999999-0"
    await workers.run()
    assert await waiter == "a"


async def test_a_reader_that_fails_goes_on(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(waiting, "PAUSE", 0.0)
    await client.register_workflow(chain())
    handle = await client.execute("order")
    driver = client._namespace.driver
    read_streams, failures = driver.read_streams, 3

    async def failing(*streams: Any, **options: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("gone")
        return await read_streams(*streams, **options)

    monkeypatch.setattr(driver, "read_streams", failing)
    waiter = asyncio.create_task(handle.result(20))
    while failures:
        await asyncio.sleep(0)
    await workers.run()
    assert await waiter == "a"


async def test_streams_without_waiters_are_dropped(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(waiting, "KEEP", 0.0)
    monkeypatch.setattr(waiting, "REREAD", 0.01)
    await client.register_workflow(chain())
    handle = await client.execute("order")
    with pytest.raises(TimeoutError):
        await handle.result(0.1)  # long enough to begin to read
    reader = client._rooms.waiting._reader
    assert reader is not None
    await asyncio.wait_for(reader, 10)
    assert client._rooms.waiting._positions == {}
    waiter = asyncio.create_task(handle.result(20))
    await until_waiting(client)
    await workers.run()
    assert await waiter == "a"


async def test_closing_ends_the_waiting(connector: Connector, namespace: str, workers: Workers):
    async with AsyncClient(connector, namespace=namespace) as client:
        await client.register_workflow(chain())
        handle = await client.execute("order")
        waiter = asyncio.create_task(handle.result())
        await until_waiting(client)
    with pytest.raises(Unavailable, match="closed while"):
        await waiter
    await workers.run()
    assert await handle.result() == "a"  # a later call opens new connections
    await client.close()


def test_one_client_in_two_event_loops(connector: Connector, namespace: str):
    client = AsyncClient(connector, namespace=namespace)

    async def main(number: int) -> None:
        async with client:
            await client.register_workflow(chain(), partitions=1)
            handles = await asyncio.gather(*(client.execute("order", n) for n in range(20)))
            waiters = [asyncio.create_task(handle.result(20)) for handle in handles]
            await until_waiting(client, 20)
            await Workers(client, client._namespace.driver).run()
            assert await asyncio.gather(*waiters) == ["a"] * 20

    for number in range(2):
        asyncio.run(main(number))


async def test_a_waiter_that_is_cancelled_leaves(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    waiters = [asyncio.create_task(handle.result()) for _ in range(2)]
    await until_waiting(client, 2)
    waiters[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiters[0]
    assert sum(client._rooms.waiting._waiters.values()) == 1
    await workers.run()
    assert await waiters[1] == "a"


# The synchronous client waits by itself


@pytest.fixture
def run_soon(connector: Connector, namespace: str) -> Iterator[threading.Event]:
    """Return an event; once it is set, workers of another thread run what is ready."""
    go = threading.Event()

    async def run() -> None:
        async with AsyncClient(connector, namespace=namespace) as client:
            await Workers(client, client._namespace.driver).run()

    def body() -> None:
        go.wait()
        asyncio.run(run())

    thread = threading.Thread(target=body)
    thread.start()
    yield go
    go.set()
    thread.join()


@pytest.mark.parametrize("moment", [0, 1, 2, 3])
def test_a_thread_waits(
    sync_client: Client,
    run_soon: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
):
    monkeypatch.setattr(sync_waiting, "REREAD", 3600.0)
    sync_client.register_workflow(chain())
    handle = sync_client.execute("order")
    driver = sync_client._namespace.driver
    run, read, asked = driver.run, driver.read_streams, 0

    def watched(call: Any) -> Any:
        def asking(*words: Any, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked - 1 == moment:
                run_soon.set()
            return call(*words, **options)

        return asking

    monkeypatch.setattr(driver, "run", watched(run))
    monkeypatch.setattr(driver, "read_streams", watched(read))
    assert handle.result(timeout=20) == "a"


def test_a_thread_gives_up_in_time(sync_client: Client):
    sync_client.register_workflow(chain())
    handle = sync_client.execute("order")
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="has not ended within"):
        handle.result(timeout=0.05)
    assert time.monotonic() - began < 10


def test_a_thread_reads_on_after_an_error(
    sync_client: Client, run_soon: threading.Event, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sync_waiting, "PAUSE", 0.0)
    sync_client.register_workflow(chain())
    handle = sync_client.execute("order")

    def failing(*streams: Any, **options: Any) -> Any:
        run_soon.set()
        raise Unavailable("gone")

    monkeypatch.setattr(sync_client._namespace.driver, "read_streams", failing)
    assert handle.result(timeout=20) == "a"
