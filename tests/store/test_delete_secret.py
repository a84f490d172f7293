"""delete_secret: nothing is left of a secret, and the others stay."""

from redflow.store.secrets import delete_secret, list_secrets, put_secret, read_secret
from tests.store.support import Store


def put(store: Store, name: str) -> None:
    store.run(put_secret(store.space, name, sealed=b"sealed", hosts=["a.example"]))


def delete(store: Store, name: str) -> bool:
    return store.run(delete_secret(store.space, name))


def test_it_is_gone(store: Store) -> None:
    put(store, "a")
    put(store, "b")
    assert delete(store, "a")
    assert store.run(read_secret(store.space, "a")) is None
    assert store.run(list_secrets(store.space)) == ["b"]


def test_the_last_one_leaves_no_key(store: Store) -> None:
    put(store, "a")
    delete(store, "a")
    assert store.command("EXISTS", store.keys.secrets) == 0


def test_one_that_is_not_there(store: Store) -> None:
    put(store, "a")
    assert [delete(store, "b"), delete(store, "a"), delete(store, "a")] == [False, True, False]
