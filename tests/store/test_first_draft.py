"""Faults of the first draft of the scripts, which random calls found then: none may come back."""

import pytest

from redflow.store import steps, sweeps
from redflow.store.executions import Start, start_executions
from tests.store.arrange import QUEUES, Report, Scene, flow
from tests.store.support import EPOCH, Store

SECOND = 1000


def test_a_token_is_nothing_without_its_stream(store: Store) -> None:
    """Two queues can give out the same id in the same millisecond."""
    scene = Scene(store, flow("a", "b", queues={"b": "mail"}))
    scene.execution(active=2)
    token = scene.claimed("a")
    store.command("XADD", store.key("ready:mail"), token, "e", b"")
    scene.set("s2", f"q{token},mail")
    scene.advance(Report(token, "a"))
    assert scene.record("b") == f"q{token},mail"
    assert list(dict(store.entries("ready:mail"))) == [token]


def test_a_step_that_missed_its_deadline_stands_in_no_line(store: Store) -> None:
    """A later signal revived the failed step."""
    scene = Scene(store, flow("a>b!failure"))
    scene.execution()
    scene.waits("a")
    scene.fire("d:e1:1")
    failed = scene.record("a")
    assert scene.signal() == "buffered"
    assert scene.record("a") == failed
    assert failed is not None
    assert failed.startswith("F1,0,0,default,0,0,0-0\n")


@pytest.mark.parametrize("phase", ["f", "c"])
def test_edges_owed_of_an_execution_that_stops_cancel_nothing(store: Store, phase: str) -> None:
    """The order was taken for a step to be cancelled, and `active` fell to -1."""
    scene = Scene(store, flow("a>b", "a>z!always"))
    scene.execution(phase=phase, s1="C1,0,0,default,0,0,1-0\n=\x01", f1="1 c ")
    scene.fire("f:e1:1")
    record = scene.record("z")
    assert scene.record("a") == "C1,0,0,default,0,0,1-0\n=\x01"
    assert record is not None
    assert record.startswith("q")
    assert scene.state().split(" ")[:2] == [phase, "1"]


def test_the_first_sweep_ever_holds_reclaims_back(store: Store) -> None:
    """Without a tick there was no guard: the first sweep took every lease over."""
    scene = Scene(store, flow("a"))
    scene.execution()
    token = scene.claimed("a")
    store.silence("default", [token])
    store.run(
        sweeps.list_due(
            store.space, [store.partition], worker="w1", queues=QUEUES, lease=30 * SECOND,
            sweep_lease=3 * SECOND, sweep_gap=15 * SECOND, records_cap=100,
        )
    )  # fmt: skip
    swept = store.run(
        sweeps.reclaim_leases(
            store.space, store.partition, lease=30 * SECOND, deliveries_limit=5, lost_error=b"\x01",
            queues=QUEUES, executions=["e1"], plans=[scene.plan.hash], leases=[token, 1, 1],
        )
    )  # fmt: skip
    assert swept.words == ["held"]
    assert store.hash("sweeper")["hold"] == str(EPOCH + 30 * SECOND).encode()


@pytest.mark.parametrize(("phase", "word"), [("r", "ok"), ("f", "stop"), ("c", "stop")])
def test_a_lease_reply_says_stop(store: Store, phase: str, word: str) -> None:
    """A renamed field made the reply read nothing, so that nobody was ever told to stop."""
    scene = Scene(store, flow("a"))
    scene.execution(phase=phase)
    token = scene.claimed("a")
    leases = [token, 1, "e1"]
    op = steps.extend_leases(
        store.space, store.partition, consumer="w1", queues=QUEUES, leases=leases
    )
    assert store.run(op) == [word]


def test_a_lease_reply_says_stop_after_a_failure_elsewhere(store: Store) -> None:
    """The same with nothing written by hand."""
    scene = Scene(store, flow("a", "b"))
    start = Start("e1", 1, 1, b"\x01", "digest")
    store.run(
        start_executions(
            store.space, store.partition, [start], workflows=["wf"], plans=[scene.plan.hash],
            queues=QUEUES,
        )
    )  # fmt: skip
    first, second = (claim.token for claim in scene.advance(claims={"default": 2}).claims)
    scene.advance(Report(first, "a", kind="f", value=b"=\x80"))
    op = steps.extend_leases(
        store.space, store.partition, consumer="w1", queues=QUEUES, leases=[second, 1, "e1"]
    )
    assert store.run(op) == ["stop"]
