"""Workflows, queues and workers as their managers show and change them."""

import getpass
import socket

import pytest

from redflow.client import AsyncClient, actor
from redflow.driver import AsyncDriver
from redflow.errors import Conflict, InvalidInput, NotFound
from redflow.model.status import WorkflowStatus
from tests.client.kit import Workers, chain, hold, pass_time


async def test_activate_moves_the_version_that_is_started(client: AsyncClient, connector):
    await client.register_workflow(chain("order", "a"))
    await client.register_workflow(chain("order", "a", "b"))
    await client.workflows.activate("order", 1)
    info = await client.workflows.get("order")
    assert (info.version, info.latest) == (1, 1)
    assert (await (await client.execute("order")).execution()).version == 1
    async with AsyncClient(connector, namespace=client.namespace) as other:
        assert (await (await other.execute("order")).execution()).version == 1
    await client.workflows.activate("order", 2)
    assert (await (await client.execute("order")).execution()).version == 2
    assert (await client.workflows.get("order", 1)).version == 1


async def test_a_workflow_that_is_deactivated_starts_nothing(client: AsyncClient):
    await client.register_workflow(chain("order"))
    await client.workflows.deactivate("order")
    (info,) = await client.workflows.list()
    assert info.status is WorkflowStatus.INACTIVE
    with pytest.raises(Conflict, match="'order' is INACTIVE") as caught:
        await client.execute("order")
    assert "reactivate" in caught.value.hint
    await client.workflows.reactivate("order")
    assert (await client.workflows.get("order")).status is WorkflowStatus.ACTIVE
    await client.execute("order")


async def test_workflows_that_are_not_there(client: AsyncClient):
    await client.register_workflow(chain("order"))
    with pytest.raises(NotFound, match="'order' has no version 2"):
        await client.workflows.activate("order", 2)
    for call in (
        client.workflows.activate("nope", 1),
        client.workflows.deactivate("nope"),
        client.workflows.reactivate("nope"),
        client.workflows.get("nope"),
    ):
        with pytest.raises(NotFound, match="'nope' is not registered"):
            await call


async def test_queues_count_what_waits_and_what_runs(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order"), partitions=2)
    (queue,) = await client.queues.list()
    assert (queue.name, queue.waiting, queue.running, queue.workers) == ("default", 0, 0, 0)
    await client.execute_many("order", range(7))
    await workers.run(hold, rounds=1)
    await client.execute_many("order", range(4))
    await workers.beat()
    (queue,) = await client.queues.list()
    assert (queue.waiting, queue.running, queue.workers) == (4, 7, 1)


async def test_a_queue_that_only_workers_know(client: AsyncClient, workers: Workers):
    await client.create_namespace(1)
    await workers.beat()
    (queue,) = await client.queues.list()
    assert (queue.name, queue.waiting, queue.workers) == ("default", 0, 1)


async def test_workers_as_they_describe_themselves(client: AsyncClient, workers: Workers):
    await client.create_namespace(1)
    await workers.beat("w2")
    await workers.beat("w1", functions=("f", "g"))
    first, second = await client.workers.list()
    assert [first.id, second.id] == ["w1", "w2"]
    assert first.alive
    assert (first.functions, first.types, first.queues) == (("f", "g"), ("function",), ("default",))
    assert (first.slots, first.host, first.pid) == (10, "pod", 7)
    assert first.started_at
    assert first.last_beat > first.started_at
    assert not first.draining


async def test_a_worker_whose_beats_have_stopped(client: AsyncClient, workers: Workers):
    await client.create_namespace(1)
    pass_time(client, -60_000)
    await workers.beat()
    (worker,) = await client.workers.list()
    assert not worker.alive
    (queue,) = await client.queues.list()
    assert queue.workers == 0


@pytest.mark.parametrize("about", [b"\xc1", b"\x01", b"\x80"])
async def test_a_worker_of_a_later_version(
    client: AsyncClient, workers: Workers, driver: AsyncDriver, about: bytes
):
    await client.create_namespace(1)
    await workers.beat()
    space = await client._namespace.space()
    await driver.raw("HSET", space.keys.worker("w1"), "about", about)
    (worker,) = await client.workers.list()
    assert (worker.id, worker.alive, worker.functions, worker.slots) == ("w1", True, (), 0)


async def test_a_worker_whose_record_has_expired(
    client: AsyncClient, workers: Workers, driver: AsyncDriver
):
    await client.create_namespace(1)
    await workers.beat()
    space = await client._namespace.space()
    await driver.raw("DEL", space.keys.worker("w1"))
    assert await client.workers.list() == []


async def test_a_worker_is_asked_to_drain(client: AsyncClient, workers: Workers):
    await client.create_namespace(1)
    await workers.beat()
    await client.workers.drain("w1")
    (worker,) = await client.workers.list()
    assert worker.draining
    with pytest.raises(NotFound, match="worker 'w9' is not known"):
        await client.workers.drain("w9")


def test_who_acts_is_named(monkeypatch: pytest.MonkeyPatch):
    def nobody() -> str:
        raise KeyError("uid not found")

    assert actor.actor() == f"{getpass.getuser()}@{socket.gethostname()}"
    monkeypatch.setattr(getpass, "getuser", nobody)
    actor.actor.cache_clear()
    try:
        assert actor.actor() == f"unknown@{socket.gethostname()}"
    finally:
        actor.actor.cache_clear()


async def test_the_load_takes_two_round_trips(
    client: AsyncClient, workers: Workers, driver: AsyncDriver
):
    await client.register_workflow(chain("order"), partitions=2)
    await client.execute_many("order", range(7))
    asked: list[str] = []
    own = client._namespace.driver
    once, all_once = own.ask_once, own.ask_all_once

    async def ask_once(op, packed):
        asked.append(op.name)
        return await once(op, packed)

    async def ask_all_once(ops, packed):
        asked.append(f"{len(ops)} {ops[0].name}")
        return await all_once(ops, packed)

    own.ask_once, own.ask_all_once = ask_once, ask_all_once  # type: ignore[method-assign]
    load = await client.queues.load(slots=3)
    assert asked == ["read_queues", "2 read_load"]
    (queue,) = load.queues
    assert (queue.ready, queue.in_flight, queue.desired_workers) == (7, 0, 3)
    assert queue.oldest_ready_age >= 0
    assert (load.timers_due, load.executions_live) == (0, 7)
    with pytest.raises(InvalidInput, match="slots"):
        await client.queues.load(slots=0)
