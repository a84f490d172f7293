"""advance: every code, what each outcome writes, and what it refuses as a whole."""

import msgspec
import pytest
import redis

from redflow.store.space import Limits
from redflow.store.steps import Ended
from tests.store.arrange import META, Report, Scene, flow, pack
from tests.store.support import EPOCH, Store

ERROR = b"=" + pack("boom")
BOOM = ERROR.decode("latin-1")


@pytest.fixture
def chain(store: Store) -> Scene:
    """Return a running execution of a > b."""
    scene = Scene(store, flow("a>b"))
    scene.execution()
    return scene


# --- completed


def test_a_completed_step_releases_the_next(chain: Scene) -> None:
    token = chain.claimed("a")
    reply = chain.advance(Report(token, "a", value=b"=" + pack("out")))
    ((released, carried),) = chain.tokens().items()
    assert (reply.codes, reply.claims, reply.orders, reply.ended) == ([1], [], [], [])
    assert reply.now == EPOCH
    assert chain.fields() == {
        "state": f"r 1 2 {chain.plan.hash}",
        "s1": f"C{META},{token}\n=\xa3out",
        "s2": f"q{released},default",
    }
    assert carried == [1, 0, 0, "e1", 2, chain.plan.hash, ["out"], None, None]
    assert chain.store.pending("default") == {}
    assert chain.events() == [(6, "e1", 2, 1, META)]


def test_the_last_step_ends_the_execution(chain: Scene) -> None:
    token = chain.claimed("b")
    reply = chain.advance(Report(token, "b"))
    assert reply.ended == [Ended("e1", "C", chain.plan.hash)]
    assert chain.state() == "d 0 3"
    assert chain.fields()["ended"] == f"{EPOCH} C"
    assert chain.store.zset("live") == {}
    assert chain.store.zset("finished:completed") == {"e1": EPOCH}
    assert [fields for _, fields in chain.store.entries("done")] == [{"e": b"e1 C"}]
    assert chain.events() == [(6, "e1", 2, 2, META), (2, "e1", 3, None, None)]


def test_a_large_output_stands_apart_and_does_not_travel(chain: Scene) -> None:
    token = chain.claimed("a")
    chain.advance(Report(token, "a", value=b"@" + pack("large")))
    assert chain.record("a") == f"C{META},{token}\n@"
    assert chain.fields()["big:s1"] == "\xa5large"
    assert [carried[6] for carried in chain.tokens().values()] == [None]


@pytest.mark.parametrize(("limit", "travels"), [(3, True), (2, False)])
def test_a_value_travels_up_to_its_limit(chain: Scene, limit: int, travels: bool) -> None:
    chain.store.limits = Limits(inline_value=limit)
    chain.advance(Report(chain.claimed("a"), "a", value=b"=" + pack("xy")))
    assert [carried[6] for carried in chain.tokens().values()] == [["xy"] if travels else None]


@pytest.mark.parametrize(("limit", "travels"), [(6, True), (5, False)])
def test_values_of_a_join_travel_up_to_their_limit(store: Store, limit: int, travels: bool) -> None:
    scene = Scene(store, flow("a>c", "b>c"))
    store.limits = Limits(inline_total=limit)
    scene.execution(s1=f"C{META},1-1\n=\xa2vw".encode("latin-1"), c3="131073")
    scene.advance(Report(scene.claimed("b"), "b", value=b"=" + pack("xy")))
    assert [carried[6] for carried in scene.tokens().values()] == [
        ["vw", "xy"] if travels else None
    ]


def test_a_label_leads_one_way_and_skips_the_others(store: Store) -> None:
    scene = Scene(store, flow("a>b:yes", "a>c:no", "c>d", "a>e"))
    scene.execution()
    token = scene.claimed("a")
    scene.advance(Report(token, "a", detail=",2,"))
    b, e = scene.tokens()
    assert scene.fields() == {
        "state": f"r 2 4 {scene.plan.hash}",
        "s1": f"C{META},{token}|,2,\n=\x01",
        "s2": f"q{b},default",
        "s3": "Ss",
        "s4": "Ss",
        "s5": f"q{e},default",
    }
    assert scene.events()[1:] == [(12, "e1", 3, 3, "s"), (12, "e1", 4, 4, "s")]


def test_a_join_waits_for_all_and_counts(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b>c"))
    scene.execution(active=2)
    scene.advance(Report(scene.claimed("a"), "a", value=b"=\x07"))
    assert scene.fields()["c3"] == str(1 + 2**17)
    assert scene.record("c") is None
    scene.advance(Report(scene.claimed("b"), "b", value=b"=\x08"))
    ((_, carried),) = scene.tokens().items()
    assert scene.fields()["c3"] == str(2 + 2 * 2**17)
    assert carried[6] == [7, 8]


def test_a_blocked_join_is_skipped_unless_any_outcome_will_do(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b>c", "a>d", "b>d", "b>e!failure", any_outcome="d"))
    scene.execution(active=2)
    scene.advance(Report(scene.claimed("a"), "a"))
    scene.advance(Report(scene.claimed("b"), "b", "f", ERROR))
    counter = str(2 + 2**17 + 2**34)
    assert (scene.fields()["c3"], scene.fields()["c4"]) == (counter, counter)
    assert scene.record("c") == "Sb"
    started = {carried[4]: carried[6] for carried in scene.tokens().values()}
    assert started == {4: [1, msgspec.msgpack.Ext(0, b"\0")], 5: None}


def test_numbers_over_127_and_chunks_of_edges(store: Store) -> None:
    leaves = [f"b{i:04}" for i in range(1100)]
    scene = Scene(store, flow(*(f"a>{leaf}" for leaf in leaves)))
    store.limits = Limits(edge_budget=2000)
    scene.execution()
    scene.advance(Report(scene.claimed("a"), "a"))
    steps = [carried[4] for carried in scene.tokens().values()]
    assert steps == list(range(2, 1102))
    assert scene.state() == "r 1100 2"
    reply = scene.advance(claims={"default": 1100})
    assert [claim.envelope.step for claim in reply.claims] == steps


def test_edges_over_the_budget_become_an_order(store: Store) -> None:
    scene = Scene(store, flow("a>b", "a>c", "a>d"))
    store.limits = Limits(edge_budget=2)
    scene.execution()
    reply = scene.advance(Report(scene.claimed("a"), "a"))
    assert reply.orders == ["f:e1:1"]
    assert scene.fields()["f1"] == "3 c "
    assert scene.state() == "r 3 2"
    assert store.zset("timers") == {"f:e1:1": EPOCH}


# --- failed


def test_an_unhandled_failure_stops_the_execution(store: Store) -> None:
    scene = Scene(store, flow("a>c", "b", "d"))
    scene.execution(active=3)
    token, b = scene.claimed("a"), scene.claimed("b")
    d = scene.ready("d")
    reply = scene.advance(Report(token, "a", "f", ERROR))
    assert (reply.codes, reply.orders) == ([5], ["k:e1:1"])
    assert scene.fields() == {
        "state": f"f 2 2 {scene.plan.hash} s",
        "s1": f"F{META},{token}\n{BOOM}",
        "s2": f"q{b},default",
        "s4": f"q{d},default",
        "error": BOOM,
        "failed_step": "1",
    }
    assert store.zset("stopping") == {"e1": EPOCH}
    assert store.zset("timers") == {"k:e1:1": EPOCH}
    assert scene.events() == [(7, "e1", 2, 1, META)]


def test_a_failure_with_nothing_else_live_ends_the_execution(chain: Scene) -> None:
    reply = chain.advance(Report(chain.claimed("a"), "a", "f", ERROR))
    assert (reply.codes, reply.ended) == ([5], [Ended("e1", "F", chain.plan.hash)])
    assert chain.state() == "d 0 3"
    assert chain.store.zset("finished:failed") == {"e1": EPOCH}
    assert chain.store.zset("stopping") == {}


def test_a_handled_failure_goes_on(store: Store) -> None:
    scene = Scene(store, flow("a>b", "a>c!failure", "a>d!always"))
    scene.execution()
    assert scene.advance(Report(scene.claimed("a"), "a", "f", ERROR)).codes == [1]
    assert scene.record("b") == "Sb"
    assert [carried[4] for carried in scene.tokens().values()] == [3, 4]
    assert "error" not in scene.fields()


def test_finalizers_run_while_failing_and_nothing_else(store: Store) -> None:
    scene = Scene(store, flow("a>z!always", "z>y", "a>m!always", "b>m", any_outcome="m"))
    scene.execution(s2=f"C{META},1-1\n=\x01", c3=str(1 + 2**17))
    scene.advance(Report(scene.claimed("a"), "a", "f", ERROR))
    assert scene.record("m") == f"X{EPOCH}"
    (z,) = scene.tokens()
    assert scene.state() == "f 1 3 s"
    assert [claim.token for claim in scene.advance(claims={"default": 1}).claims] == [z]
    assert scene.advance(Report(z, "z")).codes == [5]
    assert scene.record("y") == f"q{next(iter(scene.tokens()))},default"


# --- retry and release


@pytest.mark.parametrize("kind", ["r", "l"])
def test_a_step_that_rests_stands_on_a_timer(chain: Scene, kind: str) -> None:
    token = chain.claimed("a", deliveries=1, releases=2)
    value = ERROR if kind == "r" else b"shutdown"
    meta = "1,1,2,default,5,7"
    reply = chain.advance(Report(token, "a", kind, value, "900", meta))
    due = EPOCH + 900
    assert reply.codes == [1]
    assert chain.record("a") == f"t{due},default,{'2,0,0,r' if kind == 'r' else '1,1,3,l'}"
    assert chain.fields().get("e1") == (BOOM if kind == "r" else None)
    assert chain.store.zset("timers") == {"w:e1:1": due}
    assert chain.tokens() == {}
    assert chain.state() == "r 1 2"
    assert chain.events() == [
        (8, "e1", 2, 1, meta) if kind == "r" else (14, "e1", 2, 1, "shutdown")
    ]


def test_a_step_released_without_delay_is_ready_again(chain: Scene) -> None:
    token = chain.claimed("a", deliveries=1)
    chain.advance(Report(token, "a", "l", b"drop", "0", "1,1,0,default,5,7"))
    ((name, carried),) = chain.tokens().items()
    assert name != token
    assert carried[:3] == [1, 1, 1]
    assert chain.record("a") == f"q{name},default"


def test_releases_are_counted_as_far_as_the_envelope_can(chain: Scene) -> None:
    token = chain.claimed("a", releases=127)
    chain.advance(Report(token, "a", "l", b"drop", "0", "1,0,127,default,5,7"))
    (claim,) = chain.advance(claims={"default": 1}).claims
    assert claim.envelope.releases == 127


@pytest.mark.parametrize("kind", ["r", "l"])
def test_what_would_go_on_later_is_cancelled_while_failing(chain: Scene, kind: str) -> None:
    chain.execution(phase="f", active=2, failed_step="2", error=b"=\x01")
    token = chain.claimed("a")
    assert chain.advance(Report(token, "a", kind, ERROR, "900")).codes == [4]
    assert chain.record("a") == f"X{EPOCH},{META},{token}"
    assert chain.store.zset("timers") == {}
    assert chain.events() == [(13, "e1", 2, 1, None)]
    assert chain.state() == "f 1 2 s"


# --- code 5, 3, 2, 0


def test_a_late_result_is_recorded_and_releases_nothing(chain: Scene) -> None:
    chain.execution(phase="f", active=2, failed_step="2", error=b"=\x01")
    token = chain.claimed("a")
    assert chain.advance(Report(token, "a")).codes == [5]
    assert chain.record("a") == f"C{META},{token}\n=\x01"
    assert chain.tokens() == {}


@pytest.mark.parametrize("kind", ["c", "f", "r", "l"])
def test_an_outcome_of_a_purged_execution_is_gone_and_its_token_too(
    chain: Scene, kind: str
) -> None:
    token = chain.claimed("a", execution="e1")
    chain.store.command("DEL", chain.store.key("execution:e1"))
    for _ in range(2):
        assert chain.advance(Report(token, "a", kind, ERROR, "0")).codes == [3]
    assert chain.tokens() == {}
    assert chain.store.pending("default") == {}
    assert chain.store.hash("execution:e1") == {}


@pytest.mark.parametrize(("kind", "again"), [("c", 2), ("f", 2), ("r", 0), ("l", 0)])
def test_a_repeated_outcome_changes_nothing(chain: Scene, kind: str, again: int) -> None:
    value = b"shutdown" if kind == "l" else ERROR
    report = Report(chain.claimed("a"), "a", kind, value, "" if kind == "c" else "900")
    chain.advance(report)
    before = (chain.fields(), chain.tokens(), chain.events(), chain.store.zset("timers"))
    assert chain.advance(report).codes == [again]
    assert (chain.fields(), chain.tokens(), chain.events(), chain.store.zset("timers")) == before


def test_an_outcome_twice_in_one_batch_counts_once(store: Store) -> None:
    scene = Scene(store, flow("a", "b"))
    scene.execution(active=2)
    a, b = Report(scene.claimed("a"), "a"), Report(scene.claimed("b"), "b", "r", ERROR, "900")
    assert scene.advance(a, b, a, b).codes == [1, 1, 2, 0]
    assert scene.state() == "r 1 3"


def test_a_token_that_was_issued_again_is_stale(chain: Scene) -> None:
    old = chain.claimed("a")
    chain.store.command("XACK", chain.store.key("ready:default"), "workers", old)
    chain.store.command("XDEL", chain.store.key("ready:default"), old)
    new = chain.claimed("a", deliveries=1)
    before = chain.fields()
    assert chain.advance(Report(old, "a")).codes == [0]
    assert chain.fields() == before
    assert list(chain.tokens()) == [new]


def test_the_same_id_in_two_queues_is_two_tokens(store: Store) -> None:
    scene = Scene(store, flow("a", "b", queues={"b": "mail"}))
    scene.execution(active=2)
    a = scene.claimed("a")
    store.command("XADD", store.key("ready:mail"), a, "e", "held elsewhere")
    assert scene.advance(Report(a, "a")).codes == [1]
    assert list(store.entries("ready:mail")[0]) == [a, {"e": b"held elsewhere"}]


def test_a_lost_group_loses_no_step_that_runs(store: Store) -> None:
    """The group is made again while workers hold tokens; one batch reports such and a stale one."""
    scene = Scene(store, flow("a>c", "b"))
    scene.execution(active=2)
    a, b = scene.claimed("a"), scene.claimed("b")
    scene.advance(Report(b, "b"))
    store.command("XGROUP", "DESTROY", store.key("ready:default"), "workers")
    store.prepare(("default",))
    again = Report(a, "a")
    assert scene.advance(again, Report(b, "b"), again).codes == [1, 2, 2]
    assert [carried[4] for carried in scene.tokens().values()] == [3]
    assert scene.state() == "r 1 3"


# --- several executions, notes, claims


def test_executions_of_one_batch_do_not_mix(chain: Scene) -> None:
    chain.execution("e2")
    reports = [
        Report(chain.claimed("a", execution=one), "a", execution=one) for one in ("e1", "e2")
    ]
    assert chain.advance(*reports).codes == [1, 1]
    assert [chain.state(one) for one in ("e1", "e2")] == ["r 1 2", "r 1 2"]
    assert [(c[3], c[4]) for c in chain.tokens().values()] == [("e1", 2), ("e2", 2)]


def test_notes_are_appended_to_the_events_of_the_call(chain: Scene) -> None:
    notes = pack([5, "e1", 0, 1, "w1"]) + pack([5, "e1", 0, 2, "w1"])
    chain.advance(Report(chain.claimed("a"), "a"), notes=notes, notes_count=2)
    ((_, entry),) = chain.store.entries("events")
    kinds = [event[0] for event in msgspec.msgpack.decode(entry["e"])]
    assert (kinds, entry["n"]) == ([6, 5, 5], b"3")
    assert chain.store.hash("sweeper") == {"records": b"3"}


def test_claims_come_in_order_up_to_their_count(store: Store) -> None:
    scene = Scene(store, flow("a", "b", "c", queues={"c": "mail"}))
    scene.execution(active=3)
    a, b, c = scene.ready("a"), scene.ready("b"), scene.ready("c", queue="mail")
    reply = scene.advance(claims={"default": 1, "mail": 5}, worker="w7")
    assert [(claim.token, claim.queue, claim.drop) for claim in reply.claims] == [
        (a, 1, 0),
        (c, 2, 0),
    ]
    assert store.pending("default") == {a: "w7"}
    assert [claim.token for claim in scene.advance(claims={"default": 9}).claims] == [b]
    assert scene.advance(claims={"default": 9}).claims == []


def test_a_claim_of_a_stopping_execution_is_marked(chain: Scene) -> None:
    chain.execution("e2", phase="f", active=1, failed_step="1")
    chain.ready("a")
    chain.ready("b", execution="e2")
    reply = chain.advance(claims={"default": 9})
    assert [(claim.envelope.execution, claim.drop) for claim in reply.claims] == [
        ("e1", 0),
        ("e2", 1),
    ]


def test_what_a_call_releases_it_can_claim(chain: Scene) -> None:
    reply = chain.advance(Report(chain.claimed("a"), "a"), claims={"default": 1})
    assert [claim.envelope.step for claim in reply.claims] == [2]


# --- refused as a whole, with nothing written


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"plans": []}, "PLAN .* of execution e1 is not declared"),
        ({"plans": ["x" * 26]}, "PLAN x{26} is not stored in this partition"),
        ({"queues": ("default",)}, "needs queue mail, whose stream is not declared"),
    ],
)
def test_a_batch_that_declares_too_little_writes_nothing(
    store: Store, given: dict[str, list[str]], error: str
) -> None:
    scene = Scene(store, flow("a>b", queues={"b": "mail"}))
    scene.execution()
    token = scene.claimed("a")
    before = (scene.fields(), scene.tokens(), store.pending("default"))
    with pytest.raises(redis.exceptions.ResponseError, match=error):
        scene.advance(Report(token, "a"), **given)
    assert (scene.fields(), scene.tokens(), store.pending("default")) == before


def test_a_queue_without_its_group_is_said(chain: Scene) -> None:
    chain.store.command("XGROUP", "DESTROY", chain.store.key("ready:default"), "workers")
    with pytest.raises(redis.exceptions.ResponseError, match="NOGROUP"):
        chain.advance(claims={"default": 1})
