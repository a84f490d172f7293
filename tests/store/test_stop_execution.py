"""stop_execution: cancel or fail from outside; every word, and the pages that follow."""

import pytest

from redflow.store.space import Limits
from redflow.store.steps import Ended
from redflow.store.stopping import Stopped
from tests.store.arrange import META, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store

BODY = pack({"reason": "enough", "by": "me"})
KEPT = BODY.decode("latin-1")


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b and c: a claimed, c ready."""
    scene = Scene(store, flow("a>b", "c"))
    scene.execution(active=2)
    scene.claimed("a")
    scene.ready("c")
    return scene


# --- ok


def test_a_cancelled_execution_stops_page_by_page(scene: Scene) -> None:
    assert scene.stop("c", BODY) == Stopped("ok", ["k:e1:1"], [])
    a, c = scene.tokens()
    assert scene.fields() == {
        "state": f"c 2 2 {scene.plan.hash} cs",
        "s1": f"q{a},default",
        "s3": f"q{c},default",
        "cancelled": KEPT,
    }
    assert scene.store.zset("stopping") == {"e1": EPOCH}
    assert scene.store.zset("timers") == {"k:e1:1": EPOCH}
    assert scene.events() == [(20, "e1", 2, None, None)]
    assert scene.problems() == []


def test_a_failed_execution_says_why_and_names_no_step(scene: Scene) -> None:
    assert scene.stop("f", BODY) == Stopped("ok", ["k:e1:1"], [])
    found = scene.fields()
    assert scene.state() == "f 2 2 s"
    assert (found["error"], "failed_step" in found, "cancelled" in found) == (
        "=" + KEPT, False, False,
    )  # fmt: skip
    assert scene.events() == [(21, "e1", 2, None, None)]
    assert scene.problems() == []


@pytest.mark.parametrize(
    ("kind", "phase", "index", "letter", "last"),
    [("c", "c", "finished:cancelled", "X", 4), ("f", "f", "finished:failed", "F", 3)],
)
def test_it_ends_when_what_runs_has_ended(
    scene: Scene, kind: str, phase: str, index: str, letter: str, last: int
) -> None:
    a, _ = scene.tokens()
    scene.stop(kind, BODY)
    assert scene.promote("k:e1:1") == (["done"], [])
    assert list(scene.tokens()) == [a]
    assert scene.record("c") == f"X{EPOCH}"
    assert scene.problems() == []
    reply = scene.advance(Report(a, "a"))
    assert (reply.codes, reply.ended) == ([5], [Ended("e1", letter, scene.plan.hash)])
    assert scene.record("a") == f"C{META},{a}\n=\x01"
    assert scene.state() == f"d 0 5{' c' if kind == 'c' else ''}"
    assert scene.store.zset(index) == {"e1": EPOCH}
    assert scene.store.zset("stopping") == {}
    assert [event[0] for event in scene.events()] == [20 if kind == "c" else 21, 13, 6, last]
    assert scene.problems() == []


def test_pages_are_as_long_as_the_limit(store: Store) -> None:
    scene = Scene(store, flow("a", "b", "c"))
    store.limits = Limits(page=2)
    scene.execution(active=3)
    for node in "abc":
        scene.ready(node)
    assert scene.stop().orders == ["k:e1:1"]
    assert scene.promote("k:e1:1") == (["done"], ["k:e1:3"])
    assert [(scene.record(node) or "")[0] for node in "abc"] == ["X", "X", "q"]
    assert scene.sweep("k:e1:3") == (["done"], [], [Ended("e1", "X", scene.plan.hash)])


@pytest.mark.parametrize("flags", ["p", "w", "pw"])
def test_stopping_ends_a_pause(scene: Scene, flags: str) -> None:
    scene.execution(active=2, flags=flags, paused=b"note")
    scene.held("c")
    scene.stop()
    assert scene.state() == "c 2 2 cs"
    scene.promote("k:e1:1")
    assert scene.record("c") == f"X{EPOCH}"


def test_a_held_finalizer_goes_on(store: Store) -> None:
    scene = Scene(store, flow("a>z!always"))
    scene.execution(active=1, flags="p", s1=f"C{META},1-1\n=\x01")
    scene.held("z")
    scene.stop("f")
    scene.promote("k:e1:1")
    assert [carried[4] for carried in scene.tokens().values()] == [2]
    assert scene.state() == "f 1 2 s"
    assert scene.problems() == []


def test_its_timeout_stays_until_it_has_ended(scene: Scene) -> None:
    scene.execution(active=2, flags="x", timeout="900")
    scene.timer("x:e1", EPOCH + 900)
    scene.stop()
    assert scene.state() == "c 2 2 csx"
    assert scene.store.zset("timers")["x:e1"] == EPOCH + 900


def test_workers_of_the_partition_hear_of_it(scene: Scene) -> None:
    """On the channel `control` of the partition, by its prefix."""
    with scene.store.client.pubsub() as heard:
        heard.subscribe(scene.store.key("control"))
        assert heard.get_message(timeout=5)
        scene.stop()
        message = heard.get_message(timeout=1)
    assert message is not None
    assert message["data"] == b"stop e1"


# --- scheduled: nothing has begun


@pytest.mark.parametrize(
    ("kind", "ends", "letter"), [("c", "finished:cancelled", "X"), ("f", "finished:failed", "F")]
)
def test_a_scheduled_execution_ends_at_once(
    store: Store, kind: str, ends: str, letter: str
) -> None:
    scene = Scene(store, flow("a>b"))
    scene.execution(phase="s", f0="1 c ", begin=str(EPOCH + 900))
    scene.timer("f:e1:0", EPOCH + 900)
    assert scene.stop(kind, BODY) == Stopped("ok", [], [Ended("e1", letter, scene.plan.hash)])
    assert scene.fields() == {
        "state": f"d 0 3 {scene.plan.hash}{' c' if kind == 'c' else ''}",
        "f0": "",
        "begin": str(EPOCH + 900),
        "ended": f"{EPOCH} {letter}",
        "cancelled" if kind == "c" else "error": KEPT if kind == "c" else "=" + KEPT,
    }
    assert store.zset("timers") == {}
    assert store.zset(ends) == {"e1": EPOCH}
    assert (store.zset("stopping"), store.zset("live")) == ({}, {})
    kinds = [20, 4] if kind == "c" else [21, 3]
    assert [event[0] for event in scene.events()] == kinds
    assert scene.problems() == []


# --- dup, late, gone


@pytest.mark.parametrize("kind", "cf")
def test_the_same_request_again_is_dup_and_changes_nothing(scene: Scene, kind: str) -> None:
    scene.stop(kind, BODY)
    before = scene.everything()
    assert scene.stop(kind, b"\xa5other") == Stopped("dup", [], [])
    assert scene.everything() == before


@pytest.mark.parametrize(
    ("phase", "kind"), [("f", "c"), ("c", "f"), ("u", "c"), ("u", "f"), ("d", "c"), ("d", "f")]
)
def test_what_ends_already_is_late(scene: Scene, phase: str, kind: str) -> None:
    scene.execution(phase=phase, active=2)
    before = scene.everything()
    assert scene.stop(kind, BODY) == Stopped("late", [], [])
    assert scene.everything() == before


@pytest.mark.parametrize("kind", "cf")
def test_nobody_is_gone(scene: Scene, kind: str) -> None:
    before = scene.everything()
    assert scene.stop(kind, execution="e9") == Stopped("gone", [], [])
    assert scene.everything() == before
