"""lua/lib/clock.lua: whose time it is."""

from tests.store.arrange import Scene, flow
from tests.store.support import EPOCH, Store


def test_the_time_is_the_servers_unless_a_test_gives_one(store: Store) -> None:
    scene = Scene(store, flow("a"))
    scene.execution("e1", active=0)
    scene.execution("e2", active=0)
    scene.stop(execution="e1")
    assert scene.fields("e1")["ended"] == f"{EPOCH} X"
    store.now = 0

    def time() -> int:
        seconds, micros = store.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    before = time()
    scene.stop(execution="e2")
    at, letter = scene.fields("e2")["ended"].split()
    assert before <= int(at) <= time()
    assert letter == "X"
