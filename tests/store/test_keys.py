"""Scripts touch declared keys only, and what they leave is what the table of keys says."""

import re

import pytest
import redis

from redflow.store import keys, script, secrets, workers, workflows
from redflow.store.keys import Key
from redflow.store.op import Op
from tests.store.driving import SIZES, Drive, limits_of
from tests.store.support import Store, fake_client


def test_a_key_that_is_not_declared_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite runs every script under this guard: see tests/support/declared.py."""
    plain = script.read_source
    hidden = "call('ZADD', 'other', 1, 'x')\nlocal made = 0"
    monkeypatch.setattr(
        script, "read_source", lambda name: plain(name).replace("local made = 0", hidden)
    )
    script.load_script.cache_clear()
    try:
        with pytest.raises(redis.exceptions.ResponseError, match="not declared: other"):
            store.prepare(("default",))
    finally:
        monkeypatch.undo()
        script.load_script.cache_clear()


@pytest.mark.parametrize("size", [SIZES[1], SIZES[3]])
def test_random_calls_leave_known_keys_only(size: tuple[int, int], namespace: str) -> None:
    client = fake_client()
    store = Store(client, namespace, limits_of(size))
    register_all(store)
    Drive(store, 7, executions=2).run()
    found = {name.decode(): kind(store, name) for name in store.command("KEYS", "*")}
    families = {name: families_of(name, namespace) for name in found}
    assert {name for name, known in families.items() if len(known) != 1} == set()
    assert {name: families[name][0].type for name in found} == found
    assert {key for known in families.values() for key in known} == set(keys.TABLE)
    client.close()


def register_all(store: Store) -> None:
    """Make the keys of the namespace itself."""
    ops: list[Op] = [
        workflows.put_namespace(store.space, 1),
        workflows.put_workflow(
            store.space, "wf", content_hash="h", status="ACTIVE", about=b"", document=b"{}",
            queues=["default"],
        ),
        workers.put_worker(store.space, "w1", queues=["default"], about=b"x", alive=60_000),
        secrets.put_secret(store.space, "stripe", sealed=b"x", hosts=[]),
    ]  # fmt: skip
    for op in ops:
        store.run(op)


def kind(store: Store, name: bytes) -> str:
    return store.command("TYPE", name).decode()


def families_of(name: str, namespace: str) -> list[Key]:
    """Return the families of the table whose pattern a key's name matches."""
    return [key for key in keys.TABLE if re.fullmatch(pattern(key, namespace), name)]


def pattern(key: Key, namespace: str) -> str:
    tag = namespace + (":0" if key.scope == "partition" else "")
    text = re.sub(r"<\w+>", "[^:]+", key.name)
    return rf"rf:\{{{tag}\}}:{text}"
