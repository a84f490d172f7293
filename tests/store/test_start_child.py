"""start_child: every word, what parent and child are then, and the orders between the two."""

import pytest

from redflow.model.compiling import compile_plan
from redflow.model.plan import Plan
from redflow.store.steps import Ended
from redflow.store.waiting import ChildStarted, start_child
from tests.store.arrange import META, QUEUES, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store

INPUT = pack("in")
BODY = pack({"reason": "its parent stopped waiting for it"})


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b whose children run the same workflow."""
    scene = Scene(store, flow("a>b", deadlines={"b": 9.0}))
    scene.execution()
    return scene


def start(
    scene: Scene, token: str, child: str = "e1.a", *, parent: str = "e1", plan: Plan | None = None,
    workflow: str = "wf", version: int = 0, meta: str = META,
) -> ChildStarted:  # fmt: skip
    """Start a child from step a."""
    return scene.store.run(
        start_child(
            scene.store.space, scene.store.partition, queues=QUEUES, parent=parent, child=child,
            plans=(scene.plan.hash, (plan or scene.plan).hash), workflow=workflow, token=token,
            queue=1, step=1, meta=meta, version=version, digest="digest", input=INPUT,
        )
    )  # fmt: skip


# --- ok


def test_a_parent_waits_and_its_child_begins(scene: Scene) -> None:
    token = scene.claimed("a", attempt=2, deliveries=1, releases=3)
    assert start(scene, token, meta="2,1,3,default,5,7") == ChildStarted("ok", "", [], [])
    ((ready, carried),) = scene.tokens().items()
    assert scene.fields() == {
        "state": f"r 1 2 {scene.plan.hash}",
        "s1": "ke1.a,default,2,1,3",
    }
    assert scene.store.hash("execution:e1.a") == {
        "state": f"r 1 1 {scene.plan.hash} k".encode(),
        "start": f"{EPOCH} wf 1 digest".encode(),
        "input": b"=" + INPUT,
        "parent": b"e1 1",
        "depth": b"1",
        "s1": f"q{ready},default".encode(),
    }
    assert carried == [1, 0, 0, "e1.a", 1, scene.plan.hash, ["in"], None, None]
    assert scene.store.pending("default") == {}
    assert scene.store.zset("live") == {"e1": EPOCH, "e1.a": EPOCH}
    assert scene.events() == [(19, "e1", 2, 1, "e1.a"), (1, "e1.a", 1, None, "wf 1")]
    assert scene.problems() == []


def test_headers_and_metadata_come_from_the_parent(scene: Scene) -> None:
    scene.execution(headers=pack(b"trace"), meta=b"\x80")
    start(scene, scene.claimed("a"))
    found = scene.store.hash("execution:e1.a")
    assert (found["headers"], found["meta"]) == (pack(b"trace"), b"\x80")
    assert [carried[7] for carried in scene.tokens().values()] == [b"trace"]


def test_a_child_runs_a_plan_of_its_own(scene: Scene) -> None:
    other = compile_plan(flow("x>y", name="other"), 4)
    scene.store.put_plan(other)
    scene.store.publish("other", other.hash, 4)
    assert start(scene, scene.claimed("a"), plan=other, workflow="other").word == "ok"
    found = scene.store.hash("execution:e1.a")
    assert found["start"] == f"{EPOCH} other 4 digest".encode()
    assert found["state"] == f"r 1 1 {other.hash} k".encode()


def test_a_pinned_version_runs_its_own_plan(scene: Scene) -> None:
    newer = compile_plan(flow("a>b", "b>c"), 2)
    scene.store.put_plan(newer)
    scene.store.publish("wf", newer.hash, 2)
    assert start(scene, scene.claimed("a"), version=1).word == "ok"
    assert scene.store.hash("execution:e1.a")["start"] == f"{EPOCH} wf 1 digest".encode()


def test_a_child_of_a_paused_workflow_begins_paused(scene: Scene) -> None:
    scene.store.command("HSET", scene.store.key("workflow:wf"), "paused", "1")
    start(scene, scene.claimed("a"))
    assert (scene.state("e1.a"), scene.tokens()) == ("r 1 1 kw", {})
    assert scene.problems() == []


def test_a_finalizer_may_start_a_child_while_stopping(store: Store) -> None:
    scene = Scene(store, flow("z>a!always"))
    number = scene.plan.numbers["a"]
    scene.execution(phase="f", s1="X1")
    op = start_child(
        store.space, store.partition, queues=QUEUES, parent="e1", child="e1.a",
        plans=(scene.plan.hash,) * 2, workflow="wf", token=scene.claimed("a"), queue=1,
        step=number, meta=META, digest="digest", input=INPUT,
    )  # fmt: skip
    assert store.run(op).word == "ok"
    assert scene.record("a") == "ke1.a,default,1,0,0"


# --- the same again


@pytest.mark.parametrize("times", [1, 2])
def test_a_repeated_start_is_dup_and_changes_nothing(scene: Scene, times: int) -> None:
    token = scene.claimed("a")
    start(scene, token)
    before = scene.everything()
    for _ in range(times):
        assert start(scene, token) == ChildStarted("dup", "", [], [])
    assert scene.everything() == before


def test_a_repeated_start_whose_step_has_settled_since_is_dup(scene: Scene) -> None:
    scene.set("s1", f"C{META},8-1\n=\x01")
    before = scene.everything()
    assert start(scene, "8-1").word == "dup"
    assert scene.everything() == before


@pytest.mark.parametrize("ended", [False, True])
def test_a_child_of_this_step_that_is_there_is_waited_for(scene: Scene, ended: bool) -> None:
    """The parent's side of an earlier start was undone by a restored backup, say."""
    more = {"parent": "e1 1", "depth": "1"} | ({"ended": f"{EPOCH} F"} if ended else {})
    scene.execution("e1.a", phase="d" if ended else "r", flags="k", **more)
    orders = ["p:e1:1"] if ended else []
    assert start(scene, scene.claimed("a")) == ChildStarted("ok", "", orders, [])
    assert scene.record("a") == "ke1.a,default,1,0,0"
    assert [event[0] for event in scene.events()] == [19]


# --- refused, with nothing written


def refused(scene: Scene, word: str, **given: object) -> ChildStarted:
    before = scene.everything()
    found = start(scene, **given)  # type: ignore[arg-type]
    assert found.word == word
    assert scene.everything() == before
    return found


def test_a_token_that_was_issued_again_is_stale(scene: Scene) -> None:
    scene.claimed("a")
    refused(scene, "stale", token="8-1")


def test_a_child_of_somebody_else_is_a_conflict(scene: Scene) -> None:
    token = scene.claimed("a")
    for more in ({}, {"parent": "e1 2"}, {"parent": "e2 1"}):
        scene.execution("e1.a", **more)
        refused(scene, "conflict", token=token)


def test_a_conflict_needs_no_plan_of_the_one_that_is_there(scene: Scene) -> None:
    other = compile_plan(flow("x", name="other"), 1)
    scene.execution("e1.a")
    scene.set("state", f"r 1 1 {other.hash}", execution="e1.a")
    refused(scene, "conflict", token=scene.claimed("a"))


@pytest.mark.parametrize(("depth", "word"), [("7", "ok"), ("8", "deep")])
def test_executions_nest_so_deep_and_no_deeper(scene: Scene, depth: str, word: str) -> None:
    scene.execution(depth=depth)
    token = scene.claimed("a")
    if word == "deep":
        refused(scene, "deep", token=token)
    else:
        assert start(scene, token).word == "ok"
        assert scene.store.hash("execution:e1.a")["depth"] == b"8"


def test_what_may_not_start_does_not(scene: Scene) -> None:
    newer = compile_plan(flow("a>b", "b>c"), 2)
    scene.store.put_plan(newer)
    scene.store.publish("newer", newer.hash, 2)
    scene.store.publish("resting", scene.plan.hash, 1, status="INACTIVE")
    token = scene.claimed("a")
    refused(scene, "unknown", token=token, workflow="nobody")
    refused(scene, "inactive", token=token, workflow="resting")
    moved = refused(scene, "moved", token=token, workflow="newer")
    assert moved.detail == newer.hash


# --- the parent has gone another way


def test_a_parent_that_was_purged_leaves_nothing(scene: Scene) -> None:
    token = scene.claimed("a")
    scene.store.command("DEL", scene.store.key("execution:e1"))
    assert start(scene, token) == ChildStarted("gone", "", [], [])
    assert (scene.tokens(), scene.store.pending("default")) == ({}, {})
    assert scene.store.hash("execution:e1.a") == {}


@pytest.mark.parametrize("phase", "fc")
def test_a_parent_that_stops_starts_no_child(store: Store, phase: str) -> None:
    scene = Scene(store, flow("a>b", undo={"a": "started"}))
    scene.execution(phase=phase, active=2)
    token = scene.claimed("a")
    assert start(scene, token) == ChildStarted("cancelled", "", [], [])
    assert scene.record("a") == f"X{EPOCH},{META},{token}"
    assert scene.fields()["undo"] == "1 1"
    assert scene.tokens() == {}
    assert store.hash("execution:e1.a") == {}
    assert scene.events() == [(13, "e1", 2, 1, None)]
    assert start(scene, token).word == "dup"


# --- p: the child has ended


@pytest.mark.parametrize("letter", "CFX")
def test_the_end_of_a_child_resumes_its_parent(scene: Scene, letter: str) -> None:
    """Whoever ends it orders so, in the same call; how it ended its record says."""
    scene.nested("a", "e1.a", "2,1,3")
    phase = {"C": "r", "F": "f", "X": "c"}[letter]
    scene.execution("e1.a", phase=phase, flags="k", parent="e1 1")
    token = scene.claimed("b", execution="e1.a")
    reply = scene.advance(Report(token, "b", execution="e1.a"))
    assert reply.ended == [Ended("e1.a", letter, scene.plan.hash)]
    assert reply.orders == ["p:e1:1"]
    assert scene.store.zset("timers") == {"p:e1:1": EPOCH}
    assert scene.problems() == []
    assert scene.promote("p:e1:1") == (["done"], [])
    ((new, carried),) = scene.tokens().items()
    assert carried == [2, 1, 3, "e1", 1, scene.plan.hash, None, None, ["child", "e1.a"]]
    found = scene.fields()
    assert (found["s1"], found["r1"]) == (
        f"q{new},default", pack(["child", "e1.a"]).decode("latin-1"),
    )  # fmt: skip
    assert (scene.store.zset("timers"), scene.state()) == ({}, "r 1 1")
    assert scene.problems() == []


def test_the_child_of_a_paused_parent_ends_and_the_step_is_held(scene: Scene) -> None:
    scene.execution(flags="p")
    scene.nested("a", "e1.a")
    scene.fire("p:e1:1")
    assert scene.record("a") == "hdefault,1,0,0"
    assert scene.fields()["r1"] == pack(["child", "e1.a"]).decode("latin-1")
    assert scene.problems() == []


@pytest.mark.parametrize("phase", "fc")
def test_the_child_of_a_stopping_parent_ends_and_its_step_is_cancelled(
    scene: Scene, phase: str
) -> None:
    scene.execution(phase=phase)
    scene.nested("a", "e1.a", "2,1,3")
    scene.timer("p:e1:1")
    (ended,) = scene.sweep("p:e1:1").ended
    assert ended.letter == ("F" if phase == "f" else "X")
    assert scene.record("a") == f"X{EPOCH},2,1,3,default,0,0,0-0"
    assert scene.tokens() == {}
    assert [event[0] for event in scene.events()] == [13, 3 if phase == "f" else 4]


def test_the_end_of_a_child_nobody_waits_for_does_nothing(scene: Scene) -> None:
    for record in (f"C{META},8-1\n=\x01", f"t{EPOCH + 9},default,1,0,0,r"):
        scene.set("s1", record)
        before = scene.fields()
        assert scene.fire("p:e1:1") == []
        assert scene.fields() == before


def test_a_child_that_is_cancelled_by_hand_tells_its_parent(scene: Scene) -> None:
    scene.nested("a", "e1.a")
    scene.execution("e1.a", flags="k", parent="e1 1")
    scene.ready("a", execution="e1.a")
    orders = scene.stop(execution="e1.a").orders
    assert orders == ["k:e1.a:1"]
    assert scene.sweep(*orders).orders == ["p:e1:1"]


# --- c: cancel the child


@pytest.mark.parametrize("phase", "fc")
def test_a_stop_page_cancels_children_and_waits_for_their_end(scene: Scene, phase: str) -> None:
    scene.execution(phase=phase)
    scene.nested("a", "e1.a")
    assert scene.fire("k:e1:1") == ["c:e1.a"]
    assert scene.record("a") == "ke1.a,default,1,0,0"
    assert scene.store.zset("timers") == {"c:e1.a": EPOCH}
    assert scene.events() == []


@pytest.mark.parametrize("flags", ["k", "kp"])
def test_a_child_that_nobody_waits_for_is_cancelled(scene: Scene, flags: str) -> None:
    scene.execution("e1.a", flags=flags, parent="e1 1")
    scene.ready("a", execution="e1.a")
    assert scene.fire("c:e1.a") == ["k:e1.a:1"]
    assert scene.state("e1.a") == "c 1 2 cks"
    assert scene.fields("e1.a")["cancelled"] == BODY.decode("latin-1")
    assert scene.events() == [(20, "e1.a", 2, None, None)]


@pytest.mark.parametrize("phase", "fcud")
def test_a_child_that_ends_already_is_left_alone(scene: Scene, phase: str) -> None:
    scene.execution("e1.a", phase=phase, flags="k", parent="e1 1")
    before = scene.fields("e1.a")
    assert scene.fire("c:e1.a") == []
    assert scene.fields("e1.a") == before


def test_skipping_the_step_cancels_its_child(scene: Scene) -> None:
    scene.nested("a", "e1.a")
    assert scene.skip("a").orders == ["c:e1.a"]
    assert (scene.record("a") or "")[0] == "C"
