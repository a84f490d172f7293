"""pause_schedule: a schedule that is held has no tick, one that goes on has the next one."""

import math

import pytest

from tests.store.support import Store
from tests.store.ticking import TICK, Ticking


@pytest.fixture
def ticking(store: Store) -> Ticking:
    made = Ticking(store)
    made.put()
    return made


def test_a_paused_one_is_never_due(ticking: Ticking) -> None:
    assert ticking.pause() == "ok"
    assert (ticking.there().paused, ticking.due()) == (b"note", {"s": math.inf})


def test_it_goes_on_with_the_tick_that_is_given(ticking: Ticking) -> None:
    ticking.pause()
    assert ticking.pause(on=False, digest="d1", next=TICK + 7, due=TICK * 1000 + 7500) == "ok"
    found = ticking.there()
    assert (found.paused, found.next, found.due) == (None, TICK + 7, TICK * 1000 + 7500)
    assert ticking.due() == {"s": TICK * 1000 + 7500}


@pytest.mark.parametrize("on", [True, False])
def test_twice_is_once(ticking: Ticking, on: bool) -> None:
    ticking.pause()
    if not on:
        ticking.pause(on=False, digest="d1", next=TICK + 7, due=(TICK + 7) * 1000)
    before = ticking.scene.everything()
    again = ticking.pause(on=on, digest="d1", next=TICK + 9, due=1, note=b"other")
    assert (again, ticking.scene.everything()) == ("unchanged", before)


def test_a_tick_of_another_rule_is_refused(ticking: Ticking) -> None:
    ticking.pause()
    assert ticking.pause(on=False, digest="d0", next=TICK + 7, due=1) == "changed"
    assert ticking.due() == {"s": math.inf}


@pytest.mark.parametrize("on", [True, False])
def test_one_that_is_not_there(ticking: Ticking, on: bool) -> None:
    ticking.delete()
    assert ticking.pause(on=on) == "gone"
    assert ticking.due() == {}
