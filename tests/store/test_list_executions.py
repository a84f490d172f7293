"""list_executions: pages of an index, newest first, complete whatever shares a millisecond."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redflow.store.executions import list_executions
from tests.store.support import Store

NAMES = st.text("abAB-_9", min_size=1, max_size=4)


def page(
    store: Store, before: str = "+inf", after: str = "", limit: int = 10
) -> list[tuple[str, int]]:
    """One page of the live executions."""
    op = list_executions(
        store.space, store.partition, "live", before=before, after=after, limit=limit
    )
    return store.run(op)


def fill(store: Store, scores: dict[str, int]) -> None:
    """Write the index anew."""
    key = store.key("live")
    store.command("DEL", key)
    store.prepare(())
    store.command("ZADD", key, *[word for name, score in scores.items() for word in (score, name)])


def walk(store: Store, limit: int) -> list[tuple[str, int]]:
    """All pages, one after the other."""
    found: list[tuple[str, int]] = []
    before, after = "+inf", ""
    while rows := page(store, before, after, limit):
        found += rows
        after, score = rows[-1]
        before = str(score)
    return found


def test_an_empty_index_has_no_page(store: Store) -> None:
    store.prepare(())
    assert page(store) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_newest_first_without_the_sentinel(store: Store, limit: int) -> None:
    scores = {"a": 10, "b": 30, "c": 20, "d": 20, "e": 20}
    fill(store, scores)
    assert walk(store, limit) == [("b", 30), ("e", 20), ("d", 20), ("c", 20), ("a", 10)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, st.integers(1, 3), min_size=1, max_size=20), st.integers(1, 5))
def test_pages_together_are_the_whole_index(
    store: Store, scores: dict[str, int], limit: int
) -> None:
    """Capital and small letters stand in the order of their bytes, as Redis sorts them."""
    fill(store, scores)
    expected = sorted(scores.items(), key=lambda one: (one[1], one[0]), reverse=True)
    assert walk(store, limit) == expected


def test_a_page_goes_on_where_an_execution_has_since_been_removed(store: Store) -> None:
    fill(store, {"a": 20, "b": 20, "c": 20})
    store.command("ZREM", store.key("live"), "b")
    assert page(store, "20", "b") == [("a", 20)]
