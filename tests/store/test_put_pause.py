"""put_pause: the namespace's record of what is paused, for workers that begin or were away."""

from redflow.store.workers import put_pause
from redflow.store.workflows import put_namespace
from tests.store.support import Store


def put(store: Store, name: str, *, on: bool = True, note: bytes = b"note") -> bool:
    """Note a pause, or its end; answers whether that is news."""
    return store.run(put_pause(store.space, name, on=on, note=note))


def record(store: Store) -> list[bytes]:
    return store.command("HGETALL", store.keys.namespace_record)


def test_what_is_paused_is_noted_once(store: Store) -> None:
    assert [put(store, "default"), put(store, "default")] == [True, False]
    assert put(store, "*", note=b"all")
    assert record(store) == [b"pause:default", b"note", b"pause:*", b"all"]


def test_what_goes_on_is_forgotten(store: Store) -> None:
    put(store, "default")
    put(store, "*")
    assert [put(store, "default", on=False), put(store, "default", on=False)] == [True, False]
    assert record(store) == [b"pause:*", b"note"]


def test_the_last_note_stays(store: Store) -> None:
    put(store, "default")
    put(store, "default", note=b"later")
    assert record(store) == [b"pause:default", b"later"]


def test_it_leaves_the_rest_of_the_record_alone(store: Store) -> None:
    store.run(put_namespace(store.space, 4))
    put(store, "default")
    put(store, "default", on=False)
    partitions, _ = store.run(put_namespace(store.space))
    assert partitions == 4
