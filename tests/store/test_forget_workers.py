"""forget_workers: names of dead workers go, what is pending under any name stays."""

import pytest

from redflow.store.workers import forget_workers
from tests.store.support import Store, pairs


def claim(store: Store, worker: str, queue: str = "default", *, ack: bool) -> str:
    """Have a worker claim an entry of a queue, and be done with it or not."""
    key = store.key(f"ready:{queue}")
    token: bytes = store.command("XADD", key, "*", "e", "envelope")
    store.command("XREADGROUP", "GROUP", "workers", worker, "STREAMS", key, ">")
    if ack:
        store.command("XDEL", key, token)
        store.command("XACK", key, "workers", token)
    return token.decode()


def consumers(store: Store, queue: str = "default") -> list[str]:
    """The names that a group knows."""
    found = store.command("XINFO", "CONSUMERS", store.key(f"ready:{queue}"), "workers")
    return sorted(pairs(one)["name"].decode() for one in found)


def forget(store: Store, *alive: str, idle: int = 0, limit: int = 1000, queues: str = "default"):
    op = forget_workers(
        store.space,
        store.partition,
        queues=queues.split(),
        alive=alive,
        idle=idle,
        limit=limit,
    )
    return store.run(op)


def test_a_dead_worker_is_forgotten_once(store: Store) -> None:
    store.prepare(["default", "mail"])
    for queue in ("default", "mail"):
        claim(store, "dead", queue, ack=True)
        claim(store, "alive", queue, ack=True)
    assert forget(store, "alive", "another", queues="default mail") == 2
    assert (consumers(store), consumers(store, "mail")) == (["alive"], ["alive"])
    assert forget(store, "alive", queues="default mail") == 0


@pytest.mark.row(24)
def test_what_is_pending_keeps_its_name(store: Store) -> None:
    """Its entries would be gone with it, and so would the steps."""
    store.prepare(["default"])
    token = claim(store, "dead", ack=False)
    assert forget(store) == 0
    assert store.pending("default") == {token: "dead"}
    assert consumers(store) == ["dead"]


def test_who_was_heard_of_lately_is_not_dead(store: Store) -> None:
    store.prepare(["default"])
    claim(store, "young", ack=True)
    assert forget(store, idle=60_000) == 0
    assert consumers(store) == ["young"]


def test_one_call_removes_so_many(store: Store) -> None:
    store.prepare(["default"])
    for number in range(5):
        claim(store, f"w{number}", ack=True)
    assert [forget(store, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert consumers(store) == []


def test_a_stream_or_a_group_that_is_gone_has_no_consumers(store: Store) -> None:
    store.prepare(["default", "mail", "there"])
    claim(store, "dead", "there", ack=True)
    store.command("DEL", store.key("ready:default"))
    store.command("XGROUP", "DESTROY", store.key("ready:mail"), "workers")
    assert forget(store, queues="default mail there") == 1
    assert store.command("EXISTS", store.key("ready:default")) == 0
