"""`redflow node list|show`: the node types there are, and what goes into their configs."""

import sys

import pytest

from redflow.cli.node import kind_text
from tests.cli.kit import call

APP = '''
from typing import Literal
from redflow import Engine, NodeConfig, NodeType

class SqlQuery(NodeType):
    """Asks a database."""

    type = "sql_query"
    timeout = None
    labels = ("one", "none")

    class Config(NodeConfig, frozen=True):
        """`query` is SQL; `limits` are rows at most, by table."""

        query: str
        mode: Literal["one", "all"] = "one"
        limits: dict[str, int] = {}
        tags: list[str] | None = None

    async def execute(self, ctx, config):
        return config.query

engine = Engine.memory()
engine.registry.register(SqlQuery())
'''


@pytest.fixture
def app(tmp_path, monkeypatch):
    """Return the name of an application with a node type of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"app_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(APP)
    yield f"{name}:engine"
    sys.modules.pop(name, None)


def test_list_needs_neither_a_server_nor_an_application():
    rows = call("node", "list").rows
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert {row[1] for row in rows} == {"built-in"}
    told = {row[0]: row[2:] for row in rows}
    assert told["condition"] == ["true false", "600.0", "variable operator value expression"]
    assert told["switch"] == ["(by config)", "600.0", "variable expression cases default"]
    assert told["transform"] == ["", "600.0", "mapping"]


def test_list_with_the_types_of_an_application(app):
    (row,) = (row for row in call("node", "list", "-A", app).rows if row[0] == "sql_query")
    module = app.removesuffix(":engine")
    assert row == ["sql_query", module, "one none", "", "query mode limits tags"]
    table = call("node", "list", "-A", app, "-o", "table").out.splitlines()
    assert table[0].split() == ["TYPE", "FROM", "LABELS", "TIMEOUT", "CONFIG", "KEYS"]


def test_list_as_json(app):
    nodes = {
        one["type"]: one for one in call("node", "list", "-A", app, "-o", "json").json["nodes"]
    }
    assert nodes["sql_query"] == {
        "type": "sql_query",
        "from": app.removesuffix(":engine"),
        "labels": ["one", "none"],
        "labels_by_config": False,
        "timeout": None,
        "description": "Asks a database.",
        "config": ["query", "mode", "limits", "tags"],
    }
    assert nodes["switch"]["labels_by_config"]


def test_show_a_type_of_an_application(app):
    rows = call("node", "show", "sql_query", "-A", app).rows
    assert rows == [
        ["type", "sql_query"],
        ["from", app.removesuffix(":engine")],
        ["labels", "one none"],
        ["about", "Asks a database."],
        ["query", "text", "", "yes", "SQL"],
        ["mode", '"all" | "one"', '"one"', "no", ""],
        ["limits", "map of whole number", "", "no", "Rows at most, by table"],
        ["tags", "list of text", "", "no", ""],
    ]


def test_show_as_a_table():
    lines = call("node", "show", "switch", "-o", "table").out.splitlines()
    assert [line.split()[0] for line in lines if line] == [
        *("type", "from", "labels", "timeout", "about"),
        *("KEY", "cases", "variable", "expression", "default"),
    ]
    assert "expression  expression" in lines[-2]


def test_show_as_json_holds_the_schema():
    shown = call("node", "show", "transform", "-o", "json").json
    assert (shown["type"], shown["from"], shown["config"]) == ("transform", "built-in", ["mapping"])
    assert shown["schema"]["required"] == ["mapping"]
    assert shown["schema"]["properties"]["mapping"]["$comment"] == "takes ${...}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("swich", "did you mean switch?"),
        ("set_variable", "did you mean setvariable?"),
        ("xyzzy", "redflow node list lists them; name the application of its own ones: -A"),
    ],
)
def test_an_unknown_type_is_answered_with_the_nearest(name, hint):
    result = call("node", "show", name)
    assert (result.code, result.out) == (3, "")
    assert f"there is no node type {name!r}" in result.err
    assert hint in result.err


def test_an_unknown_type_of_an_application_is_not_sent_to_another(app):
    result = call("node", "show", "xyzzy", "-A", app, "-o", "json")
    assert result.error["hint"] == "redflow node list lists them"


def test_an_application_that_is_not_there():
    result = call("node", "list", "-A", "no_such_module:engine")
    assert result.code == 2
    assert "there is no module 'no_such_module'" in result.err


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, "any value"),
        ({"type": "string"}, "text"),
        ({"type": "integer", "minimum": 0}, "whole number"),
        ({"type": ["string", "null"]}, "text"),
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"type": "array", "items": {"type": "number"}}, "list of number"),
        ({"type": "array"}, "list"),
        ({"type": "object"}, "map"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map of text"),
        ({"type": "object", "additionalProperties": False}, "map"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "boolean"),
        ({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "x"}]}, "whole number"),
    ],
)
def test_what_a_schema_allows_in_words(schema, text):
    assert kind_text(schema) == text
