"""Scripts touch declared keys only, and what they leave is what the table of keys says."""

import re

import pytest
import redis

from redflow.cron.schedule import Definition
from redflow.store import (
    api_keys,
    audit_log,
    events,
    executions,
    keys,
    schedules,
    script,
    secrets,
    webhooks,
    workers,
    workflows,
)
from redflow.store.executions import Start
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
    drive = Drive(store, 7, executions=2)
    drive.run()
    deliver(store, drive)
    tick(store, drive)
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
        api_keys.put_api_key(store.space, "k", digest="d", role="viewer", name="", lifetime=0),
        audit_log.append_audit(
            store.space, "1", decision="allowed", subject="", tenant="", method="",
            action="execute", resource="workflow:a:b", request="",
        ),
        events.lead_consumers(store.space, ["mail"], process="p1", lease=15_000),
        events.move_consumers(store.space, store.partition, [("mail", 1, events.OLDEST)]),
        webhooks.put_webhook(
            store.space, "stripe", path="p", choice="keep", rate=1, document=b"{}"
        ),
    ]  # fmt: skip
    for op in ops:
        store.run(op)


def tick(store: Store, drive: Drive) -> None:
    """Keep a schedule."""
    name, _ = drive.plans[0]
    op = schedules.put_schedule(
        store.space, store.partition, "nightly", Definition(workflow=name, cron="0 2 * * *"),
        digest="d", input=b"\x01", input_digest="digest", meta=b"", headers=b"", next=1, due=1000,
    )  # fmt: skip
    assert store.run(op) == "created"


def deliver(store: Store, drive: Drive) -> None:
    """Start an execution as the delivery of a webhook does."""
    name, plan = drive.plans[0]
    op = executions.start_executions(
        store.space, store.partition, [Start("w-1", 1, 1, b"\x01", "digest")],
        workflows=[name], plans=[plan.hash], queues=plan.queues, claim=9,
    )  # fmt: skip
    assert store.run(op)[0] == ["ok"]


def kind(store: Store, name: bytes) -> str:
    return store.command("TYPE", name).decode()


def families_of(name: str, namespace: str) -> list[Key]:
    """Return the families of the table whose pattern a key's name matches."""
    return [key for key in keys.TABLE if re.fullmatch(pattern(key, namespace), name)]


def pattern(key: Key, namespace: str) -> str:
    tag = namespace + (":0" if key.scope == "partition" else "")
    text = re.sub(r"<\w+>", "[^:]+", key.name)
    return rf"rf:\{{{tag}\}}:{text}"
