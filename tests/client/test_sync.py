"""The synchronous client goes the same ways as the asynchronous one it is generated from."""

import threading

import pytest

from redflow.client import Client
from redflow.driver import Connector, Driver
from redflow.errors import (
    Conflict,
    ExecutionCancelled,
    ExecutionFailed,
    InvalidWorkflow,
    NotFound,
    StoreError,
    Unavailable,
)
from redflow.model.status import ExecutionStatus, Phase
from redflow.model.workflow import Node, Workflow
from redflow.store.keys import PartitionKeys
from redflow.store.space import Limits
from tests.client.conftest import PARTITIONS
from tests.client.kit import chain, wide
from tests.client.test_signalling import approval


def keys_of(client: Client, execution: str) -> PartitionKeys:
    return client._namespace.space().keys.partition_of(execution)


def test_it_registers_starts_and_reads(sync_client: Client):
    info = sync_client.register_workflow(chain("order", "a", "b"))
    handle = sync_client.execute("order", {"n": 1}, id="mine", labels={"k": "v"})
    assert repr(handle) == "Handle('mine')"
    assert handle.status() is ExecutionStatus.RUNNING
    assert handle.execution() == sync_client.get_execution("mine")
    assert handle.steps() == sync_client.get_execution_steps("mine")
    assert sync_client.get_workflow("order") == info
    assert sync_client.get_workflow("order", 1) == info
    assert [one.id for one in sync_client.list_workflows()] == ["order"]
    assert sync_client.get_plan(info.content_hash).hash == info.content_hash
    assert sync_client.create_namespace() == PARTITIONS


def test_it_lists(sync_client: Client):
    sync_client.register_workflow(chain())
    many = sync_client.execute_many("order", range(30), labels={"k": "v"})
    found, cursor = [], None
    while True:
        page = sync_client.list_executions("order", labels={"k": "v"}, limit=7, cursor=cursor)
        found += [one.id for one in page.items]
        cursor = page.cursor
        if not page.more:
            break
    assert sorted(found) == sorted(one.id for one in many)


def test_conflicts(sync_client: Client):
    sync_client.register_workflow(chain(), partitions=2)
    with pytest.raises(Conflict, match="2 partitions"):
        sync_client.create_namespace(3)
    sync_client.execute("order", 1, id="mine")
    sync_client.execute("order", 1, id="mine")
    with pytest.raises(Conflict, match="'mine' exists"):
        sync_client.execute("order", 2, id="mine")
    with pytest.raises(Conflict, match="1 of 2"):
        sync_client.execute_many("order", [2, 2], ids=["mine", "other"])
    assert sync_client.execute_many("order", []) == []


def test_what_is_not_there(sync_client: Client):
    with pytest.raises(NotFound, match="namespace"):
        sync_client.execute("order")
    with pytest.raises(InvalidWorkflow):
        sync_client.register_workflow(Workflow("order", nodes=(Node("a", ""), Node("a", ""))))
    sync_client.register_workflow(chain())
    with pytest.raises(NotFound, match="'nope' is not registered"):
        sync_client.execute("nope")
    with pytest.raises(NotFound, match="no version 2"):
        sync_client.execute("order", version=2)
    with pytest.raises(NotFound, match="not registered"):
        sync_client.get_workflow("nope")
    with pytest.raises(NotFound, match="no version 2"):
        sync_client.get_workflow("order", 2)
    with pytest.raises(NotFound, match="'nope' does not exist"):
        sync_client.handle("nope").result(0)
    with pytest.raises(NotFound, match="'nope' does not exist"):
        sync_client.get_execution("nope")
    with pytest.raises(NotFound, match="stored nowhere"):
        sync_client.get_plan("a" * 26)


def test_new_versions_and_lost_plans(
    sync_client: Client, sync_driver: Driver, connector: Connector
):
    sync_client.register_workflow(chain("order", "a"))
    with Client(connector, namespace=sync_client.namespace) as other:
        other.execute("order")
        info = sync_client.register_workflow(chain("order", "a", "b"))
        assert other.execute("order").execution().version == 2
        assert other.execute("order", version=1).execution().version == 1
        sync_driver.raw("DEL", keys_of(other, "mine").plan(info.content_hash))
        assert other.execute("order", id="mine").execution().version == 2
    partition = keys_of(sync_client, "here")
    sync_driver.raw("DEL", partition.workflow("order"))
    with pytest.raises(NotFound, match="cut short"):
        sync_client.execute("order", id="here")


def test_orders_of_a_wide_workflow(
    connector: Connector, namespace: str, monkeypatch: pytest.MonkeyPatch
):
    with Client(connector, namespace=namespace, limits=Limits(edge_budget=10)) as client:
        client.register_workflow(wide("wide", 25))
        handle = client.execute("wide")
        assert sum(step.attempt == 1 for step in handle.steps()) == 25


def test_it_acts_on_executions(sync_client: Client):
    sync_client.register_workflow(approval())
    handle = sync_client.execute("order", id="mine", delay="1h", timeout="2h")
    assert handle.status() is ExecutionStatus.PENDING
    assert handle.signal("approve", id="one") == "buffered"
    assert sync_client.signal_execution("mine", "approve", signal_id="one") == "duplicate"
    assert [str(one.code) for one in sync_client.explain("mine")] == ["scheduled"]
    handle.cancel("changed my mind")
    with pytest.raises(ExecutionCancelled, match="changed my mind"):
        handle.result(1)

    assert sync_client.plan_rerun("mine").id == "mine~r1"
    again = sync_client.rerun_execution("mine")
    sync_client.pause_execution(again.id, "look first")
    assert again.execution().phase is Phase.PAUSED
    again.resume()
    assert [str(one.code) for one in sync_client.explain(again.id, "approve")] == [
        "no_worker_for_queue"
    ]
    sync_client.skip_step(again.id, "approve", {"ok": True})
    sync_client.fail_execution(again.id, "enough")
    with pytest.raises(ExecutionFailed, match="enough"):
        again.result(1)
    assert sync_client.purge(status="FAILED") == 1
    assert sync_client.purge() == 1


def test_it_acts_on_workflows_and_queues(sync_client: Client):
    sync_client.register_workflow(chain("order"))
    handle = sync_client.execute("order")
    sync_client.workflows.pause("order")
    assert handle.execution().phase is Phase.PAUSED
    sync_client.workflows.resume("order")
    assert handle.execution().phase is Phase.RUNNING
    sync_client.workflows.deactivate("order")
    with pytest.raises(Conflict, match="INACTIVE"):
        sync_client.execute("order")
    sync_client.workflows.reactivate("order")
    sync_client.workflows.activate("order", 1)
    assert sync_client.workflows.list() == sync_client.list_workflows()
    assert sync_client.workflows.get("order").version == 1
    sync_client.queues.pause("default", "bank is down")
    sync_client.pause_namespace()
    sync_client.resume_namespace()
    (queue,) = sync_client.queues.list()
    assert (queue.waiting, queue.running) == (1, 0)
    assert queue.paused
    sync_client.queues.resume("default")
    assert sync_client.workers.list() == []
    with pytest.raises(NotFound, match="worker 'w1'"):
        sync_client.workers.drain("w1")


def test_errors_of_redis(sync_client: Client, monkeypatch: pytest.MonkeyPatch):
    sync_client.register_workflow(chain())
    errors: list[StoreError] = [Unavailable("no answer", ambiguous=True), StoreError("other")]

    def failing(*ops: object, **options: object) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(sync_client._namespace.driver, "run_many", failing)
    with pytest.raises(Unavailable, match="'mine': no answer"):
        sync_client.execute("order", id="mine")
    with pytest.raises(StoreError, match="other"):
        sync_client.execute("order", id="mine")


def test_threads_share_a_client(sync_client: Client):
    sync_client.register_workflow(chain())
    found: list[str] = []

    def start(number: int) -> None:
        for count in range(10):
            found.append(sync_client.execute("order", id=f"t{number}-{count}").id)

    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 80
    assert len(sync_client.list_executions(limit=1000).items) == 80
