"""promote_timers: deadlines of steps, timeouts of executions, and scheduled starts."""

import pytest

from redflow.store.steps import Ended
from redflow.store.sweeps import TIMEOUT_ERROR
from tests.store.arrange import META, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store

TIMEOUT = "=" + TIMEOUT_ERROR.decode("latin-1")
ERROR = b"=" + pack("boom")


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b; a and b have a deadline of 5 s."""
    scene = Scene(store, flow("a>b", deadlines={"a": 5.0, "b": 5.0}))
    scene.execution()
    return scene


# --- d: set once, when the step is first ready


@pytest.mark.parametrize("flags", ["", "p"])
def test_a_deadline_counts_from_when_the_step_is_first_ready(scene: Scene, flags: str) -> None:
    """Also of a step that a pause holds."""
    scene.execution(flags=flags)
    scene.timer("d:e1:1", EPOCH + 3000)
    scene.advance(Report(scene.claimed("a"), "a"))
    assert scene.store.zset("timers") == {"d:e1:2": EPOCH + 5000}
    assert (scene.record("b") or "")[0] == ("h" if flags else "q")
    assert scene.problems() == []


@pytest.mark.parametrize(
    ("kind", "value", "detail"),
    [("r", ERROR, "900"), ("l", b"x", "0"), ("t", b"", "+1"), ("s", b"go", "")],
)  # fmt: skip
def test_retries_and_waiting_do_not_move_it(
    scene: Scene, kind: str, value: bytes, detail: str
) -> None:
    scene.timer("d:e1:1", EPOCH + 3000)
    scene.advance(Report(scene.claimed("a"), "a", kind, value, detail))
    assert scene.store.zset("timers")["d:e1:1"] == EPOCH + 3000
    assert scene.problems() == []


@pytest.mark.parametrize("way", ["completed", "failed", "cancelled", "skipped", "stopped"])
def test_a_settled_step_has_none(scene: Scene, way: str) -> None:
    scene.timer("d:e1:1", EPOCH + 3000)
    if way in ("completed", "failed"):
        scene.advance(Report(scene.claimed("a"), "a", way[0], ERROR))
    elif way == "skipped":
        scene.claimed("a")
        scene.skip("a")
    else:
        scene.execution(phase="c", active=2)
        if way == "cancelled":
            scene.advance(Report(scene.claimed("a"), "a", "t", b"", "+9"))
        else:
            scene.ready("a")
            scene.fire("k:e1:1")
    assert "d:e1:1" not in scene.store.zset("timers")


# --- d: fires


@pytest.mark.parametrize(
    ("kind", "meta"),
    [
        ("ready", "1,2,3,default,0,0"), ("claimed", "1,2,3,default,0,0"),
        ("asleep", "2,0,0,default,0,0"), ("waits", "2,0,0,default,0,0"),
        ("held", "2,0,0,default,0,0"), ("nested", "2,0,0,default,0,0"),
    ],
)  # fmt: skip
def test_what_is_late_fails_wherever_it_stands(scene: Scene, kind: str, meta: str) -> None:
    """It holds nothing any more: no token, timer, place in a line or child that goes on."""
    token = "0-0"
    if kind in ("ready", "claimed"):
        worker = "w1" if kind == "claimed" else ""
        token = scene.ready("a", worker=worker, deliveries=2, releases=3)
    elif kind == "asleep":
        scene.parked("a", EPOCH + 9, "2,0,0")
    elif kind == "waits":
        scene.waits("a", due=EPOCH + 9, counts="2,0,0")
    elif kind == "held":
        scene.held("a", "2,0,0")
    else:
        scene.nested("a", "e1.a~2", "2,0,0")
    scene.timer("d:e1:1")
    words, orders, ended = scene.sweep("d:e1:1")
    assert (words, ended) == (["done"], [Ended("e1", "F", scene.plan.hash)])
    assert orders == (["c:e1.a~2"] if kind == "nested" else [])
    assert scene.record("a") == f"F{meta},{token}\n{TIMEOUT}"
    found = scene.fields()
    assert (found["error"], found["failed_step"]) == (TIMEOUT, "1")
    assert found.get("w:go", "") == ""
    assert (scene.tokens(), scene.store.pending("default")) == ({}, {})
    assert list(scene.store.zset("timers")) == orders
    assert scene.events() == [(7, "e1", 2, 1, meta), (3, "e1", 3, None, None)]


def test_what_is_late_can_be_handled(store: Store) -> None:
    scene = Scene(store, flow("a>b", "a>c!failure", deadlines={"a": 5.0}))
    scene.execution()
    scene.waits("a")
    scene.fire("d:e1:1")
    assert (scene.record("b"), scene.state()) == ("Sb", "r 1 3")
    assert [carried[4] for carried in scene.tokens().values()] == [3]
    assert scene.problems() == []


def test_one_late_step_stops_the_others(store: Store) -> None:
    scene = Scene(store, flow("a", "b", deadlines={"a": 5.0}))
    scene.execution(active=2)
    scene.ready("a")
    scene.ready("b")
    assert scene.fire("d:e1:1") == ["k:e1:1"]
    assert scene.state() == "f 1 2 s"
    assert scene.problems() == []


@pytest.mark.parametrize("phase", "fc")
@pytest.mark.parametrize("kind", ["ready", "claimed", "asleep", "waits", "held"])
def test_what_is_late_while_stopping_is_cancelled(scene: Scene, phase: str, kind: str) -> None:
    scene.execution(phase=phase, active=2)
    meta = ",2,0,0,default,0,0,0-0"
    if kind in ("ready", "claimed"):
        token = scene.ready("a", worker="w1" if kind == "claimed" else "", attempt=2)
        meta = f",2,0,0,default,0,0,{token}"
    elif kind == "asleep":
        scene.parked("a", EPOCH + 9, "2,0,0")
    elif kind == "waits":
        scene.waits("a", due=EPOCH + 9, counts="2,0,0")
    else:
        scene.held("a", "2,0,0")
    scene.fire("d:e1:1")
    assert scene.record("a") == f"X{EPOCH}{meta}"
    assert (scene.tokens(), scene.store.pending("default")) == ({}, {})
    assert scene.store.zset("timers") == {}
    assert scene.events() == [(13, "e1", 2, 1, None)]
    assert scene.state() == f"{phase} 1 2 {'cs' if phase == 'c' else 's'}"


@pytest.mark.parametrize("phase", "fc")
def test_a_step_whose_child_is_being_cancelled_waits_for_its_end(scene: Scene, phase: str) -> None:
    """Its deadline has nothing left to do, and nothing is wrong without it."""
    scene.execution(phase=phase, active=1)
    scene.nested("a", "e1.a")
    assert scene.fire("d:e1:1") == []
    assert scene.record("a") == "ke1.a,default,1,0,0"
    assert scene.events() == []
    assert scene.problems() == []


def test_a_finalizer_that_is_late_while_stopping_fails(store: Store) -> None:
    scene = Scene(store, flow("a>z!always", deadlines={"z": 5.0}))
    scene.execution(phase="f", active=2, s1="X1", error=b"=\x01", failed_step="1")
    scene.waits("z")
    scene.fire("d:e1:2")
    assert scene.record("z") == f"F1,0,0,default,0,0,0-0\n{TIMEOUT}"
    assert (scene.fields()["error"], scene.fields()["failed_step"]) == ("=\x01", "1")


@pytest.mark.parametrize("way", ["settled", "compensating", "ended"])
def test_a_deadline_that_comes_too_late_does_nothing(scene: Scene, way: str) -> None:
    phase = {"settled": "r", "compensating": "u", "ended": "d"}[way]
    scene.execution(phase=phase, active=0 if way == "ended" else 1, s1=f"C{META},1-1\n=\x01")
    before = (scene.fields(), scene.events())
    assert scene.fire("d:e1:1") == []
    assert (scene.fields(), scene.events()) == before
    assert scene.store.zset("timers") == {}


def test_who_reports_after_the_deadline_changes_nothing(scene: Scene) -> None:
    token = scene.claimed("a")
    scene.fire("d:e1:1")
    before = scene.everything()
    assert scene.advance(Report(token, "a")).codes == [2]
    assert scene.everything() == before


# --- x: timeout of an execution


@pytest.mark.parametrize("flags", ["", "p"])
def test_an_execution_that_takes_too_long_fails(scene: Scene, flags: str) -> None:
    scene.execution(flags=flags + "x", timeout="900")
    scene.ready("a")
    scene.timer("d:e1:1", EPOCH + 5000)
    assert scene.fire("x:e1") == ["k:e1:1"]
    found = scene.fields()
    assert scene.state() == "f 1 2 s"
    assert (found["error"], "failed_step" in found) == (TIMEOUT, False)
    assert scene.events() == [(21, "e1", 2, None, None)]
    assert scene.problems() == []
    assert scene.sweep("k:e1:1").ended == [Ended("e1", "F", scene.plan.hash)]


@pytest.mark.parametrize("phase", "fcu")
def test_what_stops_already_has_its_cause(scene: Scene, phase: str) -> None:
    scene.execution(phase=phase, flags="x", error=b"=\x01")
    before = scene.state()
    assert scene.fire("x:e1") == []
    assert scene.state() == before.replace("x", "").rstrip()
    assert (scene.fields()["error"], scene.events()) == ("=\x01", [])


@pytest.mark.parametrize(("kind", "letter"), [("c", "C"), ("f", "F")])
def test_the_end_takes_the_timeout_away(store: Store, kind: str, letter: str) -> None:
    scene = Scene(store, flow("a"))
    scene.execution(flags="x", timeout="900")
    scene.timer("x:e1", EPOCH + 900)
    scene.advance(Report(scene.claimed("a"), "a", kind, ERROR))
    assert (scene.state(), scene.fields()["ended"]) == ("d 0 3", f"{EPOCH} {letter}")
    assert store.zset("timers") == {}
    assert scene.problems() == []


# --- f: a scheduled start


@pytest.fixture
def scheduled(store: Store) -> Scene:
    """Return an execution of a > b that is due now."""
    scene = Scene(store, flow("a>b"))
    scene.execution(phase="s", f0="1 c ", begin=str(EPOCH), input=b"=" + pack("in"))
    scene.timer("f:e1:0")
    return scene


def test_a_scheduled_execution_begins_when_it_is_due(scheduled: Scene) -> None:
    assert scheduled.problems() == []
    assert scheduled.promote("f:e1:0") == (["done"], [])
    ((token, carried),) = scheduled.tokens().items()
    assert carried == [1, 0, 0, "e1", 1, scheduled.plan.hash, ["in"], None, None]
    assert scheduled.fields() == {
        "state": f"r 1 2 {scheduled.plan.hash}", "f0": "", "begin": str(EPOCH),
        "s1": f"q{token},default",
    }  # fmt: skip
    assert scheduled.events() == [(1, "e1", 2, None, "wf 1")]
    assert scheduled.store.zset("timers") == {}
    assert scheduled.problems() == []


def test_its_timeout_counts_from_then(scheduled: Scene) -> None:
    scheduled.set("timeout", "900")
    scheduled.promote("f:e1:0")
    assert scheduled.store.zset("timers") == {"x:e1": EPOCH + 900}
    assert scheduled.state() == "r 1 2 x"
    assert scheduled.problems() == []


def test_it_does_not_begin_before(scheduled: Scene) -> None:
    scheduled.timer("f:e1:0", EPOCH + 1)
    before = scheduled.everything()
    assert scheduled.promote("f:e1:0") == (["early"], [])
    assert scheduled.everything() == before


def test_it_begins_once(scheduled: Scene) -> None:
    scheduled.promote("f:e1:0")
    before = scheduled.everything()
    scheduled.fire("f:e1:0")
    assert scheduled.everything() == before


# --- nobody there


@pytest.mark.parametrize("member", ["d:e9:1", "x:e9", "c:e9", "p:e9:1", "f:e9:0"])
def test_timers_of_a_purged_execution_are_gone(scene: Scene, member: str) -> None:
    scene.timer(member)
    assert scene.promote(member) == (["gone"], [])
    assert scene.store.zset("timers") == {}
    assert scene.store.hash("execution:e9") == {}


@pytest.mark.parametrize("member", ["d:e1:1", "x:e1", "c:e1", "p:e1:1"])
def test_what_is_not_due_is_early(scene: Scene, member: str) -> None:
    scene.timer(member, EPOCH + 1)
    before = scene.everything()
    assert scene.promote(member) == (["early"], [])
    assert scene.everything() == before
