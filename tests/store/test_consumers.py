"""lead_consumers, move_consumers, forget_consumer: one leader each, and no step back."""

from dataclasses import replace

from redflow.store.events import (
    Place,
    forget_consumer,
    lead_consumers,
    move_consumers,
    read_consumers,
    read_place,
)
from tests.store.support import EPOCH, Store

LEASE = 15_000


def lead(
    store: Store, process: str, *names: str, at: int = 0, lease: int = LEASE
) -> dict[str, int]:
    space = replace(store.space, limits=replace(store.space.limits, now=EPOCH + at))
    return store.run(lead_consumers(space, names or ["mail"], process=process, lease=lease))


def move(store: Store, term: int, place: Place, name: str = "mail") -> list[str]:
    return store.run(move_consumers(store.space, store.partition, [(name, term, place)]))


def place(store: Store, name: str = "mail") -> Place | None:
    return store.run(read_place(store.partition, name))


def test_the_first_one_leads(store: Store) -> None:
    assert lead(store, "p1") == {"mail": EPOCH}
    assert lead(store, "p2", at=1) == {}
    assert store.command("HGETALL", store.keys.leaders) == [
        b"mail",
        f"{EPOCH} {EPOCH + LEASE} p1".encode(),
    ]


def test_who_leads_stays_in_its_term(store: Store) -> None:
    first = lead(store, "p1")
    assert lead(store, "p1", at=10_000) == first
    assert lead(store, "p2", at=LEASE + 1) == {}
    assert lead(store, "p1", at=10 * LEASE) == first


def test_a_silent_one_is_replaced_in_a_later_term(store: Store) -> None:
    lead(store, "p1")
    assert lead(store, "p2", at=LEASE) == {"mail": EPOCH + LEASE}
    assert lead(store, "p1", at=LEASE + 1) == {}


def test_a_term_never_comes_twice(store: Store) -> None:
    terms = []
    for number in range(3):
        terms += lead(store, f"p{number}").values()
        lead(store, f"p{number}", lease=0)
    assert terms == [EPOCH, EPOCH + 1, EPOCH + 2]


def test_giving_back_what_another_leads_changes_nothing(store: Store) -> None:
    lead(store, "p1")
    assert lead(store, "p2", at=1, lease=0) == {}
    assert lead(store, "p3", at=2) == {}


def test_several_at_once(store: Store) -> None:
    lead(store, "p1", "a")
    assert lead(store, "p2", "a", "b", "c", at=5) == {"b": EPOCH + 5, "c": EPOCH + 5}
    assert store.run(read_consumers(store.space)) == ["a", "b", "c"]


def test_how_far_it_has_come(store: Store) -> None:
    assert place(store) is None
    assert move(store, EPOCH, Place(7, 1, 42)) == ["ok"]
    assert move(store, EPOCH, Place(8, 0, 43)) == ["ok"]
    assert place(store) == Place(8, 0, 43)


def test_nothing_was_counted(store: Store) -> None:
    move(store, EPOCH, Place(0, 0, -1))
    assert place(store) == Place(0, 0, -1)


def test_an_earlier_term_moves_nothing(store: Store) -> None:
    move(store, EPOCH + 1, Place(8, 0, 43))
    assert move(store, EPOCH, Place(9, 0, 50)) == ["stale"]
    assert place(store) == Place(8, 0, 43)


def test_what_nobody_wrote_is_no_place(store: Store) -> None:
    store.command("HSET", store.partition.consumers, "mail", "nonsense")
    assert place(store) is None


def test_a_consumer_is_forgotten(store: Store) -> None:
    lead(store, "p1")
    move(store, EPOCH, Place(7, 1, 42))
    move(store, EPOCH, Place(7, 1, 42), "other")
    assert store.run(forget_consumer(store.space, store.partition, "mail"))
    assert store.run(forget_consumer(store.space, None, "mail"))
    assert not store.run(forget_consumer(store.space, store.partition, "mail"))
    assert (place(store), place(store, "other")) == (None, Place(7, 1, 42))
    assert store.run(read_consumers(store.space)) == []
