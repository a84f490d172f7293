"""put_webhook, and what is read of webhooks: one hash for a namespace."""

import pytest

from redflow.errors import StoreError
from redflow.store.space import Limits
from redflow.store.webhooks import (
    PathChoice,
    RawWebhook,
    list_webhooks,
    put_webhook,
    read_webhook,
)
from tests.store.support import EPOCH, Store, pairs

DOCUMENT = b'{"a":"\x00\xff"}'


def put(
    store: Store, name: str = "stripe", path: str = "p1", choice: PathChoice = "keep", **given
) -> tuple[str, str]:
    given = {"rate": 600, "document": DOCUMENT, **given}
    return store.run(put_webhook(store.space, name, path=path, choice=choice, **given))


def record(store: Store) -> dict[str, bytes]:
    return pairs(store.command("HGETALL", store.keys.webhooks))


def read(store: Store, name: str = "stripe") -> RawWebhook | None:
    return store.run(read_webhook(store.space, name))


def test_a_webhook_is_four_fields(store: Store) -> None:
    assert put(store) == ("created", "p1")
    assert record(store) == {
        "w:stripe": f"1 {EPOCH} {EPOCH} p1 0 600".encode(),
        "d:stripe": DOCUMENT,
        "p:p1": b"stripe",
        "r:stripe": b"0",
    }
    assert read(store) == RawWebhook("stripe", 1, EPOCH, EPOCH, "p1", False, 600, DOCUMENT)


def test_one_that_is_replaced_keeps_its_random_path_its_rate_and_its_birth(store: Store) -> None:
    put(store)
    store.command("HSET", store.keys.webhooks, "r:stripe", "7")
    store.now += 5
    assert put(store, path="p2", rate=0, document=b"{}") == ("replaced", "p1")
    assert read(store) == RawWebhook("stripe", 2, EPOCH, EPOCH + 5, "p1", False, 0, b"{}")
    assert record(store)["r:stripe"] == b"7"


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ("keep", "keep", "p1"),
        ("keep", "new", "p2"),
        ("keep", "fixed", "p2"),
        ("fixed", "keep", "p2"),
        ("fixed", "fixed", "p2"),
    ],
)
def test_which_path_a_replaced_one_has(
    store: Store, first: PathChoice, second: PathChoice, path: str
) -> None:
    """A path that everybody can guess is not kept by who asks for a random one."""
    put(store, path="p1", choice=first)
    assert put(store, path="p2", choice=second) == ("replaced", path)
    assert {field for field in record(store) if field.startswith("p:")} == {f"p:{path}"}


def test_a_path_leads_to_one_webhook(store: Store) -> None:
    put(store, "a", "order", "fixed")
    before = record(store)
    assert put(store, "b", "order", "fixed") == ("taken", "")
    assert record(store) == before


def test_another_revision_is_not_replaced(store: Store) -> None:
    assert put(store, revision=1) == ("changed", "")
    put(store)
    assert put(store, revision=2) == ("changed", "")
    assert put(store, revision=1) == ("replaced", "p1")
    found = read(store)
    assert found is not None
    assert found.revision == 2


def test_there_is_a_bound_for_new_ones_alone(store: Store) -> None:
    store.limits = Limits(webhooks_cap=2)
    store.command("HSET", store.keys.webhooks, "r:?", "7")
    words = [put(store, name, f"p-{name}")[0] for name in ("a", "b", "c")]
    assert words == ["created", "created", "full"]
    assert put(store, "b", "p-b")[0] == "replaced"


def test_they_are_listed_by_name(store: Store) -> None:
    for name in ("b", "a"):
        put(store, name, f"p-{name}")
    found = store.run(list_webhooks(store.space))
    assert [(one.name, one.path, one.document) for one in found] == [
        ("a", "p-a", DOCUMENT),
        ("b", "p-b", DOCUMENT),
    ]


def test_there_are_none_at_first(store: Store) -> None:
    assert store.run(list_webhooks(store.space)) == []
    assert read(store) is None


@pytest.mark.parametrize("about", [b"", b"x", b"1 2", b"\xff 1 1 p 0 6", b"1 1 1 p 0 x"])
def test_what_is_no_record_is_named_and_can_be_replaced(store: Store, about: bytes) -> None:
    put(store)
    store.command("HSET", store.keys.webhooks, "w:stripe", about)
    with pytest.raises(StoreError, match="webhook 'stripe'"):
        store.run(list_webhooks(store.space))
    assert put(store)[0] in ("created", "replaced")
    assert read(store) is not None
