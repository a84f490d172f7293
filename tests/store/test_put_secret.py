"""put_secret, and what is read of secrets: one hash for a namespace, sealed values as they came."""

import pytest

from redflow.errors import StoreError
from redflow.store.secrets import (
    RawSecret,
    list_secrets,
    put_secret,
    read_secret,
    read_secrets,
)
from redflow.store.space import Limits
from tests.store.support import EPOCH, Store, pairs

SEALED = b"\x01sealed\x00\xff"


def put(store: Store, name: str, sealed: bytes = SEALED, *hosts: str) -> str:
    return store.run(put_secret(store.space, name, sealed=sealed, hosts=hosts))


def listed(store: Store) -> list[RawSecret]:
    return store.run(read_secrets(store.space, store.run(list_secrets(store.space))))


def record(store: Store) -> dict[str, bytes]:
    return pairs(store.command("HGETALL", store.keys.secrets))


def test_a_secret_is_two_fields(store: Store) -> None:
    assert put(store, "stripe", SEALED, "api.example.com", "*.example.com") == "created"
    assert record(store) == {
        "v:stripe": SEALED,
        "a:stripe": f"{EPOCH} {EPOCH} api.example.com,*.example.com".encode(),
    }


def test_a_secret_that_is_replaced_keeps_when_it_was_created(store: Store) -> None:
    put(store, "stripe", b"old", "a.example")
    store.now += 5
    assert put(store, "stripe", SEALED) == "replaced"
    assert listed(store) == [RawSecret("stripe", EPOCH, EPOCH + 5, ())]
    assert store.run(read_secret(store.space, "stripe")) == SEALED


def test_secrets_are_listed_by_name(store: Store) -> None:
    for name in ("b", "a", "v", "_"):
        put(store, name, SEALED, f"{name}.example")
    assert [one.name for one in listed(store)] == ["_", "a", "b", "v"]
    assert listed(store)[1].hosts == ("a.example",)


def test_there_are_none_at_first(store: Store) -> None:
    assert store.run(list_secrets(store.space)) == []
    assert store.run(read_secret(store.space, "stripe")) is None


def test_one_that_goes_while_they_are_listed_is_left_out(store: Store) -> None:
    put(store, "a")
    found = store.run(read_secrets(store.space, ["a", "gone"]))
    assert [one.name for one in found] == ["a"]


def test_there_is_a_bound_for_new_ones_alone(store: Store) -> None:
    store.limits = Limits(secrets_cap=2)
    assert [put(store, name) for name in ("a", "b", "c")] == ["created", "created", "full"]
    assert put(store, "b", b"new") == "replaced"
    assert set(record(store)) == {"v:a", "a:a", "v:b", "a:b"}


def test_repeating_it_changes_nothing_but_its_time(store: Store) -> None:
    assert [put(store, "a"), put(store, "a")] == ["created", "replaced"]
    assert len(listed(store)) == 1


@pytest.mark.parametrize("about", [b"", b"x", b"1 2", b"1 x a", b"\xff 1 a"])
def test_what_is_no_record_is_named(store: Store, about: bytes) -> None:
    put(store, "stripe")
    store.command("HSET", store.keys.secrets, "a:stripe", about)
    with pytest.raises(StoreError, match="secret 'stripe'"):
        listed(store)
    assert put(store, "stripe") == "replaced"
    assert [one.name for one in listed(store)] == ["stripe"]
