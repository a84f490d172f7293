"""put_schedule: what is kept, what a second one changes, and when it is due."""

import math

import msgspec
import pytest

from redflow.cron.schedule import RawSchedule
from tests.store.support import EPOCH, Store
from tests.store.ticking import DEFINITION, INPUT, TICK, Ticking, definition


@pytest.fixture
def ticking(store: Store) -> Ticking:
    return Ticking(store)


def test_a_schedule_is_one_hash_and_a_place_in_line(ticking: Ticking) -> None:
    assert ticking.put(meta=b"m", headers=b"h", next=TICK + 9) == "created"
    assert ticking.store.hash("schedule:s") == {
        "digest": b"d1",
        "rule": msgspec.msgpack.encode(DEFINITION),
        "timing": b"* * * * * * UTC 0.0",
        "input": b"=" + INPUT,
        "input_digest": b"digest",
        "meta": b"m",
        "headers": b"h",
        "next": str(TICK + 9).encode(),
        "due": str((TICK + 9) * 1000).encode(),
        "created": str(EPOCH).encode(),
        "updated": str(EPOCH).encode(),
    }
    assert ticking.due() == {"s": (TICK + 9) * 1000}


def test_it_is_read_as_it_was_put(ticking: Ticking) -> None:
    ticking.put(next=TICK + 9)
    due = (TICK + 9) * 1000
    assert ticking.read() == RawSchedule("s", DEFINITION, "d1", INPUT, TICK + 9, due, EPOCH, EPOCH)
    assert ticking.read("other") is None


def test_the_same_again_changes_nothing(ticking: Ticking) -> None:
    ticking.put()
    before = ticking.scene.everything()
    ticking.store.now += 5000
    assert ticking.put(next=TICK + 5) == "unchanged"
    assert ticking.scene.everything() == before


def test_the_same_again_puts_it_back_in_line(ticking: Ticking) -> None:
    """Should the line be lost, what an application puts when it starts makes it whole."""
    ticking.put()
    ticking.store.command("DEL", ticking.store.key("schedules"))
    assert ticking.put(next=TICK + 5) == "replaced"
    assert ticking.due() == {"s": TICK * 1000}


def test_another_rule_with_the_same_ticks_keeps_the_one_it_waits_for(ticking: Ticking) -> None:
    ticking.put()
    ticking.store.now += 5000
    assert ticking.put(definition(overlap="skip"), digest="d2", next=TICK + 6) == "replaced"
    found = ticking.there()
    assert (found.next, found.due, found.created) == (TICK, TICK * 1000, EPOCH)
    assert (found.definition.overlap, found.updated) == ("skip", EPOCH + 5000)
    assert ticking.due() == {"s": TICK * 1000}


def test_other_ticks_begin_anew(ticking: Ticking) -> None:
    ticking.put()
    assert ticking.put(definition(cron="* * * * *"), digest="d2", next=TICK + 60) == "replaced"
    assert (ticking.there().next, ticking.due()) == (TICK + 60, {"s": (TICK + 60) * 1000})


def test_a_pause_stays(ticking: Ticking) -> None:
    ticking.put()
    ticking.pause()
    assert ticking.put(definition(cron="* * * * *"), digest="d2", next=TICK + 60) == "replaced"
    assert (ticking.there().paused, ticking.due()) == (b"note", {"s": math.inf})


def test_there_has_to_be_such_a_workflow(ticking: Ticking) -> None:
    assert ticking.put(definition(workflow="other")) == "unknown"
    assert (ticking.read(), ticking.due()) == (None, {})


def test_a_large_input_is_marked(ticking: Ticking) -> None:
    ticking.put(input=b"x" * 3000)
    assert ticking.store.hash("schedule:s")["input"] == b"@" + b"x" * 3000
    assert ticking.there().input == b"x" * 3000
