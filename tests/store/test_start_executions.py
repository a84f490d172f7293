"""start_executions: every status, what a start writes, and what it refuses as a whole."""

import pytest
import redis

from redflow.model.compiling import compile_plan
from redflow.store.executions import Start, start_executions
from redflow.store.space import Limits
from tests.store.arrange import QUEUES, Scene, flow, pack
from tests.store.support import EPOCH, Store

INPUT = pack({"a": 1})


def start(
    store: Store, *starts: Start, plans: tuple[str, ...], names: tuple[str, ...] = ("wf",),
    queues: tuple[str, ...] = QUEUES,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Start executions."""
    return store.run(
        start_executions(
            store.space, store.partition, starts, workflows=names, plans=plans, queues=queues
        )
    )


def one(execution: str = "e1", digest: str = "digest", **given: object) -> Start:
    return Start(execution, 1, 1, INPUT, digest, **given)  # type: ignore[arg-type]


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a published workflow a > b."""
    return Scene(store, flow("a>b"))


def test_a_start_writes_the_execution_and_makes_its_roots_ready(scene: Scene) -> None:
    store = scene.store
    assert start(store, one(), plans=(scene.plan.hash,)) == (["ok"], [])
    ((token, carried),) = scene.tokens().items()
    assert store.hash("execution:e1") == {
        "state": f"r 1 1 {scene.plan.hash}".encode(),
        "start": f"{EPOCH} wf 1 digest".encode(),
        "input": b"=" + INPUT,
        "s1": f"q{token},default".encode(),
    }
    assert carried == [1, 0, 0, "e1", 1, scene.plan.hash, [{"a": 1}], None, None]
    assert store.zset("live") == {"e1": EPOCH}
    assert scene.events() == [(1, "e1", 1, None, "wf 1")]


def test_metadata_and_headers_are_kept_and_headers_travel(scene: Scene) -> None:
    headers = pack(b"trace")
    start(scene.store, one(meta=b"\x80", headers=headers), plans=(scene.plan.hash,))
    found = scene.store.hash("execution:e1")
    assert (found["meta"], found["headers"]) == (b"\x80", headers)
    (token,) = scene.tokens()
    assert scene.tokens()[token][7] == b"trace"
    scene.advance(claims={"default": 1})
    scene.store.command("HSET", scene.store.key("execution:e1"), "x", "")
    assert [carried[7] for carried in scene.tokens().values()] == [b"trace"]


def test_a_large_input_stands_apart_and_does_not_travel(scene: Scene) -> None:
    scene.store.limits = Limits(inline_value=len(INPUT) - 1)
    start(scene.store, one(), plans=(scene.plan.hash,))
    found = scene.store.hash("execution:e1")
    assert (found["input"], found["big:input"]) == (b"@", INPUT)
    assert [carried[6] for carried in scene.tokens().values()] == [None]


def test_roots_over_the_budget_become_an_order(store: Store) -> None:
    scene = Scene(store, flow("a", "b", "c"))
    store.limits = Limits(edge_budget=2)
    assert start(store, one(), plans=(scene.plan.hash,)) == (["ok"], ["f:e1:0"])
    assert scene.fields()["f0"] == "3 c "
    assert scene.state() == "r 3 1"
    store.limits = Limits()
    assert scene.promote("f:e1:0") == (["done"], [])
    assert [carried[4:7:2] for carried in scene.tokens().values()] == [
        [n, [{"a": 1}]] for n in (1, 2, 3)
    ]


# --- scheduled, with a timeout, paused


@pytest.mark.parametrize("due", ["+900", f"@{EPOCH + 900}"])
def test_a_scheduled_start_waits_on_a_timer(scene: Scene, due: str) -> None:
    """Nothing of it is ready, and its timeout is only noted."""
    asked = one(due=due, timeout=5000)
    assert start(scene.store, asked, plans=(scene.plan.hash,)) == (["ok"], [])
    assert scene.store.hash("execution:e1") == {
        "state": f"s 1 1 {scene.plan.hash}".encode(),
        "start": f"{EPOCH} wf 1 digest".encode(),
        "input": b"=" + INPUT,
        "timeout": b"5000",
        "begin": str(EPOCH + 900).encode(),
        "f0": b"1 c ",
    }
    assert scene.tokens() == {}
    assert scene.store.zset("timers") == {"f:e1:0": EPOCH + 900}
    assert scene.store.zset("live") == {"e1": EPOCH}
    assert scene.events() == [(16, "e1", 1, None, "wf 1")]
    assert scene.problems() == []


@pytest.mark.parametrize("due", ["", "+0", f"@{EPOCH}", "@1"])
def test_what_is_due_starts_at_once(scene: Scene, due: str) -> None:
    start(scene.store, one(due=due), plans=(scene.plan.hash,))
    assert (scene.state(), "begin" in scene.fields()) == ("r 1 1", False)
    assert [event[0] for event in scene.events()] == [1]


def test_a_start_at_the_end_of_time_is_written_to_the_millisecond(scene: Scene) -> None:
    last = 253_402_300_799_000
    start(scene.store, one(due=f"@{last}"), plans=(scene.plan.hash,))
    assert scene.fields()["begin"] == str(last)
    assert scene.store.zset("timers") == {"f:e1:0": last}


def test_a_timeout_counts_from_the_start(scene: Scene) -> None:
    start(scene.store, one(timeout=5000), plans=(scene.plan.hash,))
    assert (scene.state(), scene.fields()["timeout"]) == ("r 1 1 x", "5000")
    assert scene.store.zset("timers") == {"x:e1": EPOCH + 5000}
    assert scene.problems() == []


def test_deadlines_of_roots_count_from_the_start(store: Store) -> None:
    scene = Scene(store, flow("a>b", deadlines={"a": 5.0, "b": 7.0}))
    start(store, one(), plans=(scene.plan.hash,))
    assert store.zset("timers") == {"d:e1:1": EPOCH + 5000}


@pytest.mark.parametrize(("due", "state"), [("", "r 1 1 w"), ("+900", "s 1 1 w")])
def test_an_execution_of_a_paused_workflow_begins_paused(
    scene: Scene, due: str, state: str
) -> None:
    scene.store.command("HSET", scene.store.key("workflow:wf"), "paused", "1")
    start(scene.store, one(due=due), plans=(scene.plan.hash,))
    assert scene.state() == state
    assert scene.record("a") == (None if due else "hdefault,1,0,0")
    assert scene.tokens() == {}
    assert scene.problems() == []


@pytest.mark.parametrize("given", [{"due": "+900"}, {"timeout": 7}])
def test_another_time_does_not_make_it_another_start(scene: Scene, given: dict) -> None:
    plans = (scene.plan.hash,)
    start(scene.store, one(due="+5"), plans=plans)
    before = scene.everything()
    assert start(scene.store, one(**given), plans=plans)[0] == ["dup"]
    assert scene.everything() == before


# --- the same again, and refusals


def test_the_same_start_again_is_dup_and_changes_nothing(scene: Scene) -> None:
    plans = (scene.plan.hash,)
    start(scene.store, one(), plans=plans)
    before = (scene.store.hash("execution:e1"), scene.tokens(), scene.events())
    scene.store.now += 1000
    assert start(scene.store, one(), plans=plans)[0] == ["dup"]
    assert (scene.store.hash("execution:e1"), scene.tokens(), scene.events()) == before


@pytest.mark.parametrize("calls", [1, 2])
def test_the_same_id_for_something_else_is_a_conflict(scene: Scene, calls: int) -> None:
    """Within one call and over two."""
    scene.store.publish("wf2", scene.plan.hash, 1)
    names, plans = ("wf", "wf2"), (scene.plan.hash,)
    starts = [one(), one(), one(digest="other"), Start("e1", 2, 1, INPUT, "digest")]
    expected = ["ok", "dup", "conflict wf digest", "conflict wf digest"]
    if calls == 1:
        assert start(scene.store, *starts, plans=plans, names=names)[0] == expected
    else:
        seen = [start(scene.store, s, plans=plans, names=names)[0][0] for s in starts]
        assert seen == expected
    assert scene.state() == "r 1 1"


def test_what_may_not_start_does_not(scene: Scene) -> None:
    newer = compile_plan(flow("a>b", "b>c"), 2)
    scene.store.put_plan(newer)
    scene.store.publish("newer", newer.hash, 2)
    scene.store.publish("resting", scene.plan.hash, 1, status="INACTIVE")
    names, plans = ("wf", "newer", "resting", "nobody"), (scene.plan.hash, newer.hash)
    starts = [Start(f"e{w}", w, 1, INPUT, "digest") for w in (1, 2, 3, 4)]
    statuses, _ = start(scene.store, *starts, plans=plans, names=names)
    assert statuses == ["ok", f"moved {newer.hash}", "inactive", "unknown"]
    assert scene.store.zset("live") == {"e1": EPOCH}


def test_a_pinned_version_runs_its_own_plan(scene: Scene) -> None:
    newer = compile_plan(flow("a>b", "b>c"), 2)
    scene.store.put_plan(newer)
    scene.store.publish("wf", newer.hash, 2)
    assert start(scene.store, one(version=1), plans=(scene.plan.hash,))[0] == ["ok"]
    found = scene.store.hash("execution:e1")
    assert found["start"] == f"{EPOCH} wf 1 digest".encode()
    assert found["state"] == f"r 1 1 {scene.plan.hash}".encode()


@pytest.mark.parametrize(
    ("plans", "queues", "error"),
    [
        (("x" * 26,), QUEUES, "PLAN x{26} is not stored"),
        (None, ("mail",), "needs queue default, whose stream is not declared"),
    ],
)
def test_a_call_that_declares_too_little_writes_nothing(
    scene: Scene, plans: tuple[str, ...] | None, queues: tuple[str, ...], error: str
) -> None:
    with pytest.raises(redis.exceptions.ResponseError, match=error):
        start(scene.store, one(), plans=plans or (scene.plan.hash,), queues=queues)
    assert scene.store.hash("execution:e1") == {}
    assert scene.store.zset("live") == {}


def test_a_plan_whose_last_page_is_missing_is_no_plan(scene: Scene) -> None:
    scene.store.command("HDEL", scene.store.key(f"plan:{scene.plan.hash}"), "n")
    with pytest.raises(redis.exceptions.ResponseError, match="PLAN"):
        start(scene.store, one(), plans=(scene.plan.hash,))


# --- near maxmemory


def test_near_maxmemory_nothing_is_taken_in_and_what_is_there_is_known(scene: Scene) -> None:
    start(scene.store, one(), plans=(scene.plan.hash,))
    scene.store.command("HSET", scene.store.key("sweeper"), "full", EPOCH + 1)
    both = (one(), one("e2"))
    assert start(scene.store, *both, plans=(scene.plan.hash,)) == (["dup", "full"], [])
    assert scene.store.hash("execution:e2") == {}
    assert set(scene.store.zset("live")) == {"e1"}


def test_it_is_taken_in_again_when_nobody_has_said_so_for_long(scene: Scene) -> None:
    scene.store.command("HSET", scene.store.key("sweeper"), "full", EPOCH)
    assert start(scene.store, one(), plans=(scene.plan.hash,)) == (["ok"], [])


# --- deliveries of webhooks

DAY = 86_400_000


def deliver(scene: Scene, *starts: Start, claim: int = DAY) -> list[str]:
    op = start_executions(
        scene.store.space, scene.store.partition, starts, workflows=("wf",),
        plans=(scene.plan.hash,), queues=QUEUES, claim=claim,
    )  # fmt: skip
    return scene.store.run(op)[0]


def forget(scene: Scene, execution: str = "e1") -> None:
    """Remove an execution as retention does, long before the day is over."""
    scene.store.command("DEL", scene.store.key(f"execution:{execution}"))


def test_a_delivery_is_taken_once_whatever_its_input(scene: Scene) -> None:
    assert deliver(scene, one(), one(), one(digest="other")) == ["ok", "delivered", "delivered"]
    assert scene.store.zset("deliveries") == {"e1": EPOCH}


def test_a_delivery_is_not_taken_again_when_its_execution_is_gone(scene: Scene) -> None:
    deliver(scene, one())
    forget(scene)
    scene.store.now += DAY - 1
    assert deliver(scene, one()) == ["delivered"]
    scene.store.now += 1
    assert deliver(scene, one()) == ["ok"]


def test_after_the_day_an_execution_that_is_kept_still_counts(scene: Scene) -> None:
    deliver(scene, one())
    scene.store.now += DAY
    assert deliver(scene, one(), one(digest="other")) == ["dup", "conflict wf digest"]


def test_what_is_refused_takes_nothing(scene: Scene) -> None:
    scene.store.publish("wf", scene.plan.hash, 2, "INACTIVE")
    assert deliver(scene, one()) == ["inactive"]
    assert scene.store.zset("deliveries") == {}
    scene.store.publish("wf", scene.plan.hash, 3, "ACTIVE")
    assert deliver(scene, one()) == ["ok"]


def test_deliveries_of_yesterday_leave(scene: Scene) -> None:
    deliver(scene, *(one(f"e{number}") for number in range(25)))
    scene.store.now += DAY
    assert deliver(scene, one("f1")) == ["ok"]
    assert len(scene.store.zset("deliveries")) == 16
    deliver(scene, one("f2"), one("f3"))
    assert set(scene.store.zset("deliveries")) == {"f1", "f2", "f3"}


def test_a_start_that_is_no_delivery_leaves_no_trace_of_one(scene: Scene) -> None:
    start(scene.store, one(), plans=(scene.plan.hash,))
    assert scene.store.command("EXISTS", scene.store.key("deliveries")) == 0
