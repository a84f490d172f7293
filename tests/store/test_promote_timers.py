"""promote_timers: waking steps, settling owed edges, stop pages; done, early and gone."""

import pytest

from redflow.store.space import Limits
from tests.store.arrange import META, Scene, flow
from tests.store.support import EPOCH, Store


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b."""
    scene = Scene(store, flow("a>b"))
    scene.execution()
    return scene


# --- the words


def test_what_is_due_is_done_once(scene: Scene) -> None:
    scene.set("s1", f"t{EPOCH},default,2,0,0,r")
    scene.timer("w:e1:1")
    assert scene.promote("w:e1:1", "w:e1:1") == (["done", "early"], [])
    assert scene.store.zset("timers") == {}
    assert len(scene.tokens()) == 1


@pytest.mark.parametrize("member", ["w:e1:1", "f:e1:1", "k:e1:1"])
def test_what_is_not_due_or_not_there_is_early(scene: Scene, member: str) -> None:
    before = scene.fields()
    assert scene.promote(member) == (["early"], [])
    scene.timer(member, EPOCH + 1)
    assert scene.promote(member) == (["early"], [])
    assert scene.store.zset("timers") == {member: EPOCH + 1}
    assert scene.fields() == before


@pytest.mark.parametrize("kind", "wfk")
def test_timers_of_a_purged_execution_are_gone(scene: Scene, kind: str) -> None:
    scene.timer(f"{kind}:e9:1")
    assert scene.promote(f"{kind}:e9:1") == (["gone"], [])
    assert scene.store.zset("timers") == {}
    assert scene.store.hash("execution:e9") == {}


# --- w: waking a step


@pytest.mark.parametrize("flags", ["p", "w"])
@pytest.mark.parametrize("why", "rls")
def test_a_step_of_a_paused_execution_wakes_and_is_held(scene: Scene, flags: str, why: str) -> None:
    scene.execution(flags=flags)
    scene.parked("a", counts="2,1,3", why=why)
    assert scene.promote("w:e1:1") == (["done"], [])
    assert scene.record("a") == "hdefault,2,1,3"
    assert (scene.tokens(), scene.store.zset("timers")) == ({}, {})
    assert scene.problems() == []


@pytest.mark.parametrize(("why", "carried"), [("2,0,0,r", [2, 0, 0]), ("1,3,4,l", [1, 3, 4])])
def test_a_step_wakes_with_its_counts_and_reads_its_input(
    scene: Scene, why: str, carried: list[int]
) -> None:
    scene.set("s1", f"t{EPOCH},mail,{why}")
    scene.timer("w:e1:1")
    scene.promote("w:e1:1")
    ((token, envelope),) = scene.tokens("mail").items()
    assert envelope == [*carried, "e1", 1, scene.plan.hash, None, None, None]
    assert scene.record("a") == f"q{token},mail"
    assert scene.state() == "r 1 1"
    assert scene.events() == []


def test_a_step_that_waits_no_more_is_not_woken(scene: Scene) -> None:
    token = scene.claimed("a")
    scene.timer("w:e1:1")
    assert scene.promote("w:e1:1") == (["done"], [])
    assert list(scene.tokens()) == [token]


def test_a_step_that_would_wake_while_failing_is_cancelled(scene: Scene) -> None:
    scene.execution(phase="f", active=2, failed_step="2", error=b"=\x01")
    scene.set("s1", f"t{EPOCH},default,2,0,0,r")
    scene.timer("w:e1:1")
    scene.promote("w:e1:1")
    assert scene.record("a") == f"X{EPOCH},2,0,0,default,0,0,0-0"
    assert scene.state() == "f 1 2 s"
    assert scene.tokens() == {}


# --- f: settling owed edges


def test_owed_edges_are_settled_page_by_page(store: Store) -> None:
    scene = Scene(store, flow("a>b", "a>c", "a>d", "a>e"))
    store.limits = Limits(edge_budget=2)
    scene.execution(s1=f"C{META},1-1|,3,\n=\x05", f1="2 c ,3,")
    scene.timer("f:e1:1")
    assert scene.promote("f:e1:1") == (["done"], ["f:e1:1"])
    assert scene.fields()["f1"] == "4 c ,3,"
    assert scene.record("d") == "Ss"
    assert scene.state() == "r 2 2"
    assert scene.promote("f:e1:1") == (["done"], [])
    assert scene.fields()["f1"] == ""
    assert [carried[4] for carried in scene.tokens().values()] == [3, 5]
    assert [carried[6] for carried in scene.tokens().values()] == [[5], [5]]
    assert scene.state() == "r 2 2"


def test_an_order_twice_settles_once(store: Store) -> None:
    scene = Scene(store, flow("a>b", "a>c"))
    scene.execution(s1=f"C{META},1-1\n=\x05", f1="2 c ")
    for _ in range(2):
        scene.timer("f:e1:1")
        assert scene.promote("f:e1:1") == (["done"], [])
    assert len(scene.tokens()) == 1
    assert scene.state() == "r 1 1"


def test_the_budget_is_one_for_all_orders_of_a_call(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b>d"))
    store.limits = Limits(edge_budget=1)
    done = f"C{META},1-1\n=\x05"
    scene.execution(active=2, s1=done, s2=done, f1="1 c ", f2="1 c ")
    scene.timer("f:e1:1")
    scene.timer("f:e1:2")
    assert scene.promote("f:e1:1", "f:e1:2") == (["done", "done"], ["f:e1:2"])
    assert scene.state() == "r 2 1"


def test_edges_owed_by_a_failing_execution_are_dropped(scene: Scene) -> None:
    scene.execution(phase="f", failed_step="2", error=b"=\x01", s1=f"C{META},1-1\n=\x05", f1="1 c ")
    scene.timer("f:e1:1")
    scene.promote("f:e1:1")
    assert scene.tokens() == {}
    assert scene.fields()["ended"] == f"{EPOCH} F"


def test_the_last_skipped_page_ends_the_execution(scene: Scene) -> None:
    scene.execution(s1="Ss", f1="1 s ")
    scene.timer("f:e1:1")
    scene.promote("f:e1:1")
    assert scene.record("b") == "Ss"
    assert scene.fields()["ended"] == f"{EPOCH} C"
    assert [event[0] for event in scene.events()] == [12, 2]


# --- k: stop pages


@pytest.fixture
def failing(store: Store) -> Scene:
    """Return a failing execution: a failed, b claimed, c ready, d on a timer, e done, z final."""
    scene = Scene(store, flow("a>z!always", "b", "c", "d", "e"))
    scene.execution(phase="f", active=5, failed_step="1", error=b"=\x01")
    scene.claimed("b")
    scene.set("s1", f"F{META},1-1\n=\x01")
    scene.ready("c")
    scene.set("s4", f"t{EPOCH + 99},default,2,0,0,r")
    scene.timer("w:e1:4", EPOCH + 99)
    scene.set("s5", f"C{META},1-1\n=\x01")
    scene.ready("z")
    scene.timer("k:e1:1")
    return scene


def test_a_stop_page_ends_what_does_not_run(failing: Scene) -> None:
    b, _, z = failing.tokens()
    assert failing.promote("k:e1:1") == (["done"], [])
    assert [failing.record(node) for node in "acd"] == [
        f"F{META},1-1\n=\x01",
        f"X{EPOCH}",
        f"X{EPOCH},2,0,0,default,0,0,0-0",
    ]
    assert list(failing.tokens()) == [b, z]
    assert failing.store.zset("timers") == {}
    assert failing.events() == [(13, "e1", 2, 3, None), (13, "e1", 3, 4, None)]
    assert failing.state() == "f 3 3 s"


def test_stop_pages_follow_each_other(failing: Scene) -> None:
    failing.store.limits = Limits(page=3)
    assert failing.promote("k:e1:1") == (["done"], ["k:e1:4"])
    assert [failing.record(node)[0] for node in "bcd"] == ["q", "X", "t"]  # type: ignore[index]
    assert failing.promote("k:e1:4") == (["done"], [])
    assert failing.record("d") == f"X{EPOCH},2,0,0,default,0,0,0-0"


def test_a_page_that_is_done_again_changes_nothing(failing: Scene) -> None:
    failing.promote("k:e1:1")
    before = failing.fields()
    failing.timer("k:e1:1")
    failing.promote("k:e1:1")
    assert failing.fields() == before


def test_a_stop_page_takes_steps_from_whatever_would_wake_them(store: Store) -> None:
    """Held and waiting ones, too; a child is told, and its step stays until the child has ended."""
    scene = Scene(store, flow("a", "b", "c", "d", "e", deadlines={"b": 5.0}))
    scene.execution(phase="c", active=5)
    scene.waits("a", due=EPOCH + 99)
    scene.waits("b")
    scene.timer("d:e1:2", EPOCH + 5000)
    scene.held("c")
    scene.parked("d", EPOCH + 99)
    scene.nested("e", "e1.e")
    assert scene.fire("k:e1:1") == ["c:e1.e"]
    begun = f"X{EPOCH},1,0,0,default,0,0,0-0"
    assert [scene.record(node) for node in "abcde"] == [
        begun, begun, f"X{EPOCH}", begun, "ke1.e,default,1,0,0",
    ]  # fmt: skip
    assert scene.fields()["w:go"] == ""
    assert scene.store.zset("timers") == {"c:e1.e": EPOCH}
    assert scene.state() == "c 1 5 cs"


def test_the_page_that_ends_the_last_step_ends_the_execution(scene: Scene) -> None:
    scene.execution(phase="f", failed_step="2", error=b"=\x01")
    scene.ready("a")
    scene.timer("k:e1:1")
    scene.promote("k:e1:1")
    assert scene.fields()["ended"] == f"{EPOCH} F"
    assert scene.store.zset("stopping") == {}
    assert [event[0] for event in scene.events()] == [13, 3]


def test_a_page_of_an_execution_that_does_not_stop_does_nothing(scene: Scene) -> None:
    token = scene.ready("a")
    scene.timer("k:e1:1")
    assert scene.promote("k:e1:1") == (["done"], [])
    assert list(scene.tokens()) == [token]
    assert scene.state() == "r 1 1"


def test_cancelled_steps_block_what_finalizers_do_not_need(store: Store) -> None:
    """A plan with finalizers settles edges on: what hangs on a cancelled step is skipped."""
    scene = Scene(store, flow("a>z!always", "b>c", "b>y!always"))
    scene.execution(phase="f", active=2, failed_step="1", error=b"=\x01", s1=f"F{META},1-1\n=\x01")
    scene.claimed("z")
    scene.ready("b")
    scene.timer("k:e1:1")
    scene.promote("k:e1:1")
    assert [scene.record(node) for node in "bcy"] == [f"X{EPOCH}", "Sb", "Ss"]
    assert scene.state() == "f 1 4 s"
