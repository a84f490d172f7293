"""admit_delivery: as many at once as in a minute, then one for each that has passed."""

from redflow.store.webhooks import admit_delivery, put_webhook
from tests.store.support import Store, pairs

MINUTE = 60_000


def put(store: Store, rate: int, name: str = "stripe") -> None:
    store.run(
        put_webhook(store.space, name, path=f"p-{name}", choice="keep", rate=rate, document=b"{}")
    )


def admit(store: Store, path: str = "p-stripe", rate: int = 2) -> int:
    return store.run(admit_delivery(store.space, path, rate=rate))[0]


def test_it_says_which_webhook_the_path_leads_to(store: Store) -> None:
    put(store, 60)
    wait, found = store.run(admit_delivery(store.space, "p-stripe", rate=1))
    assert wait == 0
    assert found is not None
    assert (found.name, found.path, found.rate, found.document) == ("stripe", "p-stripe", 60, b"{}")


def test_at_once_as_many_as_in_a_minute_come_through(store: Store) -> None:
    put(store, 3)
    assert [admit(store) for _ in range(5)] == [0, 0, 0, MINUTE // 3, MINUTE // 3]


def test_then_one_for_each_part_of_a_minute(store: Store) -> None:
    put(store, 3)
    for _ in range(3):
        admit(store)
    store.now += MINUTE // 3 - 1
    assert admit(store) == 1
    store.now += 1
    assert [admit(store), admit(store)] == [0, MINUTE // 3]


def test_what_was_refused_counts_nothing(store: Store) -> None:
    put(store, 1)
    admit(store)
    assert {admit(store) for _ in range(100)} == {MINUTE}
    store.now += MINUTE
    assert admit(store) == 0


def test_over_an_hour_it_is_the_rate(store: Store) -> None:
    put(store, 7)
    through = 0
    for _ in range(3600):
        through += admit(store) == 0
        store.now += 1000
    assert 7 * 60 <= through <= 7 * 61


def test_without_a_rate_all_come_through_and_nothing_is_written(store: Store) -> None:
    put(store, 0)
    before = pairs(store.command("HGETALL", store.keys.webhooks))
    assert {admit(store) for _ in range(50)} == {0}
    assert pairs(store.command("HGETALL", store.keys.webhooks)) == before


def test_each_webhook_has_its_own(store: Store) -> None:
    put(store, 1, "a")
    put(store, 1, "b")
    assert [admit(store, "p-a"), admit(store, "p-b"), admit(store, "p-a")] == [0, 0, MINUTE]


def test_paths_that_lead_nowhere_share_one(store: Store) -> None:
    """So that whoever guesses meets the same answers, and a thousand guesses make one field."""
    found = [store.run(admit_delivery(store.space, f"guess-{i}", rate=2)) for i in range(3)]
    assert found == [(0, None), (0, None), (MINUTE // 2, None)]
    assert store.command("HKEYS", store.keys.webhooks) == [b"r:?"]


def test_a_clock_that_went_back_shuts_nobody_out(store: Store) -> None:
    put(store, 1)
    admit(store)
    store.now -= 60 * MINUTE
    assert [admit(store), admit(store)] == [0, MINUTE]


def test_a_path_to_what_is_gone_leads_nowhere(store: Store) -> None:
    put(store, 1)
    store.command("HDEL", store.keys.webhooks, "w:stripe")
    assert store.run(admit_delivery(store.space, "p-stripe", rate=5)) == (0, None)
