"""deliver_signal: every word, whom a signal resumes, and what waits in a buffer."""

import pytest

from redflow.store.space import Limits
from tests.store.arrange import Scene, flow, pack
from tests.store.support import EPOCH, Store

PAYLOAD = pack({"n": 1})


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a, b and c."""
    scene = Scene(store, flow("a", "b", "c"))
    scene.execution(active=3)
    return scene


# --- delivered


@pytest.mark.parametrize("due", [0, EPOCH + 900])
def test_the_first_in_line_goes_on(scene: Scene, due: int) -> None:
    scene.waits("b", due=due, counts="2,1,3")
    scene.waits("a")
    scene.ready("c")
    assert scene.signal(payload=PAYLOAD) == "delivered"
    (_, (new, carried)) = scene.tokens().items()
    assert carried == [2, 1, 3, "e1", 2, scene.plan.hash, None, None, ["signal", {"n": 1}]]
    found = scene.fields()
    assert (found["s2"], found["w:go"], found["i:s1"]) == (f"q{new},default", ",1,", "1")
    assert found["r2"] == pack(["signal", {"n": 1}]).decode("latin-1")
    assert (scene.state(), scene.store.zset("timers")) == ("r 3 2", {})
    assert scene.events() == [(10, "e1", 2, 2, "go")]
    assert scene.problems() == []


def test_one_signal_resumes_one_step(scene: Scene) -> None:
    scene.waits("a")
    scene.waits("b")
    assert [scene.signal(id=one) for one in ("s1", "s2", "s3")] == [
        "delivered", "delivered", "buffered",
    ]  # fmt: skip
    assert [carried[4] for carried in scene.tokens().values()] == [1, 2]
    assert scene.fields()["w:go"] == ""


def test_a_signal_of_another_name_resumes_nobody(scene: Scene) -> None:
    scene.waits("a")
    assert scene.signal("other") == "buffered"
    assert scene.fields()["w:go"] == ",1,"
    assert scene.tokens() == {}


@pytest.mark.parametrize("due", [0, EPOCH + 900])
def test_a_step_of_a_paused_execution_has_its_signal_and_is_held(scene: Scene, due: int) -> None:
    scene.execution(flags="p")
    scene.waits("a", due=due, counts="2,1,3")
    assert scene.signal(payload=PAYLOAD) == "delivered"
    found = scene.fields()
    assert (found["s1"], found["w:go"]) == ("hdefault,2,1,3", "")
    assert found["r1"] == pack(["signal", {"n": 1}]).decode("latin-1")
    assert (scene.tokens(), scene.store.zset("timers")) == ({}, {})
    assert scene.events() == [(10, "e1", 2, 1, "go")]
    assert scene.problems() == []


# --- buffered and full


@pytest.mark.parametrize("phase", "rs")
def test_early_signals_wait_first_in_first_out(scene: Scene, phase: str) -> None:
    scene.execution(phase=phase, f0="1 c ", active=1)
    scene.timer("f:e1:0")
    assert [scene.signal(id=one, payload=pack(one)) for one in ("s1", "s2")] == ["buffered"] * 2
    assert scene.fields() == {
        "state": f"{phase} 1 3 {scene.plan.hash}", "f0": "1 c ",
        "b:go": "1 3", "b:go:1": "\xa2s1", "b:go:2": "\xa2s2", "signals": "2",
        "i:s1": "1", "i:s2": "1",
    }  # fmt: skip
    assert scene.events() == [(10, "e1", 2, None, "go"), (10, "e1", 3, None, "go")]
    assert scene.problems() == []


def test_a_buffer_goes_on_where_it_stood(scene: Scene) -> None:
    scene.set("b:go", "3 3")
    scene.set("signals", "0")
    scene.signal(payload=PAYLOAD)
    found = scene.fields()
    assert (found["b:go"], found["signals"], "b:go:3" in found) == ("3 4", "1", True)


def test_an_execution_keeps_so_many_signals_of_all_names(scene: Scene) -> None:
    scene.store.limits = Limits(signals_cap=2)
    assert [scene.signal("go", "s1"), scene.signal("other", "s2")] == ["buffered", "buffered"]
    before = scene.everything()
    assert scene.signal("third", "s3") == "full"
    assert scene.everything() == before
    scene.waits("a")
    assert scene.signal("go", "s3") == "delivered"


# --- dup


@pytest.mark.parametrize("way", ["delivered", "buffered"])
def test_the_same_signal_again_is_dup_and_changes_nothing(scene: Scene, way: str) -> None:
    if way == "delivered":
        scene.waits("a")
        scene.waits("b")
    assert scene.signal() == way
    before = scene.everything()
    assert scene.signal() == "dup"
    assert scene.signal("other") == "dup"
    assert scene.everything() == before


def test_a_repeated_signal_is_dup_after_the_end(scene: Scene) -> None:
    scene.execution(phase="d", active=0, ended=f"{EPOCH} C", **{"i:s1": "1"})
    assert scene.signal() == "dup"


# --- late and gone


@pytest.mark.parametrize("phase", "fcud")
def test_what_nobody_will_wait_for_is_late(scene: Scene, phase: str) -> None:
    scene.execution(phase=phase, active=1)
    before = scene.everything()
    assert scene.signal() == "late"
    assert scene.everything() == before


@pytest.mark.parametrize("phase", "fc")
def test_a_step_that_will_be_cancelled_gets_no_signal(scene: Scene, phase: str) -> None:
    scene.execution(phase=phase, active=1)
    scene.waits("a")
    before = scene.everything()
    assert scene.signal() == "late"
    assert scene.everything() == before


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("phase", "fc")
def test_a_finalizer_gets_its_signal_while_stopping(store: Store, phase: str, ahead: bool) -> None:
    """Also when another step, which the stop page has yet to end, stands before it."""
    scene = Scene(store, flow("a>z!always", "b"))
    scene.execution(phase=phase, active=2, s1="X1")
    if ahead:
        scene.waits("b")
    scene.waits("z")
    assert scene.signal() == "delivered"
    assert [carried[4] for carried in scene.tokens().values()] == [scene.plan.numbers["z"]]
    assert scene.fields()["w:go"] == (f",{scene.plan.numbers['b']}," if ahead else "")


def test_nobody_is_gone(scene: Scene) -> None:
    before = scene.everything()
    assert scene.signal(execution="e9") == "gone"
    assert scene.everything() == before


# --- the other ends of a wait


def test_a_wait_that_times_out_leaves_the_line(scene: Scene) -> None:
    scene.waits("a", due=EPOCH, counts="2,1,3")
    scene.waits("b")
    assert scene.promote("w:e1:1") == (["done"], [])
    ((_, carried),) = scene.tokens().items()
    assert carried == [2, 1, 3, "e1", 1, scene.plan.hash, None, None, ["timeout"]]
    found = scene.fields()
    assert (found["w:go"], found["r1"]) == (",2,", pack(["timeout"]).decode("latin-1"))
    assert scene.store.zset("timers") == {}
    assert scene.signal() == "delivered"
    assert [carried[4] for carried in scene.tokens().values()] == [1, 2]


def test_a_wait_that_times_out_while_stopping_is_cancelled(scene: Scene) -> None:
    scene.execution(phase="c", active=2)
    scene.waits("a", due=EPOCH)
    scene.promote("w:e1:1")
    assert scene.record("a") == f"X{EPOCH},1,0,0,default,0,0,0-0"
    assert scene.fields()["w:go"] == ""
    assert (scene.tokens(), scene.store.zset("timers")) == ({}, {})
