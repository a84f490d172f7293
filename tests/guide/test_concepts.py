"""The programs of docs/concepts.md print what stands under them; what it names exists."""

import re
import subprocess
import sys

import pytest

from redflow.cli.tree import cli
from tests.support.tree import ROOT

GUIDE = (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", GUIDE, re.DOTALL)
NAMES = "graph edges attempts waiting saga queue version".split()
WORDS = """workflow version node edge execution step attempt worker partition namespace lease queue
signal timer saga retention""".split()


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
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


def test_every_concept_is_explained():
    """A word is explained where it stands in bold, or where a heading begins with it."""
    explained = {word.lower() for word in re.findall(r"\*\*([\w ]+)\*\*", GUIDE)}
    headings = {
        word.lower() for line in re.findall(r"^## .*", GUIDE, re.M) for word in line.split()
    }
    singular = {word.rstrip("s") for word in explained} | explained | headings
    assert [word for word in WORDS if word not in singular] == []
    assert "at least once" in explained


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`redflow ([a-z]+)", GUIDE))))
def test_commands_that_are_named_exist(command):
    assert command in cli.commands


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((\S+?)\)", GUIDE))))
def test_links_lead_somewhere(link):
    assert (ROOT / "docs" / link).is_file()
