"""The programs of docs/schedules.md print what stands there, and its figures are the code's."""

import pytest

from redflow import defaults
from redflow.cron.decision import CATCH_UPS, ON_TIME, OVERLAPS
from redflow.cron.expression import NAMED
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("schedules.md")
PROGRAMS = programs_of(GUIDE)


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=["nightly", "overlap"])
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_figures_are_those_of_the_code():
    assert f"the newest {defaults.CATCH_UP} at most" in GUIDE
    assert f"missed {ON_TIME // 1000} seconds after" in GUIDE
    assert [one for one in (*OVERLAPS, *CATCH_UPS) if f"| `{one}` |" not in GUIDE] == []
    same = {"@annually": "@yearly", "@midnight": "@daily"}
    assert [one for one in NAMED if f"`{same.get(one, one)}`" not in GUIDE] == []
