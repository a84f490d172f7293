"""put_namespace, put_partition, put_plan, put_workflow, publish_workflow, and reads beside them."""

import pytest
import redis

from redflow.model.compiling import compile_plan
from redflow.model.plan import decode_plan
from redflow.model.plan_fields import plan_fields
from redflow.store import workflows
from redflow.store.keys import SCHEMA
from redflow.store.workflows import PAGE_OF_FIELDS, Registered
from tests.store.arrange import QUEUES, Scene, flow
from tests.store.support import EPOCH, Store

ZSETS = (
    "timers",
    "live",
    "stopping",
    "finished:completed",
    "finished:failed",
    "finished:cancelled",
)


# --- put_namespace


def test_a_namespace_keeps_its_partitions(store: Store) -> None:
    def put(partitions: int = 0) -> list[int]:
        return list(store.run(workflows.put_namespace(store.space, partitions)))

    assert put() == [0, 0]
    assert put(4) == [4, SCHEMA]
    assert put(8) == [4, SCHEMA]
    assert put() == [4, SCHEMA]


# --- put_partition


def test_a_partition_is_prepared_once(store: Store) -> None:
    op = workflows.put_partition(store.space, store.partition, QUEUES)
    assert store.run(op) == 2
    before = {name: store.command("ZRANGE", store.key(name), 0, -1, "WITHSCORES") for name in ZSETS}
    assert all(reply == [b"~", b"inf"] for reply in before.values())
    store.command("HINCRBY", store.key("sweeper"), "records", 7)
    assert store.run(op) == 0
    assert store.hash("sweeper") == {"records": b"7"}
    assert store.run(workflows.put_partition(store.space, store.partition, ["default", "new"])) == 1


def test_a_group_that_is_made_again_sees_every_token(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution()
    token = scene.claimed("a")
    store.command("XGROUP", "DESTROY", store.key("ready:default"), "workers")
    store.prepare(QUEUES)
    assert [claim.token for claim in scene.advance(claims={"default": 1}).claims] == [token]


def test_a_stream_that_is_something_else_is_said(store: Store) -> None:
    store.command("SET", store.key("ready:mail"), "spoiled")
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
        store.prepare(QUEUES)


# --- put_plan


def test_a_plan_comes_in_pages_and_is_complete_with_the_last(store: Store) -> None:
    leaves = [f"n{i}" for i in range(PAGE_OF_FIELDS)]
    plan = compile_plan(flow("root", *(f"root>{leaf}" for leaf in leaves)), 1)
    ops = list(workflows.put_plan(store.space, store.partition, plan.hash, plan_fields(plan)))
    assert len(ops) > 2
    for op in ops[:-1]:
        assert store.run(op) == "stored"
        assert "n" not in store.hash(f"plan:{plan.hash}")
    assert store.run(ops[-1]) == "stored"
    assert store.hash(f"plan:{plan.hash}") == {
        name: value if isinstance(value, bytes) else str(value).encode()
        for name, value in plan_fields(plan).items()
    }
    assert [store.run(op) for op in ops] == ["dup"] * len(ops)


def test_a_plan_comes_back_as_it_was_stored(store: Store) -> None:
    plan = compile_plan(flow("a>b:yes", "a>c!failure"), 3)
    assert store.run(workflows.read_plan(store.partition, plan.hash)) is None
    store.put_plan(plan)
    stored = store.run(workflows.read_plan(store.partition, plan.hash))
    assert stored is not None
    assert decode_plan(stored) == plan


# --- put_workflow


def register(
    store: Store, content_hash: str, document: bytes = b"{}", **given: object
) -> Registered:
    """Register content of the workflow wf."""
    asked = {"status": "ACTIVE", "about": b"about", "queues": ["default"], **given}
    return store.run(
        workflows.put_workflow(
            store.space,
            "wf",
            content_hash=content_hash,
            document=document,
            **asked,  # type: ignore[arg-type]
        )
    )


def test_new_content_is_a_new_version(store: Store) -> None:
    assert register(store, "h1", b"{1}") == Registered(1, 1, 1, "h1")
    assert register(store, "h2", b"{2}") == Registered(2, 2, 2, "h2")
    assert store.run(workflows.read_version(store.space, "wf", 1)) == ("h1", b"{1}")
    assert store.run(workflows.read_version(store.space, "wf", 2)) == ("h2", b"{2}")
    assert store.run(workflows.read_version(store.space, "wf", 3)) is None


def test_content_of_an_earlier_version_answers_that_and_renews_its_names(store: Store) -> None:
    register(store, "h1", b"{1}")
    register(store, "h2", b"{2}")
    assert register(store, "h1", b"{other}", about=b"renamed", status="INACTIVE") == Registered(
        1, 2, 3, "h2"
    )
    assert store.run(workflows.read_version(store.space, "wf", 1)) == ("h1", b"{other}")
    record = store.run(workflows.read_workflow(store.space, "wf"))
    assert (record["latest"], record["status"], record["about"]) == (b"2", b"INACTIVE", b"renamed")
    assert store.run(workflows.read_workflow(store.space, "nobody")) == {}


def test_workflows_are_listed_by_registration(store: Store) -> None:
    for name in ("zebra", "ant"):
        op = workflows.put_workflow(
            store.space, name, content_hash="h", status="ACTIVE", about=b"", document=b"{}",
            queues=["default"],
        )  # fmt: skip
        store.run(op)
        store.run(op)
        store.now += 1
    assert store.run(workflows.list_workflows(store.space)) == ["zebra", "ant"]


# --- publish_workflow


def test_a_later_revision_wins(store: Store) -> None:
    def publish(revision: int, plan: str = "h1", status: str = "ACTIVE") -> str:
        registered = Registered(1, 1, revision, plan)
        op = workflows.publish_workflow(store.space, store.partition, "wf", registered, status)
        return store.run(op)

    assert publish(2) == "published"
    assert publish(1, "h0") == "older"
    assert publish(2) == "published"
    assert publish(10, "h2", "INACTIVE") == "published"
    assert publish(9) == "older"
    assert store.hash("workflow:wf") == {
        "plan": b"h2", "version": b"1", "status": b"INACTIVE", "revision": b"10",
    }  # fmt: skip


@pytest.mark.parametrize("at", ["created", "updated"])
def test_times_of_a_record_are_the_servers(store: Store, at: str) -> None:
    register(store, "h1")
    store.now += 5
    register(store, "h2")
    found = store.command("HGET", store.keys.workflow("wf"), at)
    assert int(found) == EPOCH + (5 if at == "updated" else 0)
