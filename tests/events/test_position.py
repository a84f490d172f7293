"""Ids of events and positions: text that leads back to the same place, or is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.events.position import decode_position, encode_position, id_of, place_of
from redflow.store.events import Place

numbers = st.integers(0, 2**53 - 1)
places = st.builds(Place, numbers, numbers, st.integers(-1, 2**53 - 1))


@given(st.integers(0, 1023), places)
def test_an_id_leads_to_its_place(partition, place):
    assert place_of(id_of(partition, place)) == (partition, place)


def test_behind_an_implied_event_its_record_is_still_to_be_read():
    assert place_of(id_of(3, Place(9, 1, 40), implied=True)) == (3, Place(9, 1, 39))


@given(st.lists(places, min_size=1, max_size=20))
def test_a_position_leads_to_its_places(rows):
    position = encode_position(dict(enumerate(rows)))
    assert decode_position(position, len(rows)) == dict(enumerate(rows))


def test_a_position_of_sixteen_partitions_fits_into_a_header():
    rows = {number: Place(1_800_000_000_000, 3, 10_000_000) for number in range(16)}
    assert len(encode_position(rows)) < 400


@pytest.mark.parametrize(
    "text", ["", "now", "1.2-3", "1.2-3.x", "p1.", "p1.!!!", "-1.2-3.4", "1.2-3.4s5", "1" * 300]
)
def test_other_text_is_refused(text):
    with pytest.raises(InvalidInput, match="is no place in the events"):
        place_of(text)
    with pytest.raises(InvalidInput, match="is no place in the events"):
        decode_position(text, 1)


def test_a_position_of_another_namespace_is_refused():
    text = encode_position({0: Place(1, 1, 1), 1: Place(1, 1, 1)})
    with pytest.raises(InvalidInput, match="is no place"):
        decode_position(text, 3)
