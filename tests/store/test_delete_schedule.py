"""delete_schedule: nothing of it is left but what it has started."""

from tests.store.support import Store
from tests.store.ticking import TICK, Ticking


def test_nothing_is_left_of_it(store: Store) -> None:
    ticking = Ticking(store)
    before = ticking.scene.everything()
    ticking.put()
    assert ticking.delete()
    assert ticking.scene.everything() == before
    assert not ticking.delete()


def test_what_it_has_started_goes_on(store: Store) -> None:
    ticking = Ticking(store)
    ticking.put()
    ticking.fire(TICK)
    ticking.delete()
    assert ticking.executions() == [f"s.{TICK}"]
