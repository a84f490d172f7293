"""The programs of docs/secrets.md print what stands under them, and its figures are the code's."""

import pytest

from redflow import defaults
from redflow.secrets.chain import DIRECTORY_VARIABLE
from redflow.secrets.masking import _SHORTEST_LINE
from redflow.secrets.names import MOST_HOSTS
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("secrets.md")
PROGRAMS = programs_of(GUIDE)
NAMES = ["definition", "environment", "files", "redis", "provider", "function", "mask"]


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_figures_are_those_of_the_code():
    assert f"for {defaults.SECRET_CACHE:.0f} seconds" in GUIDE
    assert f"{defaults.SECRETS:,} secrets of {defaults.SECRET_BYTES // 1024} KiB" in GUIDE
    assert f"At most {MOST_HOSTS}." in GUIDE
    assert f"from {_SHORTEST_LINE} characters on" in GUIDE
    assert DIRECTORY_VARIABLE in GUIDE
