"""append_audit: one record a call, however often it is repeated, and never too many."""

from dataclasses import astuple

from redflow.model.execution import instant
from redflow.store.audit_log import append_audit, read_audit
from redflow.store.space import Limits
from redflow.store.workflows import put_namespace
from tests.store.support import EPOCH, Store

FIELDS = {
    "subject": "alice",
    "tenant": "acme",
    "method": "jwt",
    "action": "execute",
    "resource": "workflow:shop:order",
    "request": "r-1",
}


def append(store: Store, id: str, decision: str = "allowed") -> bool:
    return store.run(append_audit(store.space, id, decision=decision, **FIELDS))


def found(store: Store):
    return [one for _, one in store.run(read_audit(store.space, before="+", count=1000))]


def test_who_what_when(store: Store) -> None:
    assert append(store, "1")
    (one,) = found(store)
    assert astuple(one) == (instant(EPOCH), "allowed", *FIELDS.values())


def test_a_repeated_call_leaves_one_record(store: Store) -> None:
    assert [append(store, id) for id in ("1", "1", "2", "1")] == [True, False, True, False]
    assert len(found(store)) == 2


def test_a_denial_needs_a_namespace(store: Store) -> None:
    store.command("DEL", store.keys.namespace_record)
    assert append(store, "1", "denied") is False
    assert store.command("EXISTS", store.keys.audit) == 0
    store.run(put_namespace(store.space, 4))
    assert append(store, "1", "denied")


def test_the_oldest_go(store: Store) -> None:
    store.limits = Limits(audit_cap=10)
    for number in range(400):
        append(store, str(number))
    assert 10 <= len(found(store)) <= 300
