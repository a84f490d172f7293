"""`redflow execution cancel|fail|pause|resume|skip`: what they print, do, and refuse."""

import pytest

from tests.cli.kit import APPROVAL, ORDER


@pytest.fixture
def shop(console):
    """Return a command line with `live`, which nobody works on, and `done`, which has ended."""
    console.register(ORDER, APPROVAL)
    console("execute", "order", '{"amount": 42}', "--id", "done")
    console.finish("done")
    console("execute", "approval", '{"amount": 42}', "--id", "live")
    return console


def shown(shop, id="live"):
    return shop("execution", "show", id, "--steps", "--output", "-o", "json").json


def test_cancel(shop):
    result = shop("execution", "cancel", "live", "--reason", "ordered twice", "--yes")
    assert (result.code, result.err) == (0, "")
    assert result.rows == [["live", "CANCELLED", "done"]]
    assert shown(shop)["cancel_reason"] == "ordered twice"


def test_cancel_as_a_table(shop):
    result = shop("execution", "cancel", "live", "--yes", "-o", "table")
    head, row = result.out.splitlines()
    assert head.split() == ["ID", "STATUS", "PHASE"]
    assert row.split() == ["live", "CANCELLED", "done"]


def test_what_was_done_is_undone(shop):
    shop.wait("live", "approve")
    result = shop("execution", "cancel", "live", "--yes", "-o", "json")
    assert result.json == {"id": "live", "status": "RUNNING", "phase": "compensating"}
    shop.finish("live")
    assert shown(shop)["compensation"] == "completed"


def test_fail(shop):
    result = shop("execution", "fail", "live", "the warehouse burned down", "--yes", "-o", "json")
    assert result.json == {"id": "live", "status": "FAILED", "phase": "done"}
    failed = shown(shop)
    assert failed["error"]["message"] == "the warehouse burned down"
    assert failed["error"]["reason"] == "operator"
    assert failed["failed_node"] is None


def test_pause_and_resume(shop):
    paused = shop("execution", "pause", "live", "--reason", "waiting for legal")
    assert paused.rows == [["live", "RUNNING", "paused"]]
    assert "waiting for legal" in shop("explain", "live").out
    assert shop("execution", "pause", "live", "-o", "json").json["phase"] == "paused"
    assert shop("execution", "resume", "live", "-o", "json").json["phase"] == "running"


def test_skip(shop):
    result = shop("execution", "skip", "live", "reserve", "--output", '{"amount": 7}', "--yes")
    assert result.rows == [["live", "RUNNING", "running"]]
    step = shown(shop)["steps"][0]
    assert (step["status"], step["reason"]) == ("SKIPPED", "operator")
    shop("signal", "send", "live", "approve", '{"by": "ada"}')
    shop.finish("live")
    assert shown(shop)["output"] == {"paid": 7}
    table = shop("execution", "show", "live", "--steps", "-o", "table").out
    assert "by an operator" in table


def test_skip_takes_the_output_from_a_file_or_standard_input(shop, tmp_path):
    (tmp_path / "output.json").write_text('{"amount": 3}')
    line = ("execution", "skip", "live", "reserve", "--yes", "--output")
    assert shop(*line, f"@{tmp_path / 'output.json'}").code == 0
    refused = shop(
        *line,
        "-",
        stdin="{",
    )
    assert (refused.code, refused.err[:27]) == (2, "error: standard input is no")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("cancel", "done"), "cannot cancel: execution 'done' is COMPLETED in the phase done"),
        (("fail", "done", "x"), "cannot fail: execution 'done'"),
        (("skip", "done", "charge"), "cannot skip node 'charge': execution 'done'"),
        (
            ("skip", "live", "charge"),
            "cannot skip node 'charge' of execution 'live': it is not rea",
        ),
    ],
)
def test_what_comes_too_late_or_early_is_exit_code_8(shop, line, said):
    result = shop("execution", *line, "--yes")
    assert (result.code, result.out) == (8, "")
    assert said in result.err
    assert "hint: " in result.err
    assert shop("execution", *line, "--yes", "-o", "json").error["code"] == "Conflict"


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_pausing_what_has_ended_is_exit_code_8(shop, verb):
    result = shop("execution", verb, "done", "-o", "json")
    assert (result.code, result.error["code"]) == (8, "Conflict")


@pytest.mark.parametrize(
    "line",
    [
        ("cancel", "none", "--yes"),
        ("fail", "none", "x", "--yes"),
        ("pause", "none"),
        ("resume", "none"),
        ("skip", "none", "charge", "--yes"),
    ],
)
def test_an_unknown_execution_is_exit_code_3(shop, line):
    result = shop("execution", *line, "-o", "json")
    assert (result.code, result.out) == (3, "")
    assert "'none' does not exist" in result.error["message"]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (("skip", "live", "chrage", "--yes"), "node"),
        (("skip", "live", "reserve", "--label", "fast", "--yes"), "label"),
        (("skip", "live", "reserve", "--output", "{", "--yes"), "output"),
        (("cancel", "a b", "--yes"), "id"),
        (("cancel", "live", "--reason", "x" * 5000, "--yes"), "reason"),
    ],
)
def test_bad_input_is_exit_code_2(shop, line, field):
    result = shop("execution", *line, "-o", "json")
    assert (result.code, result.error["field"]) == (2, field)


@pytest.mark.parametrize(
    "line",
    [("cancel", "live"), ("fail", "live", "x"), ("skip", "live", "reserve")],
)
def test_without_a_terminal_they_need_yes(shop, line):
    result = shop("execution", *line, "-o", "json")
    assert (result.code, result.out) == (2, "")
    assert result.error["field"] == "yes"
    assert result.error["hint"] == "add --yes"
    assert shown(shop)["phase"] == "running"
