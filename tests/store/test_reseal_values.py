"""Values that were sealed anew replace what they were, and nothing else."""

from redflow.store.resealing import reseal_values
from tests.store.support import Store


def fill(store: Store, **fields: bytes) -> str:
    """Keep fields in the hash of the secrets; answers its key."""
    record = store.space.keys.secrets
    for name, value in fields.items():
        store.command("HSET", record, name, value)
    return record


def test_what_is_as_it_was_is_replaced(store: Store) -> None:
    record = fill(store, a=b"old", b=b"old", c=b"else")
    changes = [("a", b"old", b"new"), ("b", b"old", b"newer")]
    assert store.run(reseal_values(store.space, record, changes)) == 2
    assert store.command("HMGET", record, "a", "b", "c") == [b"new", b"newer", b"else"]
    assert store.run(reseal_values(store.space, record, changes)) == 0


def test_what_changed_or_is_gone_stays_as_it_is(store: Store) -> None:
    record = fill(store, a=b"meanwhile")
    changes = [("a", b"old", b"new"), ("gone", b"old", b"new")]
    assert store.run(reseal_values(store.space, record, changes)) == 0
    assert store.command("HMGET", record, "a", "gone") == [b"meanwhile", None]
