"""read_load: what waits in each queue and since when, timers that are late, what lives."""

import pytest

from redflow.model.load import Load, QueueLoad
from redflow.store.load import PartitionLoad, added_up, read_load
from tests.store.arrange import QUEUES, Scene, flow
from tests.store.support import EPOCH, Store


@pytest.fixture
def scene(store: Store) -> Scene:
    return Scene(store, flow("a", "b", "c", queues={"c": "mail"}))


def load(scene: Scene) -> PartitionLoad:
    return scene.store.run(read_load(scene.store.space, scene.store.partition, QUEUES))


def oldest(scene: Scene, token: str) -> int:
    return int(token.partition("-")[0])


def test_nothing_is_there(scene: Scene) -> None:
    assert load(scene) == PartitionLoad(EPOCH, 0, 0, 0, [(0, 0, 0)] * len(QUEUES))


def test_what_waits_and_what_runs(scene: Scene) -> None:
    scene.execution()
    scene.claimed("a")
    waits = scene.ready("b")
    found = load(scene)
    assert found.live == 1
    assert found.queues[QUEUES.index("default")] == (2, 1, oldest(scene, waits))
    assert found.queues[QUEUES.index("mail")] == (0, 0, 0)


def test_all_that_is_there_runs(scene: Scene) -> None:
    scene.execution()
    scene.claimed("a")
    assert load(scene).queues[QUEUES.index("default")] == (1, 1, 0)


def test_a_group_that_was_lost_has_claimed_nothing(scene: Scene) -> None:
    scene.execution()
    waits = scene.ready("c", queue="mail")
    scene.store.command("XGROUP", "DESTROY", scene.store.partition.ready("mail"), "workers")
    assert load(scene).queues[QUEUES.index("mail")] == (1, 0, oldest(scene, waits))


def test_timers_that_are_late(scene: Scene) -> None:
    scene.execution()
    for member, due in (("w:e1:1", EPOCH - 40), ("w:e1:2", EPOCH), ("w:e1:3", EPOCH + 1)):
        scene.timer(member, due)
    found = load(scene)
    assert (found.timers_due, found.first_due) == (2, EPOCH - 40)


def test_it_changes_nothing(scene: Scene) -> None:
    scene.execution()
    scene.claimed("a")
    before = scene.everything()
    load(scene)
    assert scene.everything() == before


def test_partitions_add_up() -> None:
    first = PartitionLoad(10_000, 4, 2, 9_000, [(7, 5, 8_000), (0, 0, 0)])
    second = PartitionLoad(10_000, 1, 0, 0, [(4, 0, 9_500), (0, 0, 0)])
    assert added_up(["a", "b"], [first, second], slots=5) == Load(
        (QueueLoad("a", 6, 5, 2.0, 3), QueueLoad("b", 0, 0, 0.0, 1)), 2, 1.0, 5
    )
    assert added_up(["b"], [PartitionLoad(1, 0, 0, 0, [(0, 0, 0)])], slots=5) == Load(
        (QueueLoad("b", 0, 0, 0.0, 0),), 0, 0.0, 0
    )
