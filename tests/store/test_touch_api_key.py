"""touch_api_key: the last use, noted once in a while, of keys that are there."""

from redflow.store.api_keys import put_api_key, read_api_keys, touch_api_key
from tests.store.support import EPOCH, Store


def touch(store: Store) -> bool:
    return store.run(touch_api_key(store.space, "a", pause=1000))


def test_it_is_noted_once_in_a_while(store: Store) -> None:
    store.run(put_api_key(store.space, "a", digest="d", role="viewer", name="", lifetime=0))
    noted = []
    for _ in range(4):
        noted.append(touch(store))
        store.now += 500
    assert noted == [True, False, True, False]
    (found,) = store.run(read_api_keys(store.space, ["a"]))
    assert found.used == EPOCH + 1000


def test_a_key_that_is_gone_does_not_come_back(store: Store) -> None:
    assert touch(store) is False
    assert store.command("EXISTS", store.keys.api_keys) == 0
