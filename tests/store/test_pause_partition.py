"""pause_partition: queues, workflows and the namespace at rest, and who hears of it."""

import pytest

from redflow.store.stopping import pause_partition
from tests.store.arrange import Report, Scene, flow
from tests.store.support import Store


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a in queue default and b in queue mail, both ready."""
    scene = Scene(store, flow("a>c", "b", queues={"b": "mail"}))
    scene.execution(active=2)
    scene.ready("a")
    scene.ready("b", queue="mail")
    return scene


def pause(
    store: Store, what: str = "queue", name: str = "default", *, on: bool = True,
    note: bytes = b"note",
) -> str:  # fmt: skip
    """Pause something in the partition, or let it go on."""
    return store.run(
        pause_partition(store.space, store.partition, what=what, name=name, on=on, note=note)
    )


def claimed(scene: Scene) -> list[int]:
    """Claim from both queues; answers the steps."""
    reply = scene.advance(claims={"default": 5, "mail": 5})
    return [claim.envelope.step for claim in reply.claims]


# --- queues and the namespace


def test_nothing_is_claimed_from_a_paused_queue(scene: Scene) -> None:
    assert pause(scene.store) == "ok"
    assert scene.store.hash("sweeper") == {
        "records": b"0", "paused": b",default,", "note:default": b"note",
    }  # fmt: skip
    assert claimed(scene) == [2]
    assert pause(scene.store, on=False) == "ok"
    assert scene.store.hash("sweeper") == {"records": b"0", "paused": b"", "note:default": b""}
    assert claimed(scene) == [1]


def test_nothing_is_claimed_in_a_paused_namespace(scene: Scene) -> None:
    assert pause(scene.store, "namespace", "*") == "ok"
    assert scene.store.hash("sweeper")["paused"] == b",*,"
    assert claimed(scene) == []
    assert pause(scene.store, "namespace", "*", on=False) == "ok"
    assert claimed(scene) == [1, 2]


def test_what_runs_there_is_recorded_and_releases_what_follows(scene: Scene) -> None:
    (claim,) = scene.advance(claims={"default": 1}).claims
    pause(scene.store)
    reply = scene.advance(Report(claim.token, "a"), claims={"default": 5})
    assert (reply.codes, reply.claims) == ([1], [])
    assert [carried[4] for carried in scene.tokens().values()] == [3]


def test_pauses_are_kept_in_their_order(store: Store) -> None:
    store.prepare(())
    seen = []
    for name, on in [("a", True), ("*", True), ("ab", True), ("b", True), ("*", False),
                     ("a", False), ("b", False), ("ab", False)]:  # fmt: skip
        assert pause(store, "namespace" if name == "*" else "queue", name, on=on) == "ok"
        seen.append(store.hash("sweeper")["paused"].decode())
    assert seen == [",a,", ",a,*,", ",a,*,ab,", ",a,*,ab,b,", ",a,ab,b,", ",ab,b,", ",ab,", ""]


@pytest.mark.parametrize("other", ["default-2", "efault", "mail"])
def test_a_queue_is_paused_by_its_whole_name(scene: Scene, other: str) -> None:
    pause(scene.store, name=other)
    assert claimed(scene) == ([1] if other == "mail" else [1, 2])


# --- workflows


def test_new_executions_of_a_paused_workflow_begin_paused(scene: Scene) -> None:
    assert pause(scene.store, "workflow", "wf") == "ok"
    found = scene.store.hash("workflow:wf")
    assert (found["paused"], found["note"]) == (b"1", b"note")
    assert claimed(scene) == [1, 2]
    assert pause(scene.store, "workflow", "wf", on=False) == "ok"
    found = scene.store.hash("workflow:wf")
    assert (found["paused"], found["note"]) == (b"0", b"")


def test_a_new_version_leaves_a_workflow_paused(scene: Scene) -> None:
    pause(scene.store, "workflow", "wf")
    scene.store.publish("wf", scene.plan.hash, 7)
    assert scene.store.hash("workflow:wf")["paused"] == b"1"


def test_a_workflow_that_is_not_there_is_unknown(scene: Scene) -> None:
    before = scene.everything()
    assert pause(scene.store, "workflow", "nobody") == "unknown"
    assert scene.everything() == before


# --- again, and who hears of it


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize(
    ("what", "name"), [("queue", "default"), ("namespace", "*"), ("workflow", "wf")]
)
def test_the_same_again_is_dup_and_changes_nothing(
    scene: Scene, what: str, name: str, on: bool
) -> None:
    if on:
        pause(scene.store, what, name)
    before = scene.everything()
    assert pause(scene.store, what, name, on=on, note=b"other") == "dup"
    assert scene.everything() == before


def test_workers_of_the_partition_hear_of_it(scene: Scene) -> None:
    """On the channel `control` of the partition, by its prefix; not of a dup."""
    with scene.store.client.pubsub() as heard:
        heard.subscribe(scene.store.key("control"))
        assert heard.get_message(timeout=5)
        pause(scene.store)
        message = heard.get_message(timeout=1)
        assert message is not None
        assert message["data"] == b"paused"
        pause(scene.store)
        assert heard.get_message(timeout=0) is None
