"""The programs of docs/concepts.md print what stands under them; what it names exists."""

import re

import pytest

from redflow.cli.tree import cli
from tests.guide.programs import check, programs_of, read_guide
from tests.support.tree import ROOT

GUIDE = read_guide("concepts.md")
PROGRAMS = programs_of(GUIDE)
NAMES = "graph edges attempts waiting saga queue version".split()
WORDS = """workflow version node edge execution step attempt worker partition namespace lease queue
signal timer saga retention""".split()


@pytest.mark.parametrize(("program", "output"), PROGRAMS, ids=NAMES)
@pytest.mark.process
def test_a_program_prints_what_it_says(program, output, tmp_path):
    check(program, output, tmp_path)


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
