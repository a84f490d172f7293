"""The program of docs/encryption.md prints what stands under it, and its figures are the code's."""

import pytest

from redflow.crypto.crypto import MIGRATING_VARIABLE, SEALS_PER_KEY
from redflow.crypto.keys import FILE_VARIABLE, KEYS_VARIABLE
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("encryption.md")


@pytest.mark.parametrize(("program", "output"), programs_of(GUIDE))
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_figures_and_variables_are_those_of_the_code():
    assert f"{SEALS_PER_KEY:,} values" in GUIDE
    for name in (KEYS_VARIABLE, FILE_VARIABLE, MIGRATING_VARIABLE):
        assert f"`{name}" in GUIDE
