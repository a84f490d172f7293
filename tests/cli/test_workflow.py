"""`redflow workflow` and `redflow namespace`: register, list, show, validate, create."""

import json

import pytest

from redflow.model.workflow import Workflow
from tests.cli.kit import ORDER, call

SECOND = (
    Workflow.builder("order", "Order, with a note")
    .add_node("charge", "function", function="charge")
    .with_retry(3)
    .with_timeout("5m")
    .with_queue("gpu")
    .add_node("note", "log", message="it failed")
    .connect_on("charge", "note", "failure")
    .build()
)
BAD = {
    "id": "bad",
    "nodes": {
        "a": {"type": "log", "config": {"massage": "x"}},
        "b": {"type": "no_such", "needs": ["a", "c"]},
    },
}
APP = """
from redflow import Engine, Workflow

engine = Engine.memory()

@engine.function(labels=["fast", "slow"])
def choose(order):
    return order

parcel = (
    Workflow.builder("parcel")
    .add_node("choose", "function", function="choose", labels=["fast", "slow"])
    .add_node("send", "log", message="sent")
    .connect_if("choose", "send", "fast")
    .build()
)
"""


@pytest.fixture
def file(tmp_path):
    """Return what writes a document and names its file."""

    def write(document, name="order.json"):
        text = document if isinstance(document, str) else json.dumps(document)
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


@pytest.fixture
def app(tmp_path, monkeypatch):
    """Return the name of an application in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"app_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(APP)
    return f"{name}:engine"


# Register


def test_register_a_file(console, file):
    document = file(ORDER.to_document())
    assert console("workflow", "register", document).rows == [["order", "1", "ACTIVE", "2"]]
    assert console("workflow", "register", document).rows == [["order", "1", "ACTIVE", "2"]]
    second = console("workflow", "register", file(SECOND.to_document()), "-o", "json").json
    assert [(one["id"], one["version"]) for one in second["workflows"]] == [("order", 2)]
    assert console("execute", "order").code == 0


def test_register_an_application(console, app):
    assert console("workflow", "register", "-A", app).rows == [["parcel", "1", "ACTIVE", "2"]]


def test_register_a_file_against_an_application(console, app, file):
    unknown = {"id": "x", "nodes": {"a": {"type": "function", "config": {"function": "other"}}}}
    result = console("workflow", "register", file(unknown), "-A", app)
    assert result.code == 11
    assert "function 'other' is not registered" in result.err
    assert console("workflow", "register", file(unknown)).code == 0


def test_nothing_is_registered_when_one_of_several_is_wrong(console, file):
    good, bad = file(ORDER.to_document()), file(BAD, "bad.json")
    result = console("workflow", "register", good, bad, "-o", "json")
    assert result.code == 11
    assert [one["pointer"] for one in result.error["problems"]]
    assert "bad.json; nothing was registered" in result.error["hint"]
    assert console("workflow", "list").code == 3  # not even the namespace


def test_register_needs_something(console, app, tmp_path):
    assert "name a file, or -A" in console("workflow", "register").err
    empty = app.replace(":engine", "_2")
    (tmp_path / f"{empty}.py").write_text("from redflow import Engine\nengine = Engine.memory()")
    result = console("workflow", "register", "-A", f"{empty}:engine")
    assert result.code == 2
    assert "binds no Workflow" in result.err


def test_register_without_a_server(app, file):
    result = call("workflow", "register", "-A", app)
    assert result.code == 2
    assert "keeps its data in its own process" in result.err
    assert "no Redis URL" in call("workflow", "register", file(ORDER.to_document())).err


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": 1}', "null", '"x"'])
def test_register_what_is_no_document(console, file, text):
    result = console("workflow", "register", file(text), "-o", "json")
    assert result.code == 11
    assert result.error["code"] == "InvalidWorkflow"


# List and show


def test_list(console, file):
    assert console("workflow", "list").code == 3
    console.register(ORDER, SECOND)
    (row,) = console("workflow", "list").rows
    assert row[:4] == ["order", "2", "ACTIVE", "Order, with a note"]
    table = console("workflow", "list", "-o", "table").out.splitlines()
    assert table[0].split() == ["ID", "LATEST", "STATUS", "NAME", "UPDATED"]
    (one,) = console("workflow", "list", "-o", "json").json["workflows"]
    assert (one["id"], one["latest"], one["status"]) == ("order", 2, "ACTIVE")


def test_an_empty_list_says_so(console):
    console("namespace", "create")
    result = console("workflow", "list")
    assert (result.code, result.out) == (0, "")
    assert "redflow workflow register FILE" in result.err


def test_show(console):
    console.register(ORDER, SECOND)
    rows = console("workflow", "show", "order").rows
    assert ["version", "2"] in rows
    assert rows[-2:] == [
        ["charge", "function", "", "gpu", "3", "300.0"],
        ["note", "log", "charge on failure", "default", "1", ""],
    ]
    first = console("workflow", "show", "order", "--version", "1", "-o", "table").out
    assert "NODE     TYPE      NEEDS" in first
    assert "hash" in first


def test_show_as_json_holds_the_document(console, file):
    console.register(SECOND)
    shown = console("workflow", "show", "order", "-o", "json").json
    assert Workflow.from_document(shown["definition"]).content_hash == shown["content_hash"]


@pytest.mark.parametrize("arguments", [("none",), ("order", "--version", "9")])
def test_show_what_is_not_there(console, arguments):
    console.register()
    result = console("workflow", "show", *arguments)
    assert result.code == 3
    assert "hint: " in result.err


# Validate


def test_validate_a_good_document(file):
    result = call("workflow", "validate", file(ORDER.to_document()))
    assert (result.code, result.out, result.err) == (0, "", "1 valid\n")


def test_validate_names_file_place_and_problem(file):
    good, bad = file(ORDER.to_document()), file(BAD, "bad.json")
    result = call("workflow", "validate", good, bad)
    assert result.code == 11
    assert any(
        line.startswith(f"{bad}:/nodes/a/config") and "massage" in line
        for line in result.out.splitlines()
    )
    assert any(line.startswith(f"{bad}:/nodes/b/type  ") for line in result.out.splitlines())
    assert result.err.endswith("in 1 of 2\n")


def test_validate_as_json(file):
    bad = file(BAD)
    result = call("workflow", "validate", bad, "-o", "json")
    assert result.code == 11
    (report,) = result.json["files"]
    assert report["file"] == bad
    assert not report["valid"]
    assert {"pointer", "code", "message"} == set(report["problems"][0])


def test_validate_against_an_application(app, file):
    document = {
        "id": "x",
        "nodes": {
            "a": {"type": "function", "config": {"function": "choose"}},
            "b": {
                "type": "log",
                "config": {"message": "x"},
                "needs": [{"node": "a", "label": "fast"}],
            },
        },
    }
    assert call("workflow", "validate", file(document), "-A", app).code == 0
    assert call("workflow", "validate", file(document)).code == 11


def test_validate_a_file_that_is_not_there():
    result = call("workflow", "validate", "none.json", "-o", "json")
    assert result.code == 2
    assert "cannot be read" in result.error["message"]


# Namespaces


def test_create_a_namespace(console):
    assert console("namespace", "create", "--partitions", "4").rows == [
        ["namespace", console.namespace],
        ["partitions", "4"],
    ]
    assert console("namespace", "create", "-o", "json").json["partitions"] == 4
    result = console("namespace", "create", "--partitions", "8")
    assert result.code == 8
    assert "has 4 partitions, not 8" in result.err


def test_create_a_namespace_by_name(console):
    name = console.namespace
    console.namespace = "default"
    assert console("namespace", "create", name, "-o", "table").out.split() == [
        "namespace", name, "partitions", "16",
    ]  # fmt: skip
    assert console("-n", name, "namespace", "create", name).code == 0
