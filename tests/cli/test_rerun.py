"""`redflow execution rerun`: what runs again and what is kept, before and after it starts."""

import pytest

from redflow.model.workflow import Workflow
from tests.cli.kit import APPROVAL, ORDER

LONGER = (
    Workflow.builder("order")
    .add_node("reserve", "function", function="reserve")
    .add_node("charge", "function", function="charge")
    .connect("reserve", "charge")
    .add_node("thank", "log", message="thanks")
    .connect("charge", "thank")
    .build()
)


@pytest.fixture
def shop(console):
    """Return a command line with ended executions.

    `paid` completed, `declined` failed and was undone, `stuck` failed and could not be undone.
    """
    console.register(ORDER, APPROVAL)
    console("execute", "order", '{"amount": 42}', "--id", "paid")
    for id, amount in (("declined", -1), ("stuck", -2)):
        console("execute", "approval", f'{{"amount": {amount}}}', "--id", id)
        console("signal", "send", id, "approve", "{}")
    console.finish("paid", "declined", "stuck")
    return console


def rerun(shop, *arguments, **options):
    return shop("execution", "rerun", *arguments, **options)


def test_the_new_id_alone_is_printed(shop):
    result = rerun(shop, "declined", "--input", '{"amount": 5}')
    assert (result.code, result.out, result.err) == (0, "declined~r1\n", "")
    shop("signal", "send", "declined~r1", "approve", "{}")
    shop.finish("declined~r1")
    new = shop("execution", "show", "declined~r1", "--output", "-o", "json").json
    assert (new["origin"], new["output"]) == ("declined", {"paid": 5})
    rows = shop("execution", "show", "declined").rows
    assert ["rerun as", "declined~r1"] in rows


def test_json_says_what_it_came_from(shop):
    assert rerun(shop, "paid", "--from", "charge", "-o", "json").json == {
        "id": "paid~r1",
        "origin": "paid",
        "namespace": shop.namespace,
    }


def test_the_plan_as_lines(shop):
    result = rerun(shop, "paid", "--from", "charge", "--dry-run")
    assert result.rows == [
        ["reserve", "kept", "COMPLETED", ""],
        ["charge", "runs again", "COMPLETED", ""],
    ]
    assert result.err == "1 run again, 1 are kept: version 1\n"
    assert shop("execution", "show", "paid~r1").code == 3


def test_the_plan_as_a_table_tells_what_was_undone(shop):
    head, first, *_ = rerun(shop, "declined", "--dry-run", "-o", "table").out.splitlines()
    assert head.split() == ["STEP", "PLAN", "WAS", "NOTE"]
    assert first.split() == "reserve runs again COMPLETED was undone".split()


def test_the_plan_tells_what_a_failure_would_undo(shop):
    shop("execute", "approval", '{"amount": 1}', "--id", "kept")
    shop.wait("kept", "approve")
    shop("signal", "send", "kept", "approve", "{}")
    shop.finish("kept")
    rows = rerun(shop, "kept", "--from", "charge", "--dry-run").rows
    assert rows[0] == ["reserve", "kept", "COMPLETED", "undone if the rerun fails"]


def test_the_plan_as_json(shop):
    plan = rerun(shop, "stuck", "--dry-run", "-o", "json").json
    assert plan == {
        "id": "stuck~r1",
        "origin": "stuck",
        "version": 1,
        "run": ["reserve", "approve", "charge"],
        "keep": [],
        "undone": [],
        "not_undone": ["reserve"],
        "undo": [],
    }
    assert rerun(shop, "declined", "--dry-run", "-o", "json").json["undone"] == ["reserve"]


def test_the_compensations_that_failed_run_again(shop):
    rows = rerun(shop, "stuck", "--compensation", "--dry-run").rows
    assert rows[-1] == ["reserve~undo", "runs again", "FAILED", ""]
    assert rows[0] == ["reserve", "kept", "COMPLETED", "was to be undone, which failed"]
    assert rerun(shop, "stuck", "--compensation").out == "stuck~r1\n"
    shop.finish("stuck~r1")
    ended = shop("execution", "show", "stuck~r1", "-o", "json").json
    assert (ended["status"], ended["failed_compensations"]) == ("FAILED", ["reserve"])
    assert [step["attempt"] for step in ended["undo"]] == [1]


def test_a_node_of_another_version_was_nothing_before(shop):
    shop.register(LONGER)
    rows = rerun(shop, "paid", "--version", "2", "--dry-run").rows
    assert rows == [
        ["reserve", "kept", "COMPLETED", ""],
        ["charge", "kept", "COMPLETED", ""],
        ["thank", "runs again", "", ""],
    ]


def test_what_has_not_ended_is_exit_code_8(shop):
    shop("execute", "order", "--id", "live")
    for line in (("live",), ("live", "--dry-run")):
        result = rerun(shop, *line, "-o", "json")
        assert (result.code, result.error["code"]) == (8, "Conflict")
        assert "it has not ended" in result.error["message"]


def test_what_is_not_there_is_exit_code_3(shop):
    for line in (("none",), ("none", "--dry-run"), ("paid", "--version", "9")):
        result = rerun(shop, *line, "-o", "json")
        assert (result.code, result.error["code"]) == (3, "NotFound")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (("paid", "--from", "chrage"), "from_node"),
        (("paid", "--from", "charge", "--compensation"), "compensation"),
        (("paid", "--compensation"), "compensation"),
        (("paid", "--input", "{"), "input"),
        (("paid", "--version", "0"), "version"),
    ],
)
def test_bad_input_is_exit_code_2(shop, line, field):
    result = rerun(shop, *line, "-o", "json")
    assert (result.code, result.error["field"]) == (2, field)
