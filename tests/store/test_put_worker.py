"""put_worker: beats, counts of live workers, and leaving."""

from redflow.store.workers import Beat, put_pause, put_worker
from tests.store.support import Store

ALIVE = 30_000


def beat(
    store: Store, worker: str, *queues: str, about: bytes = b"about", alive: int = ALIVE
) -> Beat:
    """Beat once."""
    return store.run(put_worker(store.space, worker, queues=queues, about=about, alive=alive))


def test_workers_of_a_queue_are_counted(store: Store) -> None:
    assert beat(store, "w1", "default", "mail").workers == {"default": 1, "mail": 1}
    assert beat(store, "w2", "default").workers == {"default": 2}
    assert beat(store, "w1", "mail", "default").workers == {"mail": 1, "default": 2}


def test_every_queue_of_the_namespace_is_told(store: Store) -> None:
    beat(store, "w1", "mail")
    assert beat(store, "w2", "default").queues == ["default", "mail"]


def test_a_silent_worker_counts_no_more(store: Store) -> None:
    beat(store, "w1", "default")
    store.now += ALIVE - 1
    assert beat(store, "w2", "default").workers == {"default": 2}
    store.now += 1
    assert beat(store, "w2", "default").workers == {"default": 1}


def test_a_record_expires_some_beats_after_the_last(store: Store) -> None:
    beat(store, "w1", "default")
    key = store.keys.worker("w1")
    assert store.command("HMGET", key, "about", "beat") == [b"about", str(store.now).encode()]
    assert ALIVE < store.command("PTTL", key) <= 10 * ALIVE


def test_a_worker_that_leaves_is_gone_at_once(store: Store) -> None:
    beat(store, "w1", "default")
    beat(store, "w2", "default")
    assert beat(store, "w1", "default", about=b"").workers == {"default": 1}
    assert store.command("EXISTS", store.keys.worker("w1")) == 0
    assert beat(store, "w1", "default", about=b"").workers == {"default": 1}


def test_paused_queues_are_told(store: Store) -> None:
    """Also those it does not serve, and the whole namespace as `*`."""
    assert beat(store, "w1", "default").paused == frozenset()
    for name in ("mail", "*"):
        store.run(put_pause(store.space, name, on=True, note=b"note"))
    assert beat(store, "w1", "default").paused == {"mail", "*"}
    store.run(put_pause(store.space, "*", on=False))
    assert beat(store, "w1", "default").paused == {"mail"}


def test_a_worker_that_nobody_asked_to_end_goes_on(store: Store) -> None:
    assert not beat(store, "w1", "default").drain
