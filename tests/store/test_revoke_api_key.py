"""revoke_api_key: nothing is left of a key, and the others stay."""

from redflow.store.api_keys import list_api_keys, put_api_key, revoke_api_key
from tests.store.support import Store


def put(store: Store, id: str) -> None:
    store.run(put_api_key(store.space, id, digest="d", role="viewer", name="", lifetime=0))


def revoke(store: Store, id: str) -> bool:
    return store.run(revoke_api_key(store.space, id))


def test_it_is_gone_and_others_stay(store: Store) -> None:
    put(store, "a")
    put(store, "b")
    assert [revoke(store, "a"), revoke(store, "a"), revoke(store, "c")] == [True, False, False]
    assert store.run(list_api_keys(store.space)) == ["b"]
    assert revoke(store, "b")
    assert store.command("EXISTS", store.keys.api_keys) == 0
