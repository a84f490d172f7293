"""purge_executions: every word, and what is left of an execution that is removed."""

import pytest

from redflow.store.reruns import purge_executions
from tests.store.arrange import Scene, flow
from tests.store.support import EPOCH, Store


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a workflow without executions."""
    return Scene(store, flow("a>b"))


def purge(
    scene: Scene, *executions: str | tuple[str, str], completed: int = EPOCH + 1,
    others: int = EPOCH + 1,
) -> list[str]:  # fmt: skip
    """Remove executions; a pair names a parent, too."""
    pairs = [one if isinstance(one, tuple) else (one, "") for one in executions]
    return scene.store.run(
        purge_executions(
            scene.store.space, scene.store.partition, executions=pairs,
            completed_before=completed, others_before=others,
        )
    )  # fmt: skip


@pytest.mark.parametrize("letter", "CFX")
def test_nothing_is_left_of_what_ended_long_ago(scene: Scene, letter: str) -> None:
    before = scene.everything()
    scene.ended("e1", letter)
    assert purge(scene, "e1") == ["purged"]
    assert scene.everything() == before


def test_the_same_again_is_gone(scene: Scene) -> None:
    scene.ended("e1")
    assert purge(scene, "e1", "e1") == ["purged", "gone"]
    assert purge(scene, "e1") == ["gone"]


@pytest.mark.parametrize(("letter", "kept"), [("C", "completed"), ("F", "others"), ("X", "others")])
def test_completed_ones_have_a_time_of_their_own(scene: Scene, letter: str, kept: str) -> None:
    scene.ended("e1", letter)
    other = "others" if kept == "completed" else "completed"
    assert purge(scene, "e1", **{kept: EPOCH, other: EPOCH + 9}) == ["early"]
    assert purge(scene, "e1", **{kept: EPOCH + 1, other: 0}) == ["purged"]


@pytest.mark.parametrize("phase", "srfcu")
def test_what_has_not_ended_is_live(scene: Scene, phase: str) -> None:
    scene.execution(phase=phase)
    before = scene.everything()
    assert purge(scene, "e1") == ["live"]
    assert scene.everything() == before


@pytest.mark.parametrize(("parent", "word"), [("r", "kept"), ("u", "kept"), ("d", "purged")])
def test_a_child_stays_while_its_parent_may_read_it(scene: Scene, parent: str, word: str) -> None:
    scene.execution("e1", phase=parent)
    scene.ended("e1.a")
    assert purge(scene, ("e1.a", "e1")) == [word]
    assert (scene.store.hash("execution:e1.a") == {}) == (word == "purged")


def test_a_child_whose_parent_is_gone_goes(scene: Scene) -> None:
    scene.ended("e1.a")
    assert purge(scene, ("e1.a", "e1")) == ["purged"]


def test_each_of_many_has_its_word(scene: Scene) -> None:
    """Parent and child in one call: the parent goes first, and the child with it."""
    scene.ended("e1")
    scene.ended("e1.a")
    scene.ended("e2", at=EPOCH + 5)
    scene.execution("e3")
    words = purge(scene, "e1", ("e1.a", "e1"), "e2", "e3", "e9")
    assert words == ["purged", "purged", "early", "live", "gone"]


def test_large_outputs_go_with_it(scene: Scene) -> None:
    scene.ended("e1")
    scene.set("big:s1", b"x" * 5000)
    purge(scene, "e1")
    assert scene.store.hash("execution:e1") == {}
