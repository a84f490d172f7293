"""repair_execution: tokens that may still run, what ends by it, what is left alone."""

from collections.abc import Callable

import pytest
import redis

from redflow.model import codec
from redflow.model.outcome import ErrorInfo
from redflow.model.workflow import Node, Workflow
from redflow.store.audit import repair_execution
from redflow.store.space import Limits
from tests.store.arrange import META, QUEUES, Report, Scene, flow
from tests.store.auditing import audit, mend
from tests.store.comparing import Comparison
from tests.store.driving import SIZES, Drive, limits_of
from tests.store.support import EPOCH, Store, fake_client, pairs

DONE = f"C{META},1-1\n=\x01"


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a > b with a ready."""
    made = Scene(store, flow("a>b"))
    made.execution()
    return made


def lose(scene: Scene) -> None:
    scene.store.command("XDEL", scene.store.key("ready:default"), *scene.tokens())


# --- lost tokens


def test_a_lost_token_is_issued_again_by_a_second_call_only(scene: Scene) -> None:
    token = scene.ready("a")
    lose(scene)
    report = audit(scene.store, repair=True)
    assert report.lost == {("e1", 1, token)}
    assert [one.repaired for one in report.findings] == [False]
    assert scene.tokens() == {}
    mend(scene.store)
    ((new, carried),) = scene.tokens().items()
    assert (carried[:3], new != token) == ([1, 0, 0], True)
    assert scene.record("a") == f"q{new},default"


def test_a_step_that_was_retried_has_the_attempt_it_had(scene: Scene) -> None:
    scene.ready("a", attempt=4)
    error = codec.encode(ErrorInfo("ValueError", "no", attempts=3).to_value())
    scene.set("e1", b"=" + error)
    lose(scene)
    mend(scene.store)
    assert [carried[0] for carried in scene.tokens().values()] == [4]


def test_an_error_that_cannot_be_read_says_nothing_of_the_attempt(scene: Scene) -> None:
    scene.ready("a", attempt=4)
    scene.set("e1", "=rubbish")
    lose(scene)
    mend(scene.store)
    assert [carried[0] for carried in scene.tokens().values()] == [1]


def test_a_token_that_a_worker_holds_is_left_to_its_lease(scene: Scene) -> None:
    """The entry is gone, the lease is not: the worker's outcome still counts."""
    token = scene.claimed("a")
    lose(scene)
    report = mend(scene.store)
    assert report.lost == set()
    assert [one.repaired for one in report.findings] == [False]
    assert scene.tokens() == {}
    assert scene.advance(Report(token, "a")).codes == [1]
    assert audit(scene.store).findings == []


def test_what_a_worker_reports_before_the_second_call_counts(scene: Scene) -> None:
    token = scene.claimed("a")
    scene.store.command("DEL", scene.store.key("ready:default"))
    first = audit(scene.store, repair=True)
    assert first.lost == {("e1", 1, token)}
    assert scene.advance(Report(token, "a")).codes == [1]
    tokens = scene.tokens()
    mend(scene.store)
    assert (scene.tokens(), [c[4] for c in tokens.values()]) == (tokens, [2]), "b, and a not again"


@pytest.mark.parametrize("flag", ["p", "w"])
def test_a_paused_execution_holds_the_step_that_lost_its_token(scene: Scene, flag: str) -> None:
    scene.ready("a")
    scene.execution(flags=flag, s1=scene.record("a") or "")
    lose(scene)
    mend(scene.store)
    assert scene.record("a") == "hdefault,1,0,0"


def test_a_stopping_execution_cancels_the_step_and_ends(scene: Scene) -> None:
    token = scene.ready("a")
    scene.execution(phase="c", s1=scene.record("a") or "", cancelled=b"\x80")
    lose(scene)
    report = mend(scene.store)
    assert scene.record("a") == f"X{EPOCH},1,0,0,default,0,0,{token}"
    assert scene.fields()["ended"] == f"{EPOCH} X"
    assert [one.letter for one in report.ended] == ["X"]
    assert audit(scene.store).findings == []


# --- what ends, or goes on, by its repair


def test_an_execution_that_counted_too_much_ends(scene: Scene) -> None:
    scene.execution(active=1, s1=DONE, s2=DONE)
    mend(scene.store)
    assert scene.fields()["ended"] == f"{EPOCH} C"
    assert scene.store.zset("live") == {}


def test_one_that_has_yet_to_compensate_does(store: Store) -> None:
    scene = Scene(store, flow("a>b", undo={"a": "completed"}))
    numbers = scene.plan.numbers
    done = {f"s{numbers['a']}": DONE, f"s{numbers['b']}": f"F{META},1-1\n=\x01"}
    scene.execution(phase="f", active=1, undo="1 1", o1=str(numbers["a"]), error=b"=\x01", **done)
    mend(store)
    assert scene.state() == "u 1 2"
    assert audit(store).findings == []


def test_undo_steps_do_not_keep_an_execution_from_its_end(store: Store) -> None:
    scene = Scene(store, flow("a", undo={"a": "completed"}))
    scene.execution(active=1, s1=DONE)
    mend(store)
    assert scene.fields()["ended"] == f"{EPOCH} C"


def test_one_that_stops_unseen_is_stopped(scene: Scene) -> None:
    scene.ready("a")
    scene.execution(phase="c", s1=scene.record("a") or "")
    scene.store.command("ZREM", scene.store.key("stopping"), "e1")
    report = mend(scene.store)
    assert report.orders == ["k:e1:1"]
    assert scene.store.zset("stopping") == {"e1": EPOCH}
    scene.promote("k:e1:1")
    assert scene.fields()["ended"].endswith("X")


def test_edges_that_are_owed_are_ordered(scene: Scene) -> None:
    scene.execution(active=1, s1=DONE, f1="1 c ")
    report = mend(scene.store)
    assert report.orders == []
    assert scene.store.zset("timers") == {"f:e1:1": EPOCH}
    scene.promote("f:e1:1")
    assert [carried[4] for carried in scene.tokens().values()] == [2]


def test_a_scheduled_start_is_due_when_it_was(scene: Scene) -> None:
    scene.execution(phase="s", active=1, f0="1 c ", begin=str(EPOCH + 5000))
    mend(scene.store)
    assert scene.store.zset("timers") == {"f:e1:0": EPOCH + 5000}


@pytest.mark.parametrize("budget", [1000, 1])
def test_a_join_that_lost_its_counter_is_released(store: Store, budget: int) -> None:
    store.limits = Limits(edge_budget=budget)
    scene = Scene(store, flow("a>c", "b>c", "c>d", "e"))
    numbers = scene.plan.numbers
    done = {f"s{numbers[one]}": DONE for one in "ab"}
    scene.execution(active=1, **done, **{f"c{numbers['c']}": "1"})
    scene.ready("e")
    mend(store)
    assert (scene.record("c") or "").startswith("q")
    assert scene.state() == "r 2 1"
    assert audit(store).findings == []


def test_a_join_behind_a_failure_is_skipped_and_so_is_what_follows(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b>c", "a>h!failure", "c>d", "e"))
    numbers = scene.plan.numbers
    failed = {f"s{numbers['a']}": f"F{META},1-1\n=\x01", f"s{numbers['h']}": DONE}
    scene.execution(active=1, **failed, **{f"s{numbers['b']}": DONE})
    scene.ready("e")
    mend(store)
    assert [scene.record(one) for one in "cd"] == ["Sb", "Sb"]
    assert audit(store).findings == []


def test_a_counter_of_an_ended_execution_is_corrected_and_releases_nothing(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b>c"))
    scene.ended(s1=DONE, s2=DONE, c3="1")
    mend(store)
    assert scene.record("c") is None
    assert scene.fields()["c3"] == str(2 + 2 * 2**17)


@pytest.mark.parametrize("end", ["ended", "gone"])
def test_the_parent_of_a_child_that_is_over_goes_on(store: Store, end: str) -> None:
    node = Node("a", "subworkflow", config={"workflow": "wf"})
    scene = Scene(store, Workflow("wf", nodes=(node,)))
    scene.execution(s1="ke1.a,default,1,0,0")
    if end == "ended":
        scene.ended("e1.a", flags="k", parent="e1 1", s1=DONE)
    assert [str(one) for one in audit(store).findings] == [
        "e1: step 1 waits for a child that has ended: e1.a"
    ]
    report = mend(store)
    assert report.orders == ["p:e1:1"]
    assert [one.repaired for one in report.findings] == [True]
    assert audit(store).findings == []
    scene.promote("p:e1:1")
    assert [carried[8] for carried in scene.tokens().values()] == [["child", "e1.a"]]


# --- what is left to a person, and hides nothing else


LEFT: dict[str, tuple[Callable[[Scene], object], str]] = {
    "half": (
        lambda s: s.store.command("HDEL", s.store.key("execution:e1"), "state"),
        "e1: has no state, only a part of it is there",
    ),
    "no state to read": (lambda s: s.set("state", "rubbish"), "e1: its state cannot be read"),
    "no start": (lambda s: s.set("start", "?"), "e1: is missing from live"),
    "a record": (lambda s: s.set("s1", "qrubbish"), "e1: cannot be read"),
    "another type": (
        lambda s: (
            s.store.command("DEL", s.store.key("execution:e1")),
            s.store.command("SET", s.store.key("execution:e1"), "x"),
        ),
        "e1: cannot be read",
    ),
    "its plan": (
        lambda s: s.store.command("DEL", s.store.key(f"plan:{s.plan.hash}")),
        "e1: its plan",
    ),
    "a plan to read": (
        lambda s: s.store.command("HSET", s.store.key(f"plan:{s.plan.hash}"), "doc", "x"),
        "e1: its plan",
    ),
    "nothing moves it": (
        lambda s: s.set("s1", "Ss"),
        "e1: ended with live steps, or nothing will move it",
    ),
    "scheduled for never": (
        lambda s: s.set("state", f"s 0 1 {s.plan.hash}"),
        "e1: ended with live steps, or nothing will move it",
    ),
    "ended, it says": (lambda s: s.set("state", f"d 0 1 {s.plan.hash}"), "e1: phase and end"),
    "a token": (
        lambda s: s.store.command("XADD", s.store.key("ready:default"), "*", "e", "rubbish"),
        "queue default: token",
    ),
    "a token without words": (
        lambda s: s.store.command("XADD", s.store.key("ready:default"), "*", "f", "x"),
        "queue default: token",
    ),
    "a name": (
        lambda s: s.store.command("ZADD", s.store.key("live"), 1, b"\xff"),
        "key live: member",
    ),
    "a type of an index": (
        lambda s: (
            s.store.command("DEL", s.store.key("finished:failed")),
            s.store.command("SET", s.store.key("finished:failed"), "x"),
        ),
        "key finished:failed: cannot be read",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEFT)
def test_what_cannot_be_repaired_is_named_and_hides_nothing(scene: Scene, name: str) -> None:
    damage, text = LEFT[name]
    if name not in ("nothing moves it", "scheduled for never"):
        scene.ready("a")
    if name == "no start":
        scene.store.command("ZREM", scene.store.key("live"), "e1")
    scene.execution("e2", active=1, s1=DONE, s2=DONE)
    damage(scene)
    if name == "no start":
        scene.store.command("ZREM", scene.store.key("live"), "e1")
    before = scene.fields("e1") if name not in ("another type", "a record") else None
    report = mend(scene.store)
    left = [one for one in report.findings if not one.repaired]
    assert any(str(one).startswith(text) for one in left), report.findings
    if name not in ("a type of an index", "its plan", "a plan to read"):
        assert scene.fields("e2")["ended"] == f"{EPOCH} C", "the next one is repaired all the same"
    if before is not None:
        assert scene.fields("e1") == before


def test_a_repair_refuses_what_is_not_declared(scene: Scene) -> None:
    op = repair_execution(
        scene.store.space, scene.store.partition, queues=QUEUES, executions=["e1"], plans=[]
    )
    with pytest.raises(redis.exceptions.ResponseError, match="PLAN"):
        scene.store.run(op)


# --- the states of random runs are sound


def test_a_repair_of_any_sound_state_writes_nothing(
    namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = fake_client()
    assert sound_states(client, namespace, SIZES[1], range(1), monkeypatch) > 50
    client.close()


@pytest.mark.server
@pytest.mark.parametrize("size", SIZES)
def test_a_repair_of_any_sound_state_writes_nothing_on_a_server(
    size: tuple[int, int], server: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sound_states(server, namespace, size, range(1), monkeypatch) > 50


@pytest.mark.slow
@pytest.mark.server
@pytest.mark.row(35)
@pytest.mark.timeout(600)
def test_a_repair_of_many_sound_states_writes_nothing(
    server: redis.Redis,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    measured: Callable[..., None],
) -> None:
    found = [sound_states(server, namespace, one, range(1, 7), monkeypatch) for one in SIZES]
    measured(sound_states_repaired=sum(found), changed=0)
    assert sum(found) > 2000


def everything(store: Store) -> list[object]:
    """All keys with their content; DUMP of a hash depends on how far the server has moved it."""
    keys = sorted(store.command("KEYS", f"*{{{store.keys.namespace}*"))
    kinds = store.commands([("TYPE", key) for key in keys])
    read = {
        b"hash": lambda key: ("HGETALL", key),
        b"zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
        b"stream": lambda key: ("XRANGE", key, "-", "+"),
    }
    content = store.commands([read[kind](key) for key, kind in zip(keys, kinds, strict=True)])
    pending = [
        store.command("XPENDING", key, "workers", "-", "+", 9999)
        for key in keys
        if b":ready:" in key
    ]
    owners = [[entry[:2] for entry in one] for one in pending]
    return [keys, [_sorted(one, kind) for one, kind in zip(content, kinds, strict=True)], owners]


def _sorted(reply: list[bytes], kind: bytes) -> object:
    return sorted(pairs(reply).items()) if kind == b"hash" else reply


def sound_states(client, namespace, size, seeds, monkeypatch) -> int:
    """Repair whatever a random run's call has touched; answers how often."""
    repairs = 0
    check = Comparison.problems

    def repaired(self: Comparison, ids):
        nonlocal repairs
        problems = check(self, ids)
        before = everything(self.store)
        named = {"queues": self.model.streams, "executions": ids, "plans": self.plans_of(ids)}
        op = repair_execution(self.store.space, self.store.partition, **named)
        assert self.store.run(op) == ([], [], [], [])
        assert everything(self.store) == before
        repairs += 1
        return problems

    monkeypatch.setattr(Comparison, "problems", repaired)
    for seed in seeds:
        store = Store(client, namespace, limits_of(size))
        Drive(store, seed, executions=4).run()
        store.clear()
    monkeypatch.setattr(Comparison, "problems", check)
    return repairs
