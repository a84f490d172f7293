"""update_workflow: which version runs, and whether any may start."""

import pytest

from redflow.store import workflows
from redflow.store.workflows import Registered
from tests.store.support import EPOCH, Store


@pytest.fixture
def registered(store: Store) -> Store:
    """Return a store with two versions of the workflow wf."""
    for content in ("h1", "h2"):
        store.run(
            workflows.put_workflow(
                store.space, "wf", content_hash=content, document=b"{}", status="ACTIVE",
                about=b"about", queues=["default"],
            )
        )  # fmt: skip
    return store


def update(
    store: Store, version: int = 0, status: str = "", workflow: str = "wf"
) -> tuple[Registered, str] | None:
    """Change version or status."""
    return store.run(
        workflows.update_workflow(store.space, workflow, version=version, status=status)
    )


def record(store: Store) -> dict[str, bytes]:
    return store.run(workflows.read_workflow(store.space, "wf"))


def test_another_version_runs_from_now_on(registered: Store) -> None:
    registered.now += 5
    assert update(registered, 1) == (Registered(1, 1, 3, "h1"), "ACTIVE")
    assert record(registered) == {
        "latest": b"1", "versions": b"2", "status": b"ACTIVE", "revision": b"3", "about": b"about",
        "created": str(EPOCH).encode(), "updated": str(EPOCH + 5).encode(),
    }  # fmt: skip


def test_new_content_goes_on_counting_from_the_newest(registered: Store) -> None:
    update(registered, 1)
    op = workflows.put_workflow(
        registered.space, "wf", content_hash="h3", document=b"{}", status="ACTIVE", about=b"",
        queues=["default"],
    )  # fmt: skip
    assert registered.run(op) == Registered(3, 3, 4, "h3")


def test_a_status_leaves_the_version(registered: Store) -> None:
    assert update(registered, status="INACTIVE") == (Registered(2, 2, 3, "h2"), "INACTIVE")
    assert update(registered, 1) == (Registered(1, 1, 4, "h1"), "INACTIVE")
    assert update(registered, 2, "ACTIVE") == (Registered(2, 2, 5, "h2"), "ACTIVE")


def test_the_same_again_is_another_revision_of_the_same(registered: Store) -> None:
    """Partitions that missed the first hear of the second."""
    first, second = update(registered, 1), update(registered, 1)
    assert first == (Registered(1, 1, 3, "h1"), "ACTIVE")
    assert second == (Registered(1, 1, 4, "h1"), "ACTIVE")


@pytest.mark.parametrize(("workflow", "version"), [("wf", 3), ("nobody", 0), ("nobody", 1)])
def test_what_is_not_there_is_not_made(registered: Store, workflow: str, version: int) -> None:
    before = registered.command("HGETALL", registered.keys.workflow("wf"))
    assert update(registered, version, "INACTIVE", workflow) is None
    assert registered.command("HGETALL", registered.keys.workflow("wf")) == before
    assert registered.command("EXISTS", registered.keys.workflow("nobody")) == 0
