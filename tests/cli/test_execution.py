"""`redflow execution`: list and show, as lines, table and JSON."""

import json

import pytest

from redflow.model.workflow import Workflow
from tests.cli.kit import APPROVAL, ORDER

PARENT = (
    Workflow.builder("parent")
    .add_node("reserve", "function", function="reserve")
    .add_node("approval", "subworkflow", workflow="approval")
    .add_node("order", "subworkflow", workflow="order")
    .connect("reserve", "approval")
    .connect("reserve", "order")
    .build()
)


@pytest.fixture
def shop(console):
    """Return a command line whose namespace has two ended executions and one that waits."""
    console.register()
    console("execute", "order", '{"amount": 42}', "--id", "paid", "--label", "team=pay")
    console("execute", "order", '{"amount": -1}', "--id", "refused")
    console.finish("paid", "refused")
    console("execute", "order", '{"amount": 1}', "--id", "live", "--label", "team=pay")
    return console


def ids(result):
    assert result.code == 0
    return {one["id"] for one in result.json["executions"]}


def test_list_as_lines(shop):
    result = shop("execution", "list")
    rows = {row[0]: row for row in result.rows}
    assert set(rows) == {"paid", "refused", "live"}
    assert rows["paid"][1:4] == ["order", "1", "COMPLETED"]
    assert rows["refused"][6:] == ["charge", "ValueError: amount is -1"]
    assert rows["live"][5] == ""
    assert result.err == ""


def test_list_as_a_table(shop):
    result = shop("execution", "list", "-o", "table", "--status", "failed")
    head, row = result.out.splitlines()
    assert head.split() == "ID WORKFLOW VERSION STATUS STARTED TOOK FAILED AT ERROR".split()
    assert row.split()[:5] == ["refused", "order", "1", "FAILED", row.split()[4]]
    assert row.rstrip().endswith("charge     ValueError: amount is -1")


def test_list_as_json(shop):
    listed = shop("execution", "list", "--status", "FAILED", "-o", "json").json
    assert listed["cursor"] is None
    (one,) = listed["executions"]
    assert one["id"] == "refused"
    assert one["phase"] == "done"
    assert one["error"]["type"] == "ValueError"
    assert one["error"]["attempts"] == 1
    assert one["failed_node"] == "charge"
    assert one["created_at"].endswith("Z")


def test_list_filters(shop):
    def listed(*arguments):
        return ids(shop("execution", "list", "-o", "json", *arguments))

    assert listed("--label", "team=pay") == {"paid", "live"}
    assert listed("--status", "running") == {"live"}
    assert listed("--workflow", "other") == set()
    assert listed("--since", "1h") == {"paid", "refused", "live"}
    assert listed("--since", "2999-01-01T00:00:00Z") == set()


def test_list_in_pages(shop):
    seen, cursor = set(), []
    for _ in range(5):
        page = shop("execution", "list", "--limit", "1", "-o", "json", *cursor).json
        seen |= {one["id"] for one in page["executions"]}
        if page["cursor"] is None:
            break
        cursor = ["--cursor", page["cursor"]]
    assert seen == {"paid", "refused", "live"}
    text = shop("execution", "list", "--limit", "1")
    assert len(text.rows) == 1
    assert text.err.startswith("there may be more: add --cursor ")


def test_an_empty_list_says_so(shop):
    result = shop("execution", "list", "--status", "CANCELLED")
    assert (result.code, result.out) == (0, "")
    assert result.err == f"no such execution in namespace '{shop.namespace}'\n"


def test_show_as_lines(shop):
    result = shop("execution", "show", "paid", "--steps", "--input", "--output")
    fields = {row[0]: row[1:] for row in result.rows if row[0] != "step"}
    assert fields["status"] == ["COMPLETED"]
    assert fields["labels"] == ['{"team": "pay"}']
    assert fields["input"] == ['{"amount": 42}']
    assert fields["output"] == ['{"paid": 42}']
    steps = [row[1:5] for row in result.rows if row[0] == "step"]
    assert steps == [
        ["reserve", "function", "COMPLETED", "1"],
        ["charge", "function", "COMPLETED", "1"],
    ]


def test_show_as_a_table(shop):
    result = shop("execution", "show", "paid", "-o", "table", "--steps", "--output")
    assert "labels    team=pay\n" in result.out
    assert 'output:\n{\n  "paid": 42\n}\n' in result.out
    assert "STEP     TYPE      STATUS" in result.out


def test_show_as_json(shop):
    plain = shop("execution", "show", "refused", "-o", "json").json
    assert {"input", "output", "steps"} & set(plain) == set()
    full = shop("execution", "show", "refused", "-o", "json", "--steps", "--input", "--output").json
    assert full["input"] == {"amount": -1}
    assert full["output"] is None
    assert [step["status"] for step in full["steps"]] == ["COMPLETED", "FAILED"]
    assert full["steps"][1]["error"]["message"] == "amount is -1"
    assert {**full, **plain} == full


def test_an_unknown_execution_is_exit_code_3(shop):
    for line in (("execution", "show", "none"), ("watch", "none")):
        result = shop(*line, "-o", "json")
        assert (result.code, result.out) == (3, "")
        assert result.error["code"] == "NotFound"
        assert "'none' does not exist" in result.error["message"]


# What an execution waits for, what it started, what was undone


@pytest.fixture
def family(console):
    """Return a command line with an execution that waits for a child, which waits for a signal."""
    console.register(ORDER, APPROVAL, PARENT)
    console("execute", "parent", '{"amount": 42}', "--id", "p", "--timeout", "2h")
    console.wait("p.approval", "approve")
    return console


def document(shop, id, *arguments):
    return shop("execution", "show", id, "-o", "json", *arguments).json


def test_show_names_what_a_step_waits_for_and_until_when(family):
    (waiting,) = document(family, "p.approval")["waiting"]
    assert (waiting["node_id"], waiting["reason"]) == ("approve", "signal")
    assert waiting["waiting_for"] == "approve"
    assert waiting["until"].endswith("Z")
    lines = [row for row in family("execution", "show", "p.approval").rows if row[0] == "waiting"]
    assert lines == [["waiting", "approve", "signal approve", waiting["until"]]]
    table = family("execution", "show", "p.approval", "--steps", "-o", "table").out
    assert "WAITING  FOR             UNTIL" in table
    assert "approve  signal approve  in " in table
    assert "waits for signal approve, " in table


def test_show_links_parent_and_children(family):
    child = document(family, "p.approval")
    assert (child["parent"], child["parent_node"]) == ("p", "approval")
    rows = family("execution", "show", "p.approval").rows
    assert ["parent", "p"] in rows
    assert ["parent node", "approval"] in rows
    parent = family("execution", "show", "p").rows
    (children,) = [json.loads(row[1]) for row in parent if row[0] == "children"]
    assert children["approval"] == "p.approval"
    assert ["waiting", "approval", "execution p.approval", ""] in parent
    assert "approval=p.approval" in family("execution", "show", "p", "-o", "table").out


def test_children_are_named_after_the_end_with_steps(family):
    family("signal", "send", "p.approval", "approve", "{}")
    family.finish("p")
    assert document(family, "p")["children"] == {}
    assert document(family, "p", "--steps")["children"] == {
        "approval": "p.approval",
        "order": "p.order",
    }


def test_show_tells_why_it_was_cancelled_and_what_was_undone(family):
    family("execution", "cancel", "p.approval", "--reason", "ordered twice", "--yes")
    family.finish("p")
    shown = document(family, "p.approval")
    assert (shown["cancel_reason"], shown["compensation"]) == ("ordered twice", "completed")
    assert shown["failed_compensations"] == []
    assert [(one["node_id"], one["status"]) for one in shown["undo"]] == [
        ("reserve~undo", "COMPLETED")
    ]
    lines = family("execution", "show", "p.approval", "--steps").rows
    assert ["cancel reason", "ordered twice"] in lines
    assert [row[:4] for row in lines if row[0] == "undo"] == [
        ["undo", "reserve~undo", "function", "COMPLETED"]
    ]
    assert [row[1] for row in lines if row[0] == "step"] == ["reserve", "approve", "charge"]
    assert "UNDO" in family("execution", "show", "p.approval", "-o", "table").out
    assert document(family, "p", "--steps")["children"]["approval"] == "p.approval"


def test_show_lists_the_compensations_that_failed(console):
    console.register(APPROVAL)
    console("execute", "approval", '{"amount": -2}', "--id", "e-1")
    console("signal", "send", "e-1", "approve", "{}")
    console.finish("e-1")
    shown = document(console, "e-1")
    assert (shown["compensation"], shown["failed_compensations"]) == ("failed", ["reserve"])
    assert shown["undo"][0]["error"]["message"] == "it is gone"
    table = console("execution", "show", "e-1", "-o", "table").out
    assert "not undone    reserve\n" in table


def test_show_what_is_scheduled(console):
    console.register()
    console("execute", "order", "--delay", "2h", "--id", "e-1")
    shown = document(console, "e-1")
    assert (shown["status"], shown["phase"]) == ("PENDING", "scheduled")
    assert (shown["waiting"], shown["undo"]) == ([], [])
    assert "scheduled for  in " in console("execution", "show", "e-1", "-o", "table").out
