"""skip_step: every word, whatever the step waits for, and what follows as if it had completed."""

import msgspec
import pytest

from redflow.store.executions import read_execution
from redflow.store.space import Limits
from redflow.store.steps import Ended
from redflow.store.stopping import Stopped
from tests.store.arrange import META, QUEUES, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b."""
    scene = Scene(store, flow("a>b"))
    scene.execution()
    return scene


# --- ok


@pytest.mark.parametrize("kind", ["ready", "claimed", "asleep", "waits", "held", "nested"])
def test_a_live_step_is_settled_wherever_it_stands(scene: Scene, kind: str) -> None:
    """Nothing of it stays: no token, timer, place in a line, or child that goes on."""
    if kind in ("ready", "claimed"):
        scene.ready("a", worker="w1" if kind == "claimed" else "", attempt=3)
    elif kind == "asleep":
        scene.parked("a", EPOCH + 9)
    elif kind == "waits":
        scene.waits("a", due=EPOCH + 9)
    elif kind == "held":
        scene.held("a")
    else:
        scene.nested("a", "e1.a")
    orders = ["c:e1.a"] if kind == "nested" else []
    assert scene.skip("a", pack("out")) == Stopped("ok", orders, [])
    ((token, carried),) = scene.tokens().items()
    assert scene.record("a") == "C0,0,0,default,0,0,0-0\n=\xa3out"
    assert scene.record("b") == f"q{token},default"
    assert carried == [1, 0, 0, "e1", 2, scene.plan.hash, ["out"], None, None]
    assert scene.fields().get("w:go", "") == ""
    assert list(scene.store.zset("timers")) == orders
    assert scene.store.pending("default") == {}
    assert scene.state() == "r 1 2"
    assert scene.events() == [(12, "e1", 2, 1, "o")]
    if kind != "nested":  # its order names a child that is not there
        assert scene.problems() == []


def test_a_step_of_a_paused_execution_is_settled_and_the_next_held(scene: Scene) -> None:
    scene.execution(flags="p")
    scene.held("a")
    assert scene.skip("a").word == "ok"
    assert (scene.record("b"), scene.tokens()) == ("hdefault,1,0,0", {})


def test_its_queue_is_the_steps_own(store: Store) -> None:
    scene = Scene(store, flow("a", queues={"a": "mail"}))
    scene.execution()
    scene.ready("a", queue="mail")
    assert scene.skip("a").ended == [Ended("e1", "C", scene.plan.hash)]
    assert scene.record("a") == "C0,0,0,mail,0,0,0-0\n=\x07"
    assert (scene.tokens("mail"), scene.fields()["ended"]) == ({}, f"{EPOCH} C")
    assert scene.problems() == []


def test_a_large_output_stands_apart(scene: Scene) -> None:
    scene.store.limits = Limits(inline_value=3)
    scene.ready("a")
    scene.skip("a", pack("large"))
    assert scene.record("a") == "C0,0,0,default,0,0,0-0\n@"
    assert scene.fields()["big:s1"] == "\xa5large"
    assert [carried[6] for carried in scene.tokens().values()] == [None]


def test_a_label_leads_one_way(store: Store) -> None:
    scene = Scene(store, flow("a>b:yes", "a>c:no"))
    scene.execution()
    scene.ready("a")
    scene.skip("a", not_taken=",2,")
    assert scene.record("a") == "C0,0,0,default,0,0,0-0|,2,\n=\x07"
    assert (scene.record("c"), [c[4] for c in scene.tokens().values()]) == ("Ss", [2])
    assert scene.problems() == []


def test_edges_over_the_budget_become_an_order(store: Store) -> None:
    scene = Scene(store, flow("a>b", "a>c", "a>d"))
    store.limits = Limits(edge_budget=2)
    scene.execution()
    scene.ready("a")
    assert scene.skip("a").orders == ["f:e1:1"]
    assert scene.fields()["f1"] == "3 c "


def test_it_reads_as_skipped_with_an_output(scene: Scene) -> None:
    scene.ready("a")
    scene.skip("a", pack({"n": 1}))
    op = read_execution(scene.store.space, scene.store.partition, "e1", queues=QUEUES, last=1)
    found = scene.store.run(op)
    assert found is not None
    (step,) = found.steps
    assert (step.kind, step.attempt, step.value) == ("C", 0, msgspec.msgpack.encode({"n": 1}))


def test_who_ran_it_hears_that_it_came_too_late(scene: Scene) -> None:
    token = scene.claimed("a")
    scene.skip("a")
    before = scene.everything()
    for kind in "cfrlt":
        assert scene.advance(Report(token, "a", kind, b"=\x01", "+9")).codes == [0]
    assert scene.everything() == before


# --- settled, not_ready, late, gone


def test_the_same_again_is_settled_and_changes_nothing(scene: Scene) -> None:
    scene.ready("a")
    scene.skip("a")
    before = scene.everything()
    assert scene.skip("a", b"\x08") == Stopped("settled", [], [])
    assert scene.everything() == before


@pytest.mark.parametrize(
    ("record", "word"),
    [(f"C{META},8-1\n=\x01", "settled"), (f"F{META},8-1\n=\x01", "settled"), ("Ss", "settled"),
     ("Sb", "settled"), ("X1", "settled"), (None, "not_ready")],
)  # fmt: skip
def test_only_a_live_step_can_be_skipped(scene: Scene, record: str | None, word: str) -> None:
    if record:
        scene.set("s1", record)
    before = scene.everything()
    assert scene.skip("a") == Stopped(word, [], [])
    assert scene.everything() == before


@pytest.mark.parametrize("phase", "sfcud")
def test_only_a_running_execution_lets_steps_be_skipped(scene: Scene, phase: str) -> None:
    scene.execution(phase=phase)
    scene.ready("a")
    before = scene.everything()
    assert scene.skip("a") == Stopped("late", [], [])
    assert scene.everything() == before


def test_nobody_is_gone(scene: Scene) -> None:
    scene.store.command("DEL", scene.store.key("execution:e1"))
    before = scene.everything()
    assert scene.skip("a") == Stopped("gone", [], [])
    assert scene.everything() == before
