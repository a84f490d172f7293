"""The programs of docs/nodes.md print what stands under them, and its tables name every key."""

import logging
import re
import tomllib

import pytest

from redflow.nodes.comparing import OPERATORS
from redflow.nodes.registry import BUILT_IN
from redflow.nodes.schemas import EXPRESSION, config_schema
from tests.support.tree import ROOT

GUIDE = (ROOT / "docs" / "nodes.md").read_text(encoding="utf-8")
HEAD, *PARTS = GUIDE.split("\n## ")
SECTIONS = {name: text for name, _, text in (part.partition("\n") for part in PARTS)}
PROGRAM = r"```python\n(.*?)```\n```text\n(.*?)```"
(BEFORE,) = re.findall(r"```python\n(.*?)```", HEAD, re.DOTALL)
TYPES = {node_type.type: node_type for node_type in BUILT_IN}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_program_prints_what_it_says(section, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("redflow.node.log"), "handlers", [])
    ((program, output),) = re.findall(PROGRAM, SECTIONS[section], re.DOTALL)
    exec(compile(BEFORE + program, f"docs/nodes.md, {section}", "exec"), {"__name__": "program"})
    assert capsys.readouterr().out == output


def test_every_type_has_a_section_and_a_row():
    assert [name for name in SECTIONS if name in TYPES] == list(TYPES)
    assert re.findall(r"^\| \[(\w+)\]\(#\1\)", GUIDE, re.MULTILINE) == list(TYPES)


def rows(section: str) -> dict[str, list[str]]:
    """The rows of the first table of a section, by the key in their first cell."""
    table = SECTIONS[section].strip().partition("\n\n")[0]
    lines = re.findall(r"^\| `(\w+)` \|(.+)\|$", table, re.MULTILINE)
    return {key: [cell.strip() for cell in rest.split("|")] for key, rest in lines}


@pytest.mark.parametrize("name", TYPES)
def test_the_table_of_a_type_is_its_config(name):
    schema, table = config_schema(TYPES[name]), rows(name)
    assert table.keys() == schema["properties"].keys()
    for key, field in schema["properties"].items():
        kind, default, _ = table[key]
        assert (kind == "expression") == (field.get("$comment") == EXPRESSION), key
        assert ("no template" in kind) == (field.get("$comment") is None), key
        assert (default == "required") == (key in schema["required"]), key


def test_every_operator_is_told():
    cells = re.findall(r"^\|([^|]+)\|", SECTIONS["condition"], re.MULTILINE)
    told = re.findall(r"`([^`]+)`", "".join(cells))
    assert sorted(set(OPERATORS) - set(told)) == []


def test_the_entry_point_is_written_as_packages_write_it():
    ((text),) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert tomllib.loads(text)["project"]["entry-points"]["redflow.nodes"]
