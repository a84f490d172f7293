"""extend_leases: ok, lost and stop."""

import pytest

from redflow.store.steps import extend_leases
from tests.store.arrange import QUEUES, Scene, flow
from tests.store.support import Store


@pytest.fixture
def scene(store: Store) -> Scene:
    """Return a running execution of a and b."""
    scene = Scene(store, flow("a", "b"))
    scene.execution(active=2)
    return scene


def extend(store: Store, *leases: tuple[str, int, str], worker: str = "w1") -> list[str]:
    """Renew leases, given as (token, queue, execution)."""
    rows = [word for lease in leases for word in lease]
    return store.run(
        extend_leases(store.space, store.partition, consumer=worker, queues=QUEUES, leases=rows)
    )


def idle(store: Store, queue: str = "default") -> list[int]:
    """Milliseconds since each pending token was heard of."""
    key = store.key(f"ready:{queue}")
    return [entry[2] for entry in store.command("XPENDING", key, "workers", "-", "+", 9)]


def test_a_lease_is_renewed(scene: Scene) -> None:
    token = scene.claimed("a")
    scene.store.silence("default", [token], 25_000)
    assert extend(scene.store, (token, 1, "e1")) == ["ok"]
    assert idle(scene.store)[0] < 25_000
    assert scene.store.pending("default") == {token: "w1"}


def test_a_renewal_is_no_delivery(scene: Scene) -> None:
    token = scene.claimed("a")
    extend(scene.store, (token, 1, "e1"))
    key = scene.store.key("ready:default")
    assert scene.store.command("XPENDING", key, "workers", "-", "+", 9)[0][3] == 1


@pytest.mark.parametrize("way", ["settled", "reclaimed", "undelivered", "unknown", "other queue"])
def test_a_token_that_is_not_pending_is_lost(scene: Scene, way: str) -> None:
    token = scene.ready("a") if way == "undelivered" else scene.claimed("a")
    key = scene.store.key("ready:default")
    if way in ("settled", "reclaimed"):
        scene.store.command("XDEL", key, token)
        scene.store.command("XACK", key, "workers", token)
        if way == "reclaimed":
            scene.claimed("a", deliveries=1)
    asked = "1-1" if way == "unknown" else token
    assert extend(scene.store, (asked, 2 if way == "other queue" else 1, "e1")) == ["lost"]


@pytest.mark.parametrize("phase", "fc")
def test_a_stopping_execution_tells_its_steps(scene: Scene, phase: str) -> None:
    scene.execution("e2", phase=phase, active=2)
    here, there = scene.claimed("a"), scene.claimed("b", execution="e2")
    answers = extend(scene.store, (here, 1, "e1"), (there, 1, "e2"), ("1-1", 1, "e2"))
    assert answers == ["ok", "stop", "lost"]
    assert idle(scene.store) == pytest.approx([0, 0], abs=5000)


@pytest.mark.parametrize(("phase", "flags"), [("r", "p"), ("r", "w"), ("u", "c")])
def test_pauses_and_compensation_stop_nobody(scene: Scene, phase: str, flags: str) -> None:
    scene.execution("e3", phase="f")
    scene.execution("e2", phase=phase, flags=flags)
    token = scene.claimed("a", execution="e2")
    assert extend(scene.store, (token, 1, "e2")) == ["ok"]


def test_each_queue_knows_its_own(scene: Scene) -> None:
    """Two queues may give out one id in one millisecond."""
    here, there = scene.claimed("a"), scene.claimed("b", queue="mail")
    assert extend(scene.store, (there, 2, "e1"), worker="w2") == ["ok"]
    assert scene.store.pending("default") == {here: "w1"}
    assert scene.store.pending("mail") == {there: "w2"}
    assert extend(scene.store, (there, 2, "e1"), (here, 1, "e1")) == ["ok", "ok"]


def test_nothing_to_renew_is_fine(scene: Scene) -> None:
    assert extend(scene.store) == []
