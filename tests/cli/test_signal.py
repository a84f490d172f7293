"""`redflow signal send`: what it prints, and what it refuses."""

import pytest

from tests.cli.kit import APPROVAL, ORDER


@pytest.fixture
def shop(console):
    """Return a command line with an execution of APPROVAL that nobody works on."""
    console.register(ORDER, APPROVAL)
    console("execute", "approval", '{"amount": 42}', "--id", "e-1")
    return console


def send(shop, *arguments, **options):
    return shop("signal", "send", "e-1", "approve", *arguments, **options)


def test_a_signal_reaches_the_step_that_waits(shop):
    shop.wait("e-1", "approve")
    assert send(shop, '{"by": "ada"}').out == "delivered\n"
    shop.finish("e-1")
    steps = shop("execution", "show", "e-1", "--steps", "-o", "json").json["steps"]
    assert {step["status"] for step in steps} == {"COMPLETED"}


def test_a_signal_that_comes_early_is_kept(shop):
    assert send(shop, '{"amount": 7}', "-o", "json").json == {
        "id": "e-1",
        "node": "approve",
        "delivery": "buffered",
    }
    shop.finish("e-1")
    assert shop("execution", "show", "e-1", "--output", "-o", "json").json["output"] == {"paid": 7}


def test_one_id_counts_once(shop):
    deliveries = [send(shop, "1", "--id", "mail-4711").out for _ in range(2)]
    assert deliveries == ["buffered\n", "duplicate\n"]


def test_the_data_come_from_a_file_or_standard_input_or_are_null(shop, tmp_path):
    (tmp_path / "data.json").write_text('{"by": "ada"}')
    assert send(shop, f"@{tmp_path / 'data.json'}").code == 0
    assert send(shop, "-", stdin='{"by": "ada"}').code == 0
    assert send(shop).code == 0


def test_an_execution_that_has_ended_is_exit_code_8(shop):
    shop("execution", "cancel", "e-1", "--yes")
    result = send(shop, "1")
    assert (result.code, result.out) == (8, "")
    assert "cannot send signal 'approve': execution 'e-1' is CANCELLED" in result.err
    assert send(shop, "1", "-o", "json").error["code"] == "Conflict"


def test_an_unknown_execution_is_exit_code_3(shop):
    result = shop("signal", "send", "none", "approve", "1", "-o", "json")
    assert (result.code, result.error["code"]) == (3, "NotFound")


def test_a_signal_that_no_node_waits_for_names_those_that_are(shop):
    result = shop("signal", "send", "e-1", "charge", "1")
    assert result.code == 2
    assert "waits for no signal 'charge'" in result.err
    assert "hint: it waits for approve" in result.err


@pytest.mark.parametrize(
    ("arguments", "field"),
    [(("{",), "data"), (("1", "--id", ""), "signal_id"), (("@none.json",), "input")],
)
def test_bad_input_is_exit_code_2(shop, arguments, field):
    result = send(shop, *arguments, "-o", "json")
    assert (result.code, result.error["field"]) == (2, field)
