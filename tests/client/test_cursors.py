"""Cursors and the merge of many indexes, without a server."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.client.cursors import Merge, Place, Source, cursor_of, place_of
from redflow.errors import InvalidInput

ids = st.from_regex(r"[A-Za-z0-9_.~-]{1,128}", fullmatch=True)
places = st.builds(Place, st.integers(0, 10**15), ids)


@given(places)
def test_a_cursor_comes_back_and_is_safe_in_a_url(place: Place):
    cursor = cursor_of(place)
    assert place_of(cursor) == place
    assert set(cursor) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "", " ", "x", "é", "=", "====", "A" * 10_000, "\ud800", "0", b"abc", 7, True, [], {},
        encoded("1:12"), encoded("2:12:a"), encoded("1:-1:a"), encoded("1:1e3:a"),
        encoded("1:12:"), encoded("1:12:a b"), encoded("1:12:a}b"), encoded("1:12:a\n"),
        encoded("1:" + "9" * 20 + ":a"), encoded("1:\u0661:a"), encoded("1:+inf:a"),
    ],
)  # fmt: skip
def test_any_other_cursor_is_refused(cursor: Any):
    with pytest.raises(InvalidInput, match="cursor") as caught:
        place_of(cursor)
    assert caught.value.field == "cursor"


@given(st.text() | st.binary().map(lambda raw: urlsafe_b64encode(raw).decode()))
def test_no_text_breaks_it(cursor: str):
    try:
        place = place_of(cursor)
    except InvalidInput:
        return
    assert place_of(cursor_of(place)) == place


@given(
    st.lists(
        st.lists(st.builds(Place, st.integers(0, 20), st.sampled_from("abcdef")), unique=True),
        max_size=5,
    ),
    st.integers(1, 4),
    st.integers(1, 7),
    st.integers(0, 25),
)
def test_a_merge_is_all_sources_sorted(
    indexes: list[list[Place]], page: int, take: int, oldest: int
):
    stored = [sorted(index, reverse=True) for index in indexes]
    merge = Merge([Source(n, "live", None) for n in range(len(stored))], oldest=oldest)
    taken: list[Place] = []
    while not merge.over:
        for source in merge.unread():
            behind = source.behind
            left = [one for one in stored[source.partition] if behind is None or one < behind]
            source.add(left[:page], page)
        taken += merge.take(take)
    everything = [one for index in stored for one in index if one.score >= oldest]
    assert taken == sorted(everything, reverse=True)


def test_nothing_is_taken_before_every_source_is_read():
    merge = Merge([Source(0, "live", None), Source(1, "live", None)], oldest=0)
    merge.unread()[0].add([Place(5, "a"), Place(4, "b")], 2)
    assert merge.take(2) == []
    assert len(merge.unread()) == 1
