"""The programs of README.md run, and say what it says they say."""

import re
import subprocess
import sys

import pytest

from redflow import Workflow
from tests.support.tree import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.server
@pytest.mark.process
def test_the_first_program_runs_on_a_server_of_its_own(tmp_path):
    program = tmp_path / "shop.py"
    program.write_text(PROGRAMS[0], encoding="utf-8")
    run = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.stderr, run.returncode) == ("{'paid': True}\n", "", 0)


@pytest.mark.parametrize("program", PROGRAMS[1:])
def test_workflows_that_are_shown_are_valid(program):
    names: dict[str, object] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert isinstance(names["flow"], Workflow)


def test_commands_that_are_shown_exist():
    assert 'pip install -e ".[dev,test]"' in README
    assert "redflow demo" in README


@pytest.mark.parametrize("path", sorted(set(re.findall(r"tests/[\w/.]+", README))))
def test_tests_that_are_named_exist(path):
    assert (ROOT / path).exists()
