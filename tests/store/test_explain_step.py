"""explain_step: what holds up steps of one execution, as of one moment."""

from collections.abc import Sequence
from dataclasses import replace

from redflow.store.explaining import Explained, Held, explain_step
from redflow.store.records import RawStep
from redflow.store.server_state import ServerState
from tests.store.arrange import QUEUES, Scene, flow
from tests.store.support import EPOCH, Store


def explain(store: Store, steps: Sequence[int] = (), execution: str = "e1") -> Explained | None:
    op = explain_step(
        store.space, store.partition, execution=execution, workflow="wf", queues=QUEUES, steps=steps
    )
    return store.run(op)


def held(store: Store, *steps: int) -> list[Held]:
    found = explain(store, steps)
    assert found
    return found.steps


def test_no_execution(store: Store) -> None:
    assert explain(store, [1]) is None


def test_an_execution_that_nothing_holds_up(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution()
    found = explain(store)
    assert found
    assert replace(found, server=ServerState()) == Explained(
        now=EPOCH, phase="r", flags="", stopping_since=None, last_sweep=None, guarded_until=0,
        owes=False, workflow_note=None, namespace_note=None, full_until=0,
        server=ServerState(), queue_notes={}, steps=[],
    )  # fmt: skip


def test_an_execution_that_stops(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution(phase="f")
    found = explain(store)
    assert found
    assert (found.phase, found.flags, found.stopping_since) == ("f", "s", EPOCH)


def test_the_last_sweep_and_the_outage_guard(store: Store) -> None:
    Scene(store, flow("a")).execution(f0="1 c ")
    store.command("HSET", store.key("sweeper"), "tick", EPOCH - 5, "hold", EPOCH + 7)
    found = explain(store)
    assert found
    assert (found.last_sweep, found.guarded_until, found.owes) == (EPOCH - 5, EPOCH + 7, True)


def test_pauses_and_their_notes(store: Store) -> None:
    Scene(store, flow("a")).execution()
    store.command(
        "HSET", store.key("sweeper"), "paused", ",mail,*,", "note:mail", "one", "note:*", "all"
    )
    store.command("HSET", store.key("workflow:wf"), "paused", "1", "note", "two")
    found = explain(store)
    assert found
    assert found.queue_notes == {"mail": b"one"}
    assert (found.namespace_note, found.workflow_note) == (b"all", b"two")


def test_pauses_that_are_over_leave_no_note(store: Store) -> None:
    Scene(store, flow("a")).execution()
    store.command("HSET", store.key("sweeper"), "paused", "", "note:mail", "", "note:*", "")
    store.command("HSET", store.key("workflow:wf"), "paused", "0", "note", "")
    found = explain(store)
    assert found
    assert (found.queue_notes, found.namespace_note, found.workflow_note) == ({}, None, None)


def test_a_step_without_a_record(store: Store) -> None:
    Scene(store, flow("a>c", "b>c")).execution(c3=f"{1 + 2**17}", f1="2 c ")
    assert held(store, 1, 3) == [
        Held(1, None, None, None, 0, 0, 0, owes=True),
        Held(3, None, None, None, 1, 1, 0, owes=False),
    ]


def test_blocked_edges(store: Store) -> None:
    Scene(store, flow("a>c", "b>c")).execution(c3=f"{2 + 2**17 + 2**34}")
    assert held(store, 3) == [Held(3, None, None, None, 2, 1, 1, owes=False)]


def test_the_place_in_a_queue(store: Store) -> None:
    scene = Scene(store, flow("a", "b", "c", "d"))
    scene.execution()
    scene.claimed("a")
    for node in ("b", "c"):
        scene.ready(node)
    token = scene.ready("d", queue="mail")
    assert [one.ahead for one in held(store, 1, 2, 3, 4)] == [None, 0, 1, 0]
    (step,) = held(store, 4)
    assert step.raw == RawStep(4, "q", token=token, queue="mail")


def test_what_was_settled_counts_no_more(store: Store) -> None:
    scene = Scene(store, flow("a", "b", "c"))
    scene.execution()
    first = scene.claimed("a")
    scene.claimed("b")
    store.command("XDEL", store.key("ready:default"), first)
    store.command("XACK", store.key("ready:default"), "workers", first)
    scene.ready("c")
    assert [one.ahead for one in held(store, 3)] == [0]


def test_at_most_a_thousand_are_counted(store: Store) -> None:
    scene = Scene(store, flow("a", "b"))
    scene.execution()
    store.commands([("XADD", store.key("ready:default"), "*", "e", "x")] * 1005)
    scene.ready("b")
    assert [one.ahead for one in held(store, 2)] == [1000]


def test_who_has_claimed_it(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution()
    token = scene.claimed("a")
    store.silence("default", [token], 4_000)
    (step,) = held(store, 1)
    assert step.raw
    assert step.raw.worker == "w1"
    assert step.raw.silent
    assert 4_000 <= step.raw.silent < 60_000


def test_a_timer_and_the_error_of_the_last_attempt(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution(s1=f"t{EPOCH + 9},default,2,0,0,r", e1=b"=\x05")
    scene.timer("w:e1:1", EPOCH + 9)
    (step,) = held(store, 1)
    assert step.due == EPOCH + 9
    assert step.raw
    assert (step.raw.kind, step.raw.why, step.raw.retry_error) == ("t", "r", b"\x05")


def test_a_token_in_a_stream_that_is_not_declared(store: Store) -> None:
    Scene(store, flow("a")).execution(s1="q5-0,elsewhere")
    (step,) = held(store, 1)
    assert (step.ahead, step.raw and step.raw.worker) == (None, None)


def test_where_the_group_is_gone_nobody_holds_a_step(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution()
    scene.claimed("a")
    store.command("XGROUP", "DESTROY", store.key("ready:default"), "workers")
    (one,) = held(store, 1)
    assert one.raw
    assert (one.raw.worker, one.ahead) == (None, 0)
