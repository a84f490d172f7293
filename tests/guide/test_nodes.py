"""The programs of docs/nodes/ print what stands under them, and its tables are those of types."""

import logging
import re
import tomllib

import pytest

from redflow.nodes.comparing import OPERATORS
from tests.support.tree import ROOT
from tests.tools.node_tables import BEGIN, END, TYPES, is_current

FOLDER = ROOT / "docs" / "nodes"
INDEX = (FOLDER / "README.md").read_text(encoding="utf-8")
PAGES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted(FOLDER.glob("*.md"))
    if path.stem != "README"
}
PROGRAM = r"```python\n(.*?)```\n```text\n(.*?)```"
(BEFORE,) = re.findall(r"```python\n(.*?)```", INDEX, re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_a_program_prints_what_it_says(page, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("redflow.node.log"), "handlers", [])
    ((program, output),) = re.findall(PROGRAM, PAGES[page], re.DOTALL)
    exec(compile(BEFORE + program, f"docs/nodes/{page}.md", "exec"), {"__name__": "program"})
    assert capsys.readouterr().out == output


def test_every_type_has_a_page_and_a_row():
    assert PAGES.keys() == {*TYPES, "own"}
    assert re.findall(r"^\| \[(\w+)\]\(\1\.md\)", INDEX, re.MULTILINE) == list(TYPES)


@pytest.mark.parametrize("name", TYPES)
def test_a_page_says_what_it_is_and_what_goes_wrong(name):
    headings = re.findall(r"^#+ .*$", PAGES[name], re.MULTILINE)
    assert headings == [f"# {name}", "## Config", "## Example", "## What goes wrong"]


@pytest.mark.parametrize("name", TYPES)
def test_the_table_of_a_page_is_that_of_its_type(name):
    assert is_current(name), "run python -m tests.tools.node_tables"


def test_a_table_says_what_takes_templates_and_what_is_an_expression():
    _, _, rest = PAGES["condition"].partition(BEGIN)
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \|", rest.partition(END)[0], re.MULTILINE)
    assert dict(rows) == {
        "variable": "expression",
        "operator": "text, no template",
        "value": "any value",
        "expression": "expression",
    }


def test_links_between_pages_lead_somewhere():
    links = [
        (name, link)
        for name, text in {**PAGES, "README": INDEX}.items()
        for link in re.findall(r"\]\(([^):#]+)[^):]*\)", text)
    ]
    assert [one for one in links if not (FOLDER / one[1]).is_file()] == []


def test_every_operator_is_told():
    cells = re.findall(r"^\|([^|]+)\|", PAGES["condition"], re.MULTILINE)
    told = re.findall(r"`([^`]+)`", "".join(cells))
    assert sorted(set(OPERATORS) - set(told)) == []


def test_the_entry_point_is_written_as_packages_write_it():
    ((text),) = re.findall(r"```toml\n(.*?)```", PAGES["own"], re.DOTALL)
    assert tomllib.loads(text)["project"]["entry-points"]["redflow.nodes"]
