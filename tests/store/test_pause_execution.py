"""pause_execution: every word, both letters, and the pages that hold steps and let them go on."""

import pytest

from redflow.store.space import Limits
from tests.store.arrange import META, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > d, b and c: a claimed, b ready, c on a timer."""
    scene = Scene(store, flow("a>d", "b", "c"))
    scene.execution(active=3)
    scene.claimed("a")
    scene.ready("b", attempt=2, deliveries=1, releases=3)
    scene.parked("c", EPOCH + 900)
    return scene


# --- ok


@pytest.mark.parametrize(("letter", "note"), [("p", "note"), ("w", None)])
def test_a_paused_execution_holds_what_is_ready(scene: Scene, letter: str, note: str) -> None:
    """One paused with its workflow keeps no note of its own."""
    a, _ = scene.tokens()
    assert scene.pause(letter=letter) == (["ok"], ["k:e1:1"])
    assert scene.state() == f"r 3 2 {letter}"
    assert scene.fields().get("paused") == note
    assert scene.events() == [(17, "e1", 2, None, None)]
    assert scene.promote("k:e1:1") == (["done"], [])
    assert list(scene.tokens()) == [a]
    assert scene.record("b") == "hdefault,2,1,3"
    assert scene.record("c") == f"t{EPOCH + 900},default,1,0,0,s"
    assert scene.state() == f"r 3 2 {letter}"
    assert scene.problems() == []


def test_what_runs_may_finish_and_starts_nothing(scene: Scene) -> None:
    a, _ = scene.tokens()
    scene.pause()
    scene.promote("k:e1:1")
    assert scene.advance(Report(a, "a")).codes == [1]
    assert scene.record("d") == "hdefault,1,0,0"
    scene.store.now += 900
    scene.promote("w:e1:3")
    assert scene.record("c") == "hdefault,1,0,0"
    assert scene.tokens() == {}
    assert scene.problems() == []


def test_a_resumed_execution_issues_what_it_held(scene: Scene) -> None:
    a, _ = scene.tokens()
    scene.execution(active=3, flags="p", paused=b"note")
    scene.held("b", "2,1,3")
    scene.parked("c")
    scene.promote("w:e1:3")
    assert scene.pause(on=False) == (["ok"], ["k:e1:1"])
    assert (scene.state(), scene.fields()["paused"]) == ("r 3 2", "")
    assert scene.events() == [(18, "e1", 2, None, None)]
    assert scene.promote("k:e1:1") == (["done"], [])
    tokens = scene.tokens()
    b, c = list(tokens)[-2:]
    assert tokens[b] == [2, 1, 3, "e1", 2, scene.plan.hash, None, None, None]
    assert tokens[c] == [1, 0, 0, "e1", 3, scene.plan.hash, None, None, ["timer"]]
    assert (scene.record("b"), scene.record("c")) == (f"q{b},default", f"q{c},default")
    assert scene.advance(Report(a, "a")).codes == [1]


def test_a_wide_execution_is_held_and_freed_page_by_page(store: Store) -> None:
    scene = Scene(store, flow("a", "b", "c"))
    store.limits = Limits(page=2)
    scene.execution(active=3)
    for node in "abc":
        scene.ready(node)
    assert scene.pause()[1] == ["k:e1:1"]
    assert scene.promote("k:e1:1") == (["done"], ["k:e1:3"])
    assert [(scene.record(node) or "")[0] for node in "abc"] == ["h", "h", "q"]
    assert scene.problems() == []
    assert scene.promote("k:e1:3") == (["done"], [])
    assert scene.tokens() == {}
    assert scene.pause(on=False)[1] == ["k:e1:1"]
    assert scene.problems() == []
    assert scene.promote("k:e1:1") == (["done"], ["k:e1:3"])
    assert [(scene.record(node) or "")[0] for node in "abc"] == ["q", "q", "h"]
    assert scene.problems() == []
    assert scene.promote("k:e1:3") == (["done"], [])
    assert len(scene.tokens()) == 3


def test_a_page_acts_by_what_is_so_when_it_is_walked(store: Store) -> None:
    """Resumed before the last page of the pause: that page lets go on what it finds."""
    scene = Scene(store, flow("a", "b"))
    store.limits = Limits(page=1)
    scene.execution(active=2)
    scene.ready("a")
    b = scene.ready("b")
    scene.pause()
    scene.promote("k:e1:1")
    scene.pause(on=False)
    assert scene.promote("k:e1:2", "k:e1:1") == (["done", "done"], ["k:e1:2"])
    assert (scene.record("a") or "")[0] == "q"
    assert scene.record("b") == f"q{b},default"


def test_a_page_done_again_changes_nothing(scene: Scene) -> None:
    scene.pause()
    scene.promote("k:e1:1")
    before = scene.everything()
    scene.fire("k:e1:1")
    assert scene.everything() == before


# --- two letters, one pause


def test_it_goes_on_when_neither_pauses_it(scene: Scene) -> None:
    scene.pause(letter="w")
    scene.promote("k:e1:1")
    assert scene.pause() == (["ok"], [])
    assert scene.state() == "r 3 2 pw"
    assert scene.pause(on=False, letter="w") == (["ok"], [])
    assert (scene.state(), scene.fields()["paused"]) == ("r 3 2 p", "note")
    assert scene.pause(on=False) == (["ok"], ["k:e1:1"])
    assert [event[0] for event in scene.events()] == [17, 18]


# --- scheduled


def test_a_scheduled_execution_begins_paused(store: Store) -> None:
    scene = Scene(store, flow("a>b"))
    scene.execution(phase="s", f0="1 c ", begin=str(EPOCH))
    scene.timer("f:e1:0")
    assert scene.pause() == (["ok"], [])
    assert scene.events() == [(17, "e1", 2, None, None)]
    assert scene.promote("f:e1:0") == (["done"], [])
    assert (scene.state(), scene.record("a")) == ("r 1 3 p", "hdefault,1,0,0")
    assert scene.problems() == []


def test_a_scheduled_execution_goes_on_without_a_page(store: Store) -> None:
    scene = Scene(store, flow("a>b"))
    scene.execution(phase="s", f0="1 c ", flags="p", paused=b"note")
    assert scene.pause(on=False) == (["ok"], [])
    assert scene.state() == "s 1 2"


# --- dup, late, gone


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("letter", "pw")
def test_the_same_again_is_dup_and_changes_nothing(scene: Scene, letter: str, on: bool) -> None:
    scene.pause(letter=letter)
    if not on:
        scene.pause(letter=letter, on=False)
    before = scene.everything()
    assert scene.pause(letter=letter, on=on, note=b"other") == (["dup"], [])
    assert scene.everything() == before


@pytest.mark.parametrize("phase", "fcud")
@pytest.mark.parametrize("on", [True, False])
def test_what_ends_is_late(scene: Scene, phase: str, on: bool) -> None:
    scene.execution(phase=phase, active=3)
    before = scene.everything()
    assert scene.pause(on=on) == (["late"], [])
    assert scene.everything() == before


def test_many_are_paused_at_once_and_each_has_its_word(scene: Scene) -> None:
    scene.execution("e2")
    scene.execution("e3", flags="p")
    scene.execution("e4", phase="d", active=0)
    words, orders = scene.pause("e1", "e9", "e2", "e3", "e4")
    assert words == ["ok", "gone", "ok", "dup", "late"]
    assert sorted(orders) == ["k:e1:1", "k:e2:1"]
    assert sorted(event[1] for event in scene.events()) == ["e1", "e2"]


# --- held steps and what else may happen to them


def test_a_held_step_that_is_skipped_is_never_issued(scene: Scene) -> None:
    scene.execution(active=3, flags="p")
    scene.held("b")
    scene.skip("b")
    scene.pause(on=False)
    scene.promote("k:e1:1")
    assert (scene.record("b") or "")[:7] == "C0,0,0,"


def test_a_held_step_carries_what_resumed_it(scene: Scene) -> None:
    scene.execution(active=3, r2=pack(["child", "e1.b"]), s4=f"C{META},1-1\n=\x01")
    scene.held("b")
    scene.fire("k:e1:1")
    assert list(scene.tokens().values())[-1][8] == ["child", "e1.b"]
