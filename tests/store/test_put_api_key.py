"""put_api_key, and what is read of keys: a digest, what is shown, when it was used."""

import pytest

from redflow.auth.api_keys import StoredKey
from redflow.errors import StoreError
from redflow.store.api_keys import list_api_keys, put_api_key, read_api_keys
from redflow.store.space import Limits
from tests.store.support import EPOCH, Store, pairs


def put(store: Store, id: str, digest: str = "d1", lifetime: int = 0, name: str = "") -> str:
    op = put_api_key(store.space, id, digest=digest, role="viewer", name=name, lifetime=lifetime)
    return store.run(op)[0]


def record(store: Store) -> dict[str, bytes]:
    return pairs(store.command("HGETALL", store.keys.api_keys))


def test_a_key_is_three_fields(store: Store) -> None:
    assert put(store, "a", lifetime=5, name="of the shop") == "created"
    assert record(store) == {
        "d:a": b"d1",
        "a:a": f"{EPOCH} {EPOCH + 5} viewer of the shop".encode(),
        "u:a": b"0",
    }
    found = store.run(read_api_keys(store.space, ["a", "gone"]))
    assert found == [StoredKey("a", "d1", "viewer", "of the shop", EPOCH, EPOCH + 5, 0)]


def test_repeating_it_changes_nothing_and_another_key_is_refused(store: Store) -> None:
    put(store, "a")
    before = record(store)
    store.now += 5
    assert [put(store, "a"), put(store, "a", "d2")] == ["created", "taken"]
    assert record(store) == before


def test_there_is_a_bound(store: Store) -> None:
    store.limits = Limits(api_keys_cap=2)
    assert [put(store, id) for id in "abc"] == ["created", "created", "full"]
    assert store.run(list_api_keys(store.space)) == ["a", "b"]


@pytest.mark.parametrize("about", [b"", b"1 2 viewer", b"x 0 viewer n", b"\xff 0 viewer n"])
def test_what_is_no_record_is_named(store: Store, about: bytes) -> None:
    put(store, "a")
    store.command("HSET", store.keys.api_keys, "a:a", about)
    with pytest.raises(StoreError, match="API key 'a'"):
        store.run(read_api_keys(store.space, ["a"]))
