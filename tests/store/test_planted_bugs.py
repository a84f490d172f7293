"""The random test can fail: each fault put into the scripts is found within a few seeds."""

from collections.abc import Callable

import pytest
import redis

from redflow.store import script
from tests.store.bugs import BUGS
from tests.store.comparing import Difference
from tests.store.driving import SIZES, Drive, limits_of
from tests.store.support import Store

SEEDS = 60


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts a named fault into the scripts that are loaded from now on."""
    plain = script.read_source

    def put(bug: str) -> None:
        name, sound, faulty = BUGS[bug]
        assert plain(name).count(sound) == 1, f"lua/{name}: {sound!r} is not there once"
        monkeypatch.setattr(
            script,
            "read_source",
            lambda asked: plain(asked).replace(sound, faulty) if asked == name else plain(asked),
        )
        script.load_script.cache_clear()

    return put


@pytest.fixture(autouse=True)
def _sound_scripts_afterwards(monkeypatch: pytest.MonkeyPatch):
    yield
    monkeypatch.undo()
    script.load_script.cache_clear()


@pytest.mark.server
@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(
    bug: str, plant: Callable[[str], None], server: redis.Redis, namespace: str
) -> None:
    plant(bug)
    assert any(finds_something(server, namespace, seed) for seed in range(SEEDS))


def finds_something(client: redis.Redis, namespace: str, seed: int) -> bool:
    """Run one seed; a difference and an error of a script are both findings."""
    store = Store(client, namespace, limits_of(SIZES[seed % len(SIZES)]))
    try:
        Drive(store, seed, executions=12).run()
    except (Difference, redis.exceptions.ResponseError):
        return True
    finally:
        store.clear()
    return False
