"""list_unfinished, and audits of partitions that hold more than a page of anything."""

import pytest
import redis

from redflow.errors import Unavailable
from redflow.store.audit import list_unfinished
from redflow.store.auditor import Auditor
from redflow.store.census import Census
from redflow.store.op import command
from redflow.store.questions import Refused, each
from tests.store.arrange import QUEUES, Scene, flow
from tests.store.auditing import answer, audit
from tests.store.support import EPOCH, Store


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return executions of one step, all ready, and one that sleeps."""
    made = Scene(store, flow("a"))
    for number in range(1, 8):
        made.execution(f"e{number}")
        made.ready("a", execution=f"e{number}")
    made.execution("e8")
    made.set("s1", f"t{EPOCH + 9},default,1,0,0,s", execution="e8")
    made.timer("w:e8:1", EPOCH + 9)
    store.command("HSET", store.key("sweeper"), "holder", "w1")
    return made


def ask(scene: Scene, worker: str = "w1", limit: int = 3):
    return scene.store.run(
        list_unfinished(
            scene.store.space, scene.store.partition, worker=worker, queues=QUEUES, limit=limit
        )
    )


def test_a_page_of_each_list(scene: Scene) -> None:
    found = ask(scene)
    assert (found.holder, found.missing) == ("w1", [])
    assert found.live == [b"e1", b"e2", b"e3"]
    assert found.timers == [b"w:e8:1", b"~"]
    assert [len(one) for one in found.tokens] == [3, 0]
    assert [token for token, _ in found.tokens[0]] == list(scene.tokens())[:3]


def test_who_does_not_sweep_hears_who_does(scene: Scene) -> None:
    found = ask(scene, "w2")
    assert (found.holder, found.live, found.timers, found.tokens) == ("w1", [], [], [])


def test_sentinels_that_are_missing(scene: Scene) -> None:
    for name in ("live", "finished:failed"):
        scene.store.command("ZREM", scene.store.key(name), "~")
    assert ask(scene).missing == ["failed", "live"]


def test_it_writes_nothing(scene: Scene) -> None:
    before = scene.everything()
    ask(scene)
    ask(scene, "w2")
    assert scene.everything() == before


# --- more than a page


@pytest.mark.parametrize("size", [1, 2, 3, 500])
def test_pages_of_any_size_find_and_mend_the_same(
    scene: Scene, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redflow.store.auditor.PAGE", size)
    monkeypatch.setattr("redflow.store.auditor.MOST_STEPS", size)
    store = scene.store
    for number in range(5):
        store.command("ZADD", store.key("live"), number, f"gone{number}")
        store.command("ZADD", store.key("timers"), number, f"w:gone{number}:1")
    store.command("ZADD", store.key("finished:failed"), 1, "e7")
    (token, *_) = scene.tokens()
    record = scene.fields()["s1"]
    scene.ready("a")
    scene.set("s1", record)
    assert token in scene.tokens()
    found = audit(store, repair=True).findings
    assert len({str(one) for one in found}) == 12
    assert all(one.repaired for one in found)
    assert audit(store).findings == []


@pytest.mark.parametrize("size", [1, 2, 500])
def test_a_worker_walks_through_all_that_is_unfinished(
    scene: Scene, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redflow.store.auditor.PAGE", size)
    store = scene.store
    for number in (1, 7):
        store.command("ZREM", store.key("live"), f"e{number}")
    store.command("ZREM", store.key("timers"), "w:e8:1")
    store.command("ZREM", store.key("stopping"), "~")
    auditor = Auditor(store.space, store.partition, QUEUES, repair=True)
    assert answer(store, auditor.walk_unfinished("another")) == 1
    assert auditor.report.findings == []
    answer(store, auditor.walk_unfinished("w1"))
    assert {str(one) for one in auditor.report.findings} == {
        "e1: is missing from live",
        "e7: is missing from live",
        "e8: step 1 waits for a timer that is not set",
        "key stopping: has lost its sentinel",
    }
    assert audit(store).findings == []


def test_an_idle_partition_costs_one_question(store: Store) -> None:
    Scene(store, flow("a"))
    store.command("HSET", store.key("sweeper"), "holder", "w1")
    auditor = Auditor(store.space, store.partition, QUEUES, repair=True)
    assert answer(store, auditor.walk_unfinished("w1")) == 1


# --- what Redis refuses


def test_a_question_that_is_refused_does_not_spoil_the_others(scene: Scene) -> None:
    ops = [command("one", "GET", scene.store.key("live"), parse=str)]
    ops += [command("two", "ZCARD", scene.store.key("live"), parse=int)] * 2
    found: list[object] = []

    def questions():
        found.extend((yield from each(ops)))

    answer(scene.store, questions())
    assert [isinstance(found[0], Refused), *found[1:]] == [True, 9, 9]
    assert "WRONGTYPE" in str(found[0])


def test_an_outage_ends_the_audit(scene: Scene) -> None:
    auditor = Auditor(scene.store.space, scene.store.partition, QUEUES, repair=True)
    questions = auditor.walk()
    next(questions)
    with pytest.raises(Unavailable):
        questions.throw(Unavailable("gone"))


def test_keys_that_may_not_be_listed_are_a_note(scene: Scene) -> None:
    def refuse(*_: object) -> None:
        raise redis.exceptions.ResponseError("NOPERM scan")

    auditor = Auditor(scene.store.space, scene.store.partition, QUEUES, repair=True)
    census = Census(scene.store.keys, {0: auditor})
    store = Store(scene.store.client, scene.store.keys.namespace)
    store.command = refuse  # type: ignore[method-assign]
    answer(store, census.walk())
    (found,) = census.findings
    assert (found.note, found.left) == (True, False)
    assert "NOPERM" in found.what
