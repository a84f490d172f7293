"""The programs of docs/decorators.md print what stands under them."""

import pytest

from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("decorators.md")
PROGRAMS = programs_of(GUIDE)


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=["order", "labels", "types"])
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)
