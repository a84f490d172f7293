"""fire_schedule: each tick once, whoever asks; overlap, pauses, what starts nothing."""

import math

import pytest

from redflow.cron.decision import Skipped
from redflow.model.compiling import compile_plan
from redflow.model.event import EventKind
from redflow.store.schedules import Fired
from tests.store.arrange import flow, pack
from tests.store.support import EPOCH, Store
from tests.store.ticking import INPUT, TICK, Ticking, definition

FIRST = f"s.{TICK}"


@pytest.fixture
def ticking(store: Store) -> Ticking:
    """Return a schedule that is due."""
    made = Ticking(store)
    made.put()
    return made


def skips(ticking: Ticking) -> list[object]:
    """What events say of ticks that started nothing."""
    return [e[4] for e in ticking.scene.events() if e[:2] == (EventKind.SCHEDULE_SKIPPED, "")]


# --- what starts


def test_a_tick_starts_one_execution_and_the_schedule_moves_on(ticking: Ticking) -> None:
    assert ticking.fire(TICK) == Fired("ok", "", [], ["ok"])
    plan = ticking.scene.plan.hash
    ((ready, carried),) = ticking.scene.tokens().items()
    assert ticking.store.hash(f"execution:{FIRST}") == {
        "state": f"r 1 1 {plan}".encode(),
        "start": f"{EPOCH} wf 1 digest".encode(),
        "input": b"=" + INPUT,
        "s1": f"q{ready},default".encode(),
    }
    assert carried == [1, 0, 0, FIRST, 1, plan, ["in"], None, None]
    assert ticking.scene.events() == [(EventKind.WORKFLOW_STARTED, FIRST, 1, None, "wf 1")]
    found = ticking.there()
    assert (found.next, found.due, found.last) == (TICK + 1, (TICK + 1) * 1000, FIRST)
    assert ticking.due() == {"s": (TICK + 1) * 1000}
    assert ticking.scene.problems() == []


def test_several_ticks_start_with_an_input_each(ticking: Ticking) -> None:
    inputs = [pack("one"), pack("two")]
    assert ticking.fire(TICK, TICK + 1, inputs=inputs).ticks == ["ok", "ok"]
    found = [ticking.store.hash(f"execution:s.{TICK + n}")["input"] for n in (0, 1)]
    assert found == [b"=" + one for one in inputs]
    assert ticking.there().last == f"s.{TICK + 1}"


def test_headers_and_metadata_are_those_of_the_schedule(ticking: Ticking) -> None:
    ticking.put(digest="d2", meta=pack([{"a": "b"}, {}]), headers=pack(b"trace"))
    ticking.fire(TICK)
    found = ticking.store.hash(f"execution:{FIRST}")
    assert (found["meta"], found["headers"]) == (pack([{"a": "b"}, {}]), pack(b"trace"))
    assert [carried[7] for carried in ticking.scene.tokens().values()] == [b"trace"]


def test_a_large_input_stands_apart(ticking: Ticking) -> None:
    ticking.fire(TICK, inputs=[b"x" * 3000])
    found = ticking.store.hash(f"execution:{FIRST}")
    assert (found["input"], found["big:input"]) == (b"@", b"x" * 3000)


def test_the_last_tick_of_all(ticking: Ticking) -> None:
    assert ticking.fire(TICK, next=0).word == "ok"
    assert (ticking.there().next, ticking.due()) == (0, {"s": math.inf})


# --- once


@pytest.mark.row(48)
def test_the_same_call_again_changes_nothing(ticking: Ticking) -> None:
    read = ticking.there()
    ticking.fire(TICK, schedule=read)
    before = ticking.scene.everything()
    assert ticking.fire(TICK, schedule=read) == Fired("passed", "", [], [])
    assert ticking.scene.everything() == before


def test_an_execution_that_is_there_already_is_left_alone(ticking: Ticking) -> None:
    ticking.fire(TICK)
    ticking.delete()
    ticking.put()
    assert ticking.fire(TICK).ticks == ["dup"]
    assert ticking.executions() == [FIRST]
    assert (ticking.there().last, ticking.there().next) == (None, TICK + 1)


def test_it_was_decided_by_another_rule(ticking: Ticking) -> None:
    read = ticking.there()
    ticking.put(definition(overlap="skip"), digest="d2")
    assert ticking.fire(TICK, schedule=read).word == "passed"
    assert ticking.executions() == []


@pytest.mark.parametrize("word", ["gone", "paused", "early"])
def test_what_may_not_fire_stays_as_it_is(ticking: Ticking, word: str) -> None:
    read = ticking.there()
    if word == "gone":
        ticking.delete()
    elif word == "paused":
        ticking.pause()
    else:
        ticking.store.now -= 1
    before = ticking.scene.everything()
    assert ticking.fire(TICK, schedule=read) == Fired(word, "", [], [])
    assert ticking.scene.everything() == before


# --- the workflow


def test_another_plan_is_meant_by_now(ticking: Ticking) -> None:
    other = compile_plan(flow("x"), 2)
    ticking.store.put_plan(other)
    ticking.store.publish("wf", other.hash, 2)
    assert ticking.fire(TICK) == Fired("moved", other.hash, [], [])
    assert ticking.fire(TICK, plan=other.hash).ticks == ["ok"]
    assert ticking.store.hash(f"execution:{FIRST}")["start"] == f"{EPOCH} wf 2 digest".encode()


def test_a_workflow_published_since_it_was_looked_for(ticking: Ticking) -> None:
    fired = ticking.fire(TICK, plan=None)
    assert (fired.word, fired.detail) == ("moved", ticking.scene.plan.hash)


def test_an_inactive_workflow_starts_nothing(ticking: Ticking) -> None:
    ticking.store.publish("wf", ticking.scene.plan.hash, 2, "INACTIVE")
    assert ticking.fire(TICK, TICK + 1) == Fired("ok", "", [], ["inactive", "inactive"])
    assert ticking.executions() == []
    assert skips(ticking) == [["s", "inactive", t, t, 1] for t in (TICK, TICK + 1)]
    assert (ticking.there().skipped, ticking.there().next) == (
        f"inactive {TICK + 1} {TICK + 1}",
        TICK + 2,
    )


def test_a_workflow_that_is_gone_starts_nothing(ticking: Ticking) -> None:
    ticking.store.command("DEL", ticking.store.key("workflow:wf"))
    assert ticking.fire(TICK, plan=None).ticks == ["unknown"]
    assert skips(ticking) == [["s", "unknown", TICK, TICK, 1]]


def test_a_paused_workflow_starts_held(ticking: Ticking) -> None:
    ticking.store.command("HSET", ticking.store.key("workflow:wf"), "paused", "1")
    assert ticking.fire(TICK).ticks == ["ok"]
    assert ticking.scene.state(FIRST) == "r 1 1 w"


def test_near_maxmemory_its_tick_waits(ticking: Ticking) -> None:
    ticking.store.command("HSET", ticking.store.key("sweeper"), "full", EPOCH + 9)
    before = ticking.scene.everything()
    assert ticking.fire(TICK).word == "full"
    assert ticking.scene.everything() == before
    ticking.store.now += 9
    assert ticking.fire(TICK).ticks == ["ok"]


# --- ticks that start nothing


def test_what_was_left_out_is_told_and_kept(ticking: Ticking) -> None:
    missed = (Skipped("missed", TICK - 90, TICK - 5, None), Skipped("overlap", TICK - 4, TICK, 5))
    assert ticking.fire(skipped=missed, next=TICK + 1) == Fired("ok", "", [], [])
    assert skips(ticking) == [
        ["s", "missed", TICK - 90, TICK - 5, None],
        ["s", "overlap", TICK - 4, TICK, 5],
    ]
    assert ticking.there().skipped == f"overlap {TICK - 4} {TICK}"


# --- overlap


def carry_out(ticking: Ticking, orders: list[str]) -> None:
    """Carry out orders, and those that come of them."""
    while orders:
        _, orders = ticking.scene.promote(*orders)


def overlapping(ticking: Ticking, overlap: str) -> Fired:
    """Fire twice; the first execution is unfinished."""
    ticking.put(definition(overlap=overlap), digest="d2")
    ticking.fire(TICK)
    ticking.store.now += 1000
    return ticking.fire(TICK + 1, next=TICK + 2)


def test_executions_may_overlap(ticking: Ticking) -> None:
    assert overlapping(ticking, "allow") == Fired("ok", "", [], ["ok"])
    assert ticking.executions() == [FIRST, f"s.{TICK + 1}"]


def test_while_one_runs_a_tick_is_left_out(ticking: Ticking) -> None:
    assert overlapping(ticking, "skip") == Fired("ok", "", [], ["overlap"])
    assert ticking.executions() == [FIRST]
    assert skips(ticking) == [["s", "overlap", TICK + 1, TICK + 1, 1]]
    assert (ticking.there().last, ticking.there().next) == (FIRST, TICK + 2)


def test_the_one_that_runs_is_cancelled(ticking: Ticking) -> None:
    order = f"c:{FIRST}"
    assert overlapping(ticking, "cancel") == Fired("ok", "", [order], ["ok"])
    assert ticking.store.zset("timers") == {order: EPOCH + 1000}
    carry_out(ticking, [order])
    assert ticking.executions() == [f"s.{TICK + 1}"]
    cancelled = ticking.store.hash(f"execution:{FIRST}")["cancelled"]
    assert cancelled == pack({"reason": "its schedule has started the next one"})


@pytest.mark.parametrize("overlap", ["skip", "cancel"])
@pytest.mark.parametrize("purged", [False, True])
def test_one_that_has_ended_is_in_nobodys_way(ticking: Ticking, overlap: str, purged: bool) -> None:
    ticking.put(definition(overlap=overlap), digest="d2")
    ticking.fire(TICK)
    carry_out(ticking, ticking.scene.stop("c", execution=FIRST).orders)
    if purged:
        ticking.store.command("DEL", ticking.store.key(f"execution:{FIRST}"))
    ticking.store.now += 1000
    assert ticking.fire(TICK + 1, next=TICK + 2) == Fired("ok", "", [], ["ok"])
