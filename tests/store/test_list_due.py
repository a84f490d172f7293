"""list_due: what a sweep finds, who may sweep, the outage guard, and trimming."""

import pytest
import redis

from redflow.store.keys import Keys
from redflow.store.steps import advance
from redflow.store.sweeps import Due, list_due
from redflow.store.workflows import put_partition
from tests.store.arrange import QUEUES, Report, Scene, flow
from tests.store.support import EPOCH, Store

LEASE, SWEEP_LEASE, GAP = 30_000, 3_000, 15_000
SILENT = LEASE + 1  # fakeredis leaves out what has been idle for just the lease, a server does not


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b."""
    scene = Scene(store, flow("a>b"))
    scene.execution()
    return scene


def sweep(store: Store, worker: str = "w1", *, limit: int = 100, cap: int = 100_000) -> Due:
    """Ask what is due."""
    return store.run(
        list_due(
            store.space, [store.partition], worker=worker, queues=QUEUES, lease=LEASE,
            sweep_lease=SWEEP_LEASE, sweep_gap=GAP, records_cap=cap, limit=limit,
        )
    )  # fmt: skip


# --- what is due


def test_nothing_is_due(scene: Scene) -> None:
    scene.claimed("a")
    assert sweep(scene.store) == Due(EPOCH, 0, [])


def test_timers_are_due_in_order_up_to_the_limit(scene: Scene) -> None:
    scene.timer("w:e1:2", EPOCH)
    scene.timer("f:e1:1", EPOCH - 5)
    scene.timer("w:e1:1", EPOCH + 700)
    due = sweep(scene.store)
    assert (due.partitions[0].partition, due.partitions[0].members) == (1, ["f:e1:1", "w:e1:2"])
    assert due.next_due == EPOCH + 700
    few = sweep(scene.store, limit=1)
    assert (few.partitions[0].members, few.next_due) == (["f:e1:1"], 0)


def test_every_kind_of_timer_is_listed(scene: Scene) -> None:
    """And none of those that stand for the end of time."""
    members = ["c:e1.a", "d:e1:1", "f:e1:0", "k:e1:1", "p:e1:2", "w:e1:1", "x:e1"]
    for member in members:
        scene.timer(member)
    assert sweep(scene.store).partitions[0].members == members


def test_what_is_paused_is_swept_all_the_same(scene: Scene) -> None:
    scene.store.command("HSET", scene.store.key("sweeper"), "paused", ",*,")
    token = scene.claimed("a")
    scene.store.silence("default", [token], SILENT)
    scene.timer("w:e1:2")
    (due,) = sweep(scene.store).partitions
    assert (due.members, [one.token for one in due.tokens]) == (["w:e1:2"], [token])


def test_the_next_timer_is_told_when_nothing_is_due(scene: Scene) -> None:
    scene.timer("w:e1:1", EPOCH + 700)
    assert sweep(scene.store) == Due(EPOCH, EPOCH + 700, [])


def test_silent_tokens_come_with_their_envelope(scene: Scene) -> None:
    token, other = scene.claimed("a"), scene.claimed("b", queue="mail", deliveries=2)
    scene.claimed("a", attempt=2)
    scene.store.silence("default", [token], SILENT)
    scene.store.silence("mail", [other], SILENT)
    found = sweep(scene.store).partitions[0].tokens
    assert [(one.token, one.queue) for one in found] == [(token, 1), (other, 2)]
    assert [one.envelope.deliveries for one in found if one.envelope] == [0, 2]


def test_a_silent_token_whose_entry_is_gone_comes_without(scene: Scene) -> None:
    token = scene.claimed("a")
    scene.store.silence("default", [token], SILENT)
    scene.store.command("XDEL", scene.store.key("ready:default"), token)
    (found,) = sweep(scene.store).partitions[0].tokens
    assert (found.token, found.envelope) == (token, None)


def test_silent_tokens_are_listed_up_to_the_limit(scene: Scene) -> None:
    tokens = [scene.claimed("a") for _ in range(3)]
    scene.store.silence("default", tokens, SILENT)
    assert [one.token for one in sweep(scene.store, limit=2).partitions[0].tokens] == tokens[:2]


# --- who may sweep


def test_one_sweeps_at_a_time(scene: Scene) -> None:
    scene.timer("w:e1:1")
    assert sweep(scene.store, "w1").partitions
    scene.store.now += SWEEP_LEASE - 1
    assert sweep(scene.store, "w2") == Due(scene.store.now, 0, [])
    assert sweep(scene.store, "w1").partitions
    scene.store.now += SWEEP_LEASE
    assert sweep(scene.store, "w2").partitions
    assert scene.store.hash("sweeper")["holder"] == b"w2"


def test_the_sweep_lease_is_kept(scene: Scene) -> None:
    sweep(scene.store)
    assert scene.store.hash("sweeper") == {
        "records": b"0",
        "holder": b"w1",
        "until": str(EPOCH + SWEEP_LEASE).encode(),
        "tick": str(EPOCH).encode(),
        "hold": str(EPOCH + LEASE).encode(),
    }


# --- the outage guard


def test_the_first_sweep_ever_holds_reclaims_back(scene: Scene) -> None:
    sweep(scene.store)
    assert scene.store.hash("sweeper")["hold"] == str(EPOCH + LEASE).encode()


@pytest.mark.parametrize(("silence", "holds"), [(GAP, False), (GAP + 1, True)])
def test_silence_of_all_sweepers_holds_reclaims_back(
    scene: Scene, silence: int, holds: bool
) -> None:
    sweep(scene.store)
    scene.store.now += silence
    sweep(scene.store, "w2")
    since = scene.store.now if holds else EPOCH
    assert scene.store.hash("sweeper")["hold"] == str(since + LEASE).encode()


def test_one_who_may_not_sweep_leaves_no_trace(scene: Scene) -> None:
    sweep(scene.store)
    before = scene.store.hash("sweeper")
    scene.store.now += 1
    sweep(scene.store, "w2")
    assert scene.store.hash("sweeper") == before


# --- several partitions, trimming, a lost group


def test_partitions_are_named_by_their_place(scene: Scene) -> None:
    store = scene.store
    keys = Keys(store.keys.namespace, 3)
    for partition in list(keys)[1:]:
        store.run(put_partition(store.space, partition, QUEUES))
    member = f"{keys.partition(2).prefix}timers"
    store.command("ZADD", member, EPOCH, "w:e7:1")
    store.command("ZADD", f"{keys.partition(1).prefix}timers", EPOCH + 50, "w:e8:1")
    found = store.run(
        list_due(
            store.space, list(keys), worker="w1", queues=QUEUES, lease=LEASE,
            sweep_lease=SWEEP_LEASE, sweep_gap=GAP, records_cap=100,
        )
    )  # fmt: skip
    assert [(one.partition, one.members) for one in found.partitions] == [(3, ["w:e7:1"])]
    assert found.next_due == EPOCH + 50


@pytest.mark.parametrize(("cap", "left"), [(100, 6), (9, 6), (8, 5), (4, 3), (2, 2)])
def test_events_are_trimmed_by_records_not_by_entries(scene: Scene, cap: int, left: int) -> None:
    """Six entries of two records each; the newest `cap` records stay, and one entry before them."""
    for number in range(1, 7):
        fields = ("n", 2 * number, "e", b"\x90")
        scene.store.command("XADD", scene.store.key("events"), "*", *fields)
    scene.store.command("HSET", scene.store.key("sweeper"), "records", 12)
    sweep(scene.store, cap=cap)
    assert len(scene.store.entries("events")) == left


def test_events_are_trimmed_page_by_page(scene: Scene) -> None:
    scene.store.commands(
        ("XADD", scene.store.key("events"), "*", "n", n, "e", b"\x90") for n in range(1, 251)
    )
    scene.store.command("HSET", scene.store.key("sweeper"), "records", 250)
    lengths = []
    for _ in range(4):
        sweep(scene.store, cap=10)
        lengths.append(len(scene.store.entries("events")))
    assert lengths == [151, 52, 11, 11]


def test_records_are_counted_by_every_call(scene: Scene) -> None:
    (claim,) = scene.advance(Report(scene.claimed("a"), "a"), claims={"default": 1}).claims
    scene.advance(Report(claim.token, "b"))
    assert [fields["n"] for _, fields in scene.store.entries("events")] == [b"1", b"3"]
    assert scene.store.hash("sweeper")["records"] == b"3"


def test_a_lost_group_is_said_and_can_be_made_again(scene: Scene) -> None:
    token = scene.ready("a")
    scene.store.command("XGROUP", "DESTROY", scene.store.key("ready:mail"), "workers")
    with pytest.raises(redis.exceptions.ResponseError, match="NOGROUP"):
        sweep(scene.store)
    assert scene.store.run(put_partition(scene.store.space, scene.store.partition, QUEUES)) == 1
    assert sweep(scene.store).partitions == []
    op = advance(
        scene.store.space, scene.store.partition, consumer="w1", queues=QUEUES, executions=[],
        plans=[], outcomes=[], claims=[1, 1],
    )  # fmt: skip
    assert [claim.token for claim in scene.store.run(op).claims] == [token]
