"""The saga: which steps join the undo list, and how they are undone, one at a time, last first."""

from typing import Any

import pytest

from redflow.model.workflow import When
from redflow.store.space import Limits
from redflow.store.steps import Ended
from redflow.store.sweeps import reclaim_leases
from tests.store.arrange import META, QUEUES, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store

ERROR = b"=" + pack("boom")
LEASE = 30_000


def saga(store: Store, when: When = "started", **given: Any) -> Scene:
    """An execution of a and b, both undone; b runs."""
    scene = Scene(store, flow("a", "b", undo={"a": when, "b": when}, **given))
    scene.execution(active=2)
    return scene


def reclaim(scene: Scene, token: str) -> list[str]:
    """Take a token of a silent worker away."""
    scene.store.silence("default", [token], LEASE)
    op = reclaim_leases(
        scene.store.space, scene.store.partition, lease=LEASE, deliveries_limit=5, lost_error=b"x",
        queues=QUEUES, executions=["e1"], plans=[scene.plan.hash], leases=[token, 1, 1],
    )  # fmt: skip
    return scene.store.run(op)[0]


# --- who joins the list: what was done, or may have been; `when` is the node's choice


WHENS: tuple[When, ...] = ("completed", "started", "attempted")


def joined(scene: Scene) -> bool:
    found = scene.fields()
    assert found.get("undo") == ("1 1" if "o1" in found else None)
    return found.get("o1") == "1"


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize(
    ("kind", "detail", "by"),
    [
        ("c", "", "completed started attempted"),
        ("f", "u", "started attempted"),
        ("f", "", "attempted"),
        ("r", "9", ""), ("l", "9", ""), ("n", "9", ""), ("t", "+9", ""), ("s", "9", ""),
    ],
)  # fmt: skip
def test_a_settled_step_joins(store: Store, when: When, kind: str, detail: str, by: str) -> None:
    """Failed by itself it did nothing, cut off (u) it may have; what goes on has not settled."""
    scene = saga(store, when)
    token = scene.claimed("a")
    scene.ready("b")
    scene.advance(Report(token, "a", kind, b"go" if kind == "s" else ERROR, detail))
    assert joined(scene) == (when in by.split())


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("kind", "rlts")
def test_what_is_cancelled_instead_of_going_on_may_have_done_something(
    store: Store, when: When, kind: str
) -> None:
    scene = saga(store, when)
    scene.execution(phase="c", active=2)
    assert scene.advance(Report(scene.claimed("a"), "a", kind, b"x", "9")).codes == [4]
    assert joined(scene) == (when != "completed")


@pytest.mark.parametrize("when", WHENS)
def test_what_was_given_back_unrun_did_nothing(store: Store, when: When) -> None:
    scene = saga(store, when)
    scene.execution(phase="c", active=2)
    assert scene.advance(Report(scene.claimed("a"), "a", "n", b"x", "0")).codes == [4]
    assert not joined(scene)


@pytest.mark.parametrize(
    ("arrange", "begun"),
    [
        (lambda s: s.ready("a"), False),
        (lambda s: s.ready("a", releases=2), False),
        (lambda s: s.ready("a", attempt=2), True),
        (lambda s: s.ready("a", deliveries=1), True),
        (lambda s: s.parked("a", why="l"), False),
        (lambda s: s.parked("a", counts="2,0,0", why="r"), True),
        (lambda s: s.parked("a", why="s"), True),
        (lambda s: s.held("a"), False),
        (lambda s: s.held("a", "1,1,0"), True),
        (lambda s: s.waits("a"), True),
        (lambda s: (s.held("a"), s.set("r1", pack(["timer"]))), True),
        (lambda s: (s.held("a"), s.set("g1", "1")), True),
    ],
    ids=["ready", "released", "retried", "lost once", "parked", "backing off", "asleep", "held",
         "held and lost", "waits", "resumed", "cut short"],
)  # fmt: skip
@pytest.mark.parametrize("way", ["stopped", "late"])
def test_a_live_step_that_ends_by_force_joins_if_it_had_begun(
    store: Store, arrange, begun: bool, way: str
) -> None:
    """By the stop page, or by its deadline; its record says the same."""
    scene = saga(store, deadlines={"a": 5.0})
    scene.execution(phase="c" if way == "stopped" else "r", active=2)
    arrange(scene)
    scene.fire("k:e1:1" if way == "stopped" else "d:e1:1")
    assert joined(scene) == begun
    record = scene.record("a") or ""
    assert (record != f"X{EPOCH}") == (begun or way == "late")


@pytest.mark.parametrize("when", WHENS)
def test_a_claimed_step_that_is_late_joins(store: Store, when: When) -> None:
    scene = saga(store, when, deadlines={"a": 5.0})
    scene.claimed("a")
    scene.fire("d:e1:1")
    assert joined(scene) == (when != "completed")


@pytest.mark.parametrize("when", WHENS)
def test_a_late_step_that_had_not_begun_does_not(store: Store, when: When) -> None:
    scene = saga(store, when, deadlines={"a": 5.0})
    scene.ready("a")
    scene.fire("d:e1:1")
    assert not joined(scene)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize(("phase", "word"), [("r", "lost"), ("f", "cancelled")])
def test_a_step_whose_worker_is_lost_joins(store: Store, when: When, phase: str, word: str) -> None:
    scene = saga(store, when)
    scene.execution(phase=phase, active=2)
    assert reclaim(scene, scene.claimed("a", deliveries=5)) == [word]
    assert joined(scene) == (when != "completed")


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("begun", [True, False])
def test_a_step_that_an_operator_skips_joins_if_it_had_begun(
    store: Store, when: When, begun: bool
) -> None:
    scene = saga(store, when)
    scene.ready("a", worker="w1" if begun else "")
    scene.skip("a")
    assert joined(scene) == (begun and when != "completed")


def test_steps_join_in_order_of_settling_also_when_nothing_is_undone(store: Store) -> None:
    """With on_cancel abandon the list is kept for a rerun."""
    scene = saga(store, on_cancel="abandon")
    scene.execution(phase="c", active=3, flags="a")
    a, b = scene.claimed("a"), scene.claimed("b")
    scene.advance(Report(b, "b"), Report(a, "a"))
    found = scene.fields()
    assert (found["o1"], found["o2"], found["undo"]) == ("2", "1", "2 2")


def test_a_step_without_compensation_joins_nothing(store: Store) -> None:
    scene = Scene(store, flow("a", "b", undo={"b": "attempted"}))
    scene.execution(active=2)
    token = scene.claimed("a")
    scene.ready("b")
    scene.advance(Report(token, "a"))
    assert "undo" not in scene.fields()


# --- undoing, from the last to the first


@pytest.fixture
def failing(store: Store) -> Scene:
    """Return a failing execution: a and b completed, b last, and c runs."""
    undo = {"a": "started", "b": "started"}
    scene = Scene(store, flow("a", "b", "c", undo=undo, queues={"unb": "mail"}))
    scene.execution(phase="f", error=b"=\x01", failed_step="3")
    scene.done("a", "b")
    scene.undoing("a", "b")
    return scene


def test_the_saga_begins_when_nothing_runs(failing: Scene) -> None:
    token = failing.claimed("c")
    reply = failing.advance(Report(token, "c", "f", ERROR))
    assert (reply.codes, reply.ended) == ([5], [])
    ((undo, carried),) = failing.tokens("mail").items()
    assert carried == [1, 0, 0, "e1", 5, failing.plan.hash, None, None, None]
    assert failing.plan.step(5).id == "b~undo"
    found = failing.fields()
    assert (found["undo"], found["s5"], found["error"]) == ("2 1", f"q{undo},mail", "=\x01")
    assert failing.state() == "u 1 3"
    assert failing.store.zset("stopping") == {}
    assert failing.events()[1:] == [(11, "e1", 3, 5, 2)]
    assert failing.problems() == []


def test_finalizers_run_before_it(store: Store) -> None:
    scene = Scene(store, flow("a>z!always", undo={"a": "attempted"}))
    scene.execution()
    reply = scene.advance(Report(scene.claimed("a"), "a", "f", ERROR), claims={"default": 5})
    (z,) = reply.claims
    assert (z.envelope.step, scene.state()) == (2, "f 1 2 s")
    scene.advance(Report(z.token, "z"))
    assert [carried[4] for carried in scene.tokens().values()] == [3]
    assert scene.state() == "u 1 4"


def compensating(
    store: Store, *, flags: str = "", left: int = 1, deliveries: int = 0
) -> tuple[Scene, str]:
    """An execution that undoes b, and then a."""
    undo = {"a": "started", "b": "started"}
    scene = Scene(store, flow("a>z!always", "b", undo=undo))
    scene.execution(phase="u", flags=flags, error=b"=\x01", s3="Ss")
    scene.done("a", "b")
    scene.undoing("a", "b", left=left)
    return scene, scene.claimed("b~undo", deliveries=deliveries)


@pytest.mark.parametrize("kind", "cf")
def test_the_next_follows_also_when_one_fails(store: Store, kind: str) -> None:
    scene, token = compensating(store)
    reply = scene.advance(Report(token, "b~undo", kind, ERROR), claims={"default": 1})
    assert reply.codes == [1]
    assert [claim.envelope.step for claim in reply.claims] == [scene.plan.numbers["a~undo"]]
    assert (scene.fields()["undo"], scene.fields()["error"]) == ("2 0", "=\x01")
    assert (scene.record("b~undo") or "")[0] == kind.upper()
    assert scene.state() == "u 1 3"
    assert scene.events()[1:] == [(11, "e1", 3, 4, 1)]
    assert scene.problems() == []


@pytest.mark.parametrize(
    ("flags", "letter", "index", "event"),
    [("", "F", "finished:failed", 3), ("c", "X", "finished:cancelled", 4)],
)
def test_the_last_one_ends_the_execution(
    store: Store, flags: str, letter: str, index: str, event: int
) -> None:
    scene, token = compensating(store, flags=flags, left=0)
    reply = scene.advance(Report(token, "b~undo"))
    assert reply.ended == [Ended("e1", letter, scene.plan.hash)]
    assert (scene.state(), scene.fields()["undo"]) == (f"d 0 3 {flags}".rstrip(), "2 0")
    assert store.zset(index) == {"e1": EPOCH}
    assert [one[0] for one in scene.events()] == [6, event]
    assert scene.problems() == []


def test_a_compensation_is_retried(store: Store) -> None:
    scene, token = compensating(store)
    scene.advance(Report(token, "b~undo", "r", ERROR, "9"))
    assert scene.record("b~undo") == f"t{EPOCH + 9},default,2,0,0,r"
    scene.store.now += 9
    scene.promote(f"w:e1:{scene.plan.numbers['b~undo']}")
    assert [carried[:3] for carried in scene.tokens().values()] == [[2, 0, 0]]
    assert scene.problems() == []


@pytest.mark.parametrize(("deliveries", "word", "next_one"), [(0, "moved", "b"), (5, "lost", "a")])
def test_a_compensation_whose_worker_is_lost(
    store: Store, deliveries: int, word: str, next_one: str
) -> None:
    scene, token = compensating(store, deliveries=deliveries)
    assert reclaim(scene, token) == [word]
    (carried,) = scene.tokens().values()
    assert carried[4] == scene.plan.numbers[f"{next_one}~undo"]


@pytest.mark.parametrize("kind", "ln")
def test_a_compensation_may_be_given_back(store: Store, kind: str) -> None:
    scene, token = compensating(store)
    assert scene.advance(Report(token, "b~undo", kind, b"x", "0")).codes == [1]
    assert [carried[:3] for carried in scene.tokens().values()] == [[1, 0, 1]]
    assert scene.state() == "u 1 2"


def test_nothing_disturbs_it(store: Store) -> None:
    """Cancel, fail, timeouts, deadlines, pauses, signals and skips come too late."""
    scene, _ = compensating(store)
    words = [scene.stop("c").word, scene.stop("f").word, *scene.pause()[0], scene.signal()]
    assert words == ["late"] * 4
    assert scene.skip("b~undo").word == "late"
    before = scene.fields()
    for member in ("x:e1", "d:e1:1", "k:e1:1", "c:e1"):
        assert scene.fire(member) == []
    assert scene.fields() == before


@pytest.mark.parametrize("kind", "cf")
def test_an_abandoned_saga_does_not_begin(store: Store, kind: str) -> None:
    """Only a cancelled execution abandons; one that fails is compensated all the same."""
    scene = Scene(store, flow("a", "b", undo={"a": "started"}, on_cancel="abandon"))
    scene.execution()
    scene.done("a")
    scene.undoing("a")
    scene.ready("b")
    scene.stop(kind)
    ended = scene.sweep("k:e1:1").ended
    if kind == "c":
        assert ended == [Ended("e1", "X", scene.plan.hash)]
        assert (scene.state(), scene.fields()["undo"]) == ("d 0 4 ac", "1 1")
    else:
        assert (ended, scene.state()) == ([], "u 1 4")


def test_a_completed_execution_undoes_nothing(store: Store) -> None:
    scene = saga(store)
    scene.execution(active=1)
    scene.done("a")
    scene.undoing("a")
    reply = scene.advance(Report(scene.claimed("b"), "b"))
    assert reply.ended == [Ended("e1", "C", scene.plan.hash)]
    assert scene.fields()["undo"] == "2 2"


def test_undoing_starts_in_the_call_of_whoever_ended_the_last_step(store: Store) -> None:
    """A stop page, here with room for one step a call."""
    scene = saga(store)
    store.limits = Limits(page=1)
    scene.execution(phase="c", active=1, s1=f"C{META},1-1\n=\x01")
    scene.undoing("a")
    scene.ready("b")
    scene.timer("k:e1:1")
    assert scene.promote("k:e1:1") == (["done"], ["k:e1:2"])
    assert scene.promote("k:e1:2") == (["done"], ["k:e1:3"])
    assert scene.state() == "u 1 3 c"
    assert scene.promote("k:e1:3") == (["done"], [])
    assert scene.state() == "u 1 3 c"
    assert scene.problems() == []
