"""The programs of docs/observability.md and docs/metrics.md print what stands under them."""

import pytest

from redflow.tracing import TraceMode
from redflow.tracing.mode import VARIABLE
from redflow.worker.probes import Probes
from tests.guide.programs import check, programs_of, read_guide

GUIDE = read_guide("observability.md")
PROGRAMS = [*programs_of(GUIDE), *programs_of(read_guide("metrics.md"))]
NAMES = ["metrics", "logs", "traces", "load"]


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


def test_modes_and_paths_are_those_of_the_code():
    assert all(f"| `{mode}`" in GUIDE for mode in TraceMode)
    assert VARIABLE in GUIDE
    text = Probes.answer.__code__.co_consts
    assert all(f"`{path}`" in GUIDE for path in text if isinstance(path, str) and path[:1] == "/")
