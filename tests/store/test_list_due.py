"""list_due: what a sweep finds, who may sweep, the outage guard, and trimming."""

from collections.abc import Iterator

import pytest
import redis

from redflow.store.keys import Keys
from redflow.store.server_state import read_state
from redflow.store.steps import advance
from redflow.store.sweeps import Due, list_due
from redflow.store.workflows import put_partition
from tests.store.arrange import QUEUES, Report, Scene, flow
from tests.store.support import EPOCH, Store
from tests.support.clients import server_client
from tests.support.server import started_server

LEASE, SWEEP_LEASE, GAP = 30_000, 3_000, 15_000
SILENT = LEASE + 1  # fakeredis leaves out what has been idle for just the lease, a server does not


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b."""
    scene = Scene(store, flow("a>b"))
    scene.execution()
    return scene


def sweep(
    store: Store, worker: str = "w1", *, limit: int = 100, cap: int = 100_000, watermark: float = 0
) -> Due:
    """Ask what is due."""
    return store.run(
        list_due(
            store.space, [store.partition], worker=worker, queues=QUEUES, lease=LEASE,
            sweep_lease=SWEEP_LEASE, sweep_gap=GAP, records_cap=cap, limit=limit,
            watermark=watermark,
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


# --- the clock went back


def test_anyone_sweeps_when_the_clock_went_back_and_reclaims_wait_for_one_lease(
    scene: Scene,
) -> None:
    sweep(scene.store)
    scene.store.now -= 1
    sweep(scene.store, "w2")
    now = scene.store.now
    assert scene.store.hash("sweeper") == {
        "records": b"0",
        "holder": b"w2",
        "until": str(now + SWEEP_LEASE).encode(),
        "tick": str(now).encode(),
        "hold": str(now + LEASE).encode(),
    }
    scene.store.now += 1
    assert sweep(scene.store, "w1").partitions == []
    assert scene.store.hash("sweeper")["holder"] == b"w2", "and one sweeps at a time again"


def test_leases_begin_anew_when_the_clock_went_back(scene: Scene) -> None:
    """They were claimed ahead of it: those of workers that died would last too long."""
    tokens = [scene.claimed("a") for _ in range(5)]
    scene.store.silence("default", tokens, SILENT)
    assert len(sweep(scene.store, limit=10).partitions[0].tokens) == 5
    scene.store.now -= 1
    assert sweep(scene.store, limit=2).partitions == []
    key = scene.store.partition.ready("default")
    pending = scene.store.command("XPENDING", key, "workers", "-", "+", 10)
    assert [one[0].decode() for one in pending] == tokens
    assert all(one[2] < SILENT for one in pending), "their idle time is that of this moment"
    assert {one[3] for one in pending} == {1}, "and no delivery is counted"


# --- several partitions, trimming, a lost group


@pytest.mark.single("one call names several partitions")
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


@pytest.mark.row(26)
@pytest.mark.parametrize("apart", [0, 1, 7, 86_400_000])
def test_one_sweep_trims_whatever_there_is(scene: Scene, apart: int) -> None:
    """Some entries share a millisecond, some are days apart; each holds 1 to 20 records."""
    key, total, counts = scene.store.key("events"), 0, []
    for number in range(600):
        counts.append(1 + number * 7 % 20)
        total += counts[-1]
        token = f"{EPOCH + number // 3 * apart}-{number + 1}"
        scene.store.command("XADD", key, token, "n", total, "e", b"\x90")
    scene.store.command("HSET", scene.store.key("sweeper"), "records", total)
    sweep(scene.store, cap=1000)
    left = len(scene.store.entries("events"))
    assert sum(counts[-left:]) >= 1000 + counts[-left]
    assert sum(counts[1 - left :]) < 1000 + counts[1 - left], "one entry more would have gone"
    sweep(scene.store, cap=1000)
    assert len(scene.store.entries("events")) == left


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


# --- memory


@pytest.mark.server
@pytest.mark.parametrize(("watermark", "until"), [(0.5, EPOCH + GAP), (1.0, None), (0, None)])
def test_a_sweep_says_that_the_server_is_near_its_maxmemory(
    own: Scene, watermark: float, until: int | None
) -> None:
    used = read_state(own.store.command("INFO", "memory")).used
    own.store.command("CONFIG", "SET", "maxmemory", used * 3 // 2)
    sweep(own.store, watermark=watermark)
    found = own.store.hash("sweeper").get("full")
    assert found == (None if until is None else str(until).encode())


@pytest.mark.server
def test_a_sweep_says_that_there_is_room_again(own: Scene) -> None:
    own.store.command("HSET", own.store.key("sweeper"), "full", EPOCH + GAP)
    own.store.command("CONFIG", "SET", "maxmemory", 0)
    sweep(own.store, watermark=0.5)
    assert "full" not in own.store.hash("sweeper")


@pytest.fixture
def own(namespace: str) -> Iterator[Scene]:
    """Return a scene on a server of our own: its settings are spoiled."""
    with started_server() as url:
        client = server_client(url)
        yield Scene(Store(client, namespace), flow("a>b"))
        client.close()
