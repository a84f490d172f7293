"""drain_worker: a worker is asked to end, and hears of it with its next beat."""

from redflow.store.workers import Beat, drain_worker, put_worker
from tests.store.support import Store

ALIVE = 30_000


def beat(store: Store, worker: str, about: bytes = b"about") -> Beat:
    """Beat once."""
    op = put_worker(store.space, worker, queues=["default"], about=about, alive=ALIVE)
    return store.run(op)


def drain(store: Store, worker: str) -> str:
    return store.run(drain_worker(store.space, worker))


def test_a_worker_hears_with_its_next_beat_and_all_later_ones(store: Store) -> None:
    assert not beat(store, "w1").drain
    beat(store, "w2")
    assert [drain(store, "w1"), drain(store, "w1")] == ["ok", "ok"]
    assert [beat(store, "w1").drain, beat(store, "w1").drain] == [True, True]
    assert not beat(store, "w2").drain


def test_the_record_still_expires(store: Store) -> None:
    beat(store, "w1")
    drain(store, "w1")
    assert 0 < store.command("PTTL", store.keys.worker("w1")) <= 10 * ALIVE


def test_a_worker_that_left_is_gone_and_stays_so(store: Store) -> None:
    beat(store, "w1")
    drain(store, "w1")
    assert not beat(store, "w1", about=b"").drain
    assert drain(store, "w1") == "gone"
    assert store.command("EXISTS", store.keys.worker("w1")) == 0


def test_a_worker_of_the_same_name_begins_afresh(store: Store) -> None:
    beat(store, "w1")
    drain(store, "w1")
    beat(store, "w1", about=b"")
    assert not beat(store, "w1").drain
