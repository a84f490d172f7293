"""The programs of docs/events.md print what stands under them, and its figures are the code's."""

import pytest

from redflow import defaults
from redflow.events import bus, consumer
from redflow.events.event import EVENT_TYPES
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("events.md")
PROGRAMS = programs_of(GUIDE)
NAMES = ["handler", "follow", "cloud"]


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_figures_are_those_of_the_code():
    assert f"every {consumer.SAVE_EVENTS} events or half a second" in GUIDE
    assert consumer.SAVE_SECONDS == 0.5
    assert f"within its lease of {defaults.EVENTS_LEASE:.0f} s" in GUIDE
    assert f"one call every {defaults.EVENTS_LEASE / bus.BEATS_OF_A_LEASE:.0f} s" in GUIDE
    assert f"({bus.TIMEOUT:.0f} by default)" in GUIDE
    assert f"up to every {consumer.LONGEST_WAIT:.0f} s" in GUIDE
    assert f"newest {defaults.EVENTS_CAP:,} records" in GUIDE


@pytest.mark.parametrize("type", EVENT_TYPES)
def test_every_type_is_listed(type):
    assert f"`{type}`" in GUIDE
