"""The programs of docs/workflows.md print what stands under them."""

import re
import subprocess
import sys

import pytest

from tests.support.tree import ROOT

GUIDE = (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize(
    ("program", "output"), PROGRAMS, ids=["inputs", "waiting", "saga", "children"]
)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (run.stdout, run.returncode) == (output, 0), run.stderr


def test_every_program_says_what_it_prints():
    assert GUIDE.count("```python") == len(PROGRAMS)
