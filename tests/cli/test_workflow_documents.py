"""`redflow workflow`: documents in YAML, drawings, and the documents of another engine."""

import json

import pytest

from redflow.model.workflow import Workflow
from tests.cli.kit import APPROVAL, ORDER, call

PAREVO = {
    "id": "hello",
    "version": 2,
    "nodes": [
        {"id": "wait", "type": "wait", "config": {"duration": "1h30m"}},
        {"id": "say", "type": "log", "config": {"message": "🎉 {{.name}}"}},
    ],
    "edges": [{"sourceId": "wait", "targetId": "say"}],
}


@pytest.fixture
def file(tmp_path):
    """Return what writes a text and names its file."""

    def write(text: str, name: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


@pytest.mark.parametrize("name", ["order.yaml", "order.YML"])
def test_register_yaml(console, file, name):
    document = file(ORDER.to_yaml(), name)
    assert console("workflow", "register", document).rows == [["order", "1", "ACTIVE", "2"]]
    shown = console("workflow", "show", "order", "-o", "yaml")
    assert Workflow.from_yaml(shown.out).content_hash == ORDER.content_hash


def test_yaml_is_told_by_the_name_alone(file):
    assert "this is not JSON" in call("workflow", "validate", file("id: w\n", "order.json")).out


def test_validate_yaml_names_the_line(file):
    document = file("id: w\nnodes:\n  a:\n    type: no_such\n", "w.yaml")
    result = call("workflow", "validate", document)
    assert result.code == 11
    assert result.out.startswith(f"{document}:/nodes/a/type  the type 'no_such' is unknown")
    assert result.out.endswith("(line 4, column 5)\n")
    assert "(line 1, column 4)" in call("workflow", "validate", file("a: ]", "x.yaml")).out


def test_show_draws(console):
    console.register(APPROVAL)
    assert console("workflow", "show", "approval", "-o", "mermaid").out == APPROVAL.to_mermaid()
    assert console("workflow", "show", "approval", "--format", "dot").out == APPROVAL.to_dot()


def test_show_still_takes_the_global_formats(console):
    console.register()
    assert console("-o", "json", "workflow", "show", "order").json["id"] == "order"
    assert console("workflow", "show", "order", "-o", "json").json["definition"]["id"] == "order"
    assert "NODE" in console("workflow", "show", "order", "-o", "table").out


def test_other_commands_do_not_draw():
    result = call("workflow", "list", "-o", "yaml")
    assert result.code == 2
    assert "yaml" in result.err


def test_convert(file):
    document = file(json.dumps(PAREVO), "hello.json")
    result = call("workflow", "convert", document)
    assert result.code == 0
    assert Workflow.from_json(result.out) == Workflow.from_parevo(PAREVO)
    assert result.err.splitlines() == [
        f"{document}:/version: registration counts versions; dropped",
        f"{document}:/nodes: 2 of them say nothing of retries and run once; parevo/flow ran such"
        " nodes up to 3 times",
        f"{document}:/nodes/0/config/duration: '1h30m' is 90m here",
        f"{document}:/nodes/1/config/message: '\\U0001f389 {{{{.name}}}}' is"
        " '\\U0001f389 ${input.name}' here",
    ]


def test_convert_to_yaml(file):
    document = file(json.dumps(PAREVO), "hello.json")
    result = call("workflow", "convert", document, "--from", "parevo", "-o", "yaml")
    assert result.out == Workflow.from_parevo(PAREVO).to_yaml()


def test_what_would_control_the_terminal_is_escaped(file):
    hostile = {**PAREVO, "name": "a\u202eb\x1b[2J"}
    result = call("workflow", "convert", file(json.dumps(hostile), "h.json"), "-o", "yaml")
    assert "\u202e" not in result.out
    assert Workflow.from_yaml(result.out).name == "a\u202eb\x1b[2J"


def test_convert_what_cannot_be_converted(file):
    broken = {**PAREVO, "edges": [{"sourceId": "wait", "targetId": "gone"}]}
    document = file(json.dumps(broken), "hello.json")
    result = call("workflow", "convert", document, "-o", "json")
    assert (result.code, result.out) == (11, "")
    assert [one["pointer"] for one in result.error["problems"]] == ["/edges/0/targetId"]
    assert result.error["hint"] == f"in {document}; nothing was converted"


def test_convert_from_what_is_not_known(file):
    result = call("workflow", "convert", file("{}", "a.json"), "--from", "other")
    assert result.code == 2
    assert "parevo" in result.err
