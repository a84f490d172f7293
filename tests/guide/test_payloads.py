"""The programs of docs/payloads.md print what stands under them, and its figures are the code's."""

import pytest

from redflow import defaults
from redflow.payloads.payloads import PAYLOADS_VARIABLE
from redflow.worker.retention import SWEEP_EVERY
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("payloads.md")


@pytest.mark.parametrize(("program", "output"), programs_of(GUIDE))
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_figures_and_variables_are_those_of_the_code():
    megabyte = 1024 * 1024
    assert f"may have {defaults.VALUE_LIMIT // megabyte} MiB" in GUIDE
    assert f"may have {defaults.PAYLOAD_LIMIT // megabyte} MiB: what is over" in GUIDE
    assert f"over {defaults.PAYLOAD_THRESHOLD // 1024} KiB" in GUIDE
    assert f"in Redis {defaults.JOIN_LIMIT // megabyte} MiB" in GUIDE
    assert f"tried again for {defaults.PAYLOAD_PATIENCE:g} s" in GUIDE
    assert (defaults.PAYLOAD_GRACE, SWEEP_EVERY) == (3600.0, 3600.0)
    assert "it is an hour old" in GUIDE
    assert "look once an hour" in GUIDE
    assert f"`{PAYLOADS_VARIABLE}`" in GUIDE
