"""`redflow execute`: the id alone in a pipe, the output and the outcome with --wait."""

from datetime import UTC, datetime, timedelta

import pytest

from redflow.cli.base import State
from redflow.driver.backoff import Attempts
from tests.cli.kit import call


def test_the_id_alone_is_printed(console):
    console.register()
    result = console("execute", "order", '{"amount": 42}')
    assert result.code == 0
    assert result.err == ""
    console.finish(result.out.strip())
    assert console("execution", "show", result.out.strip()).rows[0] == ["id", result.out.strip()]


def test_a_second_start_with_the_same_id_answers_the_first(console):
    console.register()
    for _ in range(2):
        assert console("execute", "order", "1", "--id", "e-1").out == "e-1\n"
    for arguments in (["--id", "e-1"], ["--id", "e-1", "--label", "a=b"]):
        conflict = console("execute", "order", "2", *arguments)
        assert conflict.code == 8
        assert "'e-1' exists" in conflict.err
    keys = [console("execute", "order", "--idempotency-key", "k").out for _ in range(2)]
    assert keys[0] == keys[1]
    assert keys[0].startswith("k-")


def test_json_says_where_it_runs(console):
    console.register()
    result = console("execute", "order", "1", "--id", "e-1", "-o", "json")
    assert result.json == {"id": "e-1", "workflow": "order", "namespace": console.namespace}


def test_input_labels_and_version_arrive(console, tmp_path):
    console.register()
    (tmp_path / "order.json").write_text('{"amount": 1}')
    labels = ["--label", "team=pay", "--label", "tier="]
    file = f"@{tmp_path / 'order.json'}"
    assert console("execute", "order", file, "--id", "a", "--version", "1", *labels).code == 0
    assert console("execute", "order", "-", "--id", "b", stdin='{"amount": 2}').code == 0
    assert console("execute", "order", "--id", "c").code == 0
    shown = [
        console("execution", "show", one, "--input", "-o", "json").json for one in ("a", "b", "c")
    ]
    assert [one["input"] for one in shown] == [{"amount": 1}, {"amount": 2}, None]
    assert shown[0]["labels"] == {"team": "pay", "tier": ""}


def test_waiting_prints_the_output(console):
    console.register()
    with console.working():
        result = console("execute", "order", '{"amount": 42}', "--wait", "--id", "e-1")
    assert (result.code, result.out) == (0, '{"paid": 42}\n')
    assert result.err == "execution e-1\n"


def test_waiting_as_json(console):
    console.register()
    with console.working():
        result = console("execute", "order", "--wait", "--id", "e-1", "-o", "json")
    assert result.json == {
        "id": "e-1",
        "workflow": "order",
        "namespace": console.namespace,
        "status": "COMPLETED",
        "output": {"paid": 0},
    }
    assert result.err == ""


def test_a_failed_execution_is_exit_code_4(console):
    console.register()
    with console.working():
        result = console("execute", "order", '{"amount": -1}', "--wait", "--id", "e-1")
        again = console("execute", "order", '{"amount": -1}', "--wait", "--id", "e-1", "-o", "json")
    assert (result.code, result.out) == (4, "")
    assert "failed at node 'charge'" in result.err
    assert "amount is -1" in result.err
    assert "hint: see redflow execution show e-1" in result.err
    assert again.code == 4
    assert again.error["code"] == "ExecutionFailed"
    assert (again.error["execution_id"], again.error["node"]) == ("e-1", "charge")


def test_an_execution_that_goes_on_is_exit_code_6(console):
    console.register()
    result = console("execute", "order", "--wait", "--wait-timeout", "50ms", "--id", "e-1")
    assert (result.code, result.out) == (6, "")
    assert "'e-1' has not ended within 0.05 s" in result.err
    assert console("execution", "show", "e-1").rows[3] == ["status", "RUNNING"]


def test_it_begins_later(console):
    console.register()
    ahead = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    assert console("execute", "order", "--at", ahead.isoformat(), "--id", "a").code == 0
    assert console("execute", "order", "--delay", "2h", "--id", "b").code == 0
    shown = [console("execution", "show", one, "-o", "json").json for one in ("a", "b")]
    assert [(one["status"], one["phase"]) for one in shown] == [("PENDING", "scheduled")] * 2
    assert datetime.fromisoformat(shown[0]["scheduled_for"]) == ahead
    assert console("explain", "b").rows[0][1] == "scheduled"


def test_what_lies_behind_begins_now(console):
    console.register()
    console("execute", "order", "--at", "2001-01-01T00:00:00Z", "--id", "a")
    assert console("execution", "show", "a", "-o", "json").json["phase"] == "running"


def test_its_time_is_limited(console):
    console.register()
    console("execute", "order", "--timeout", "30m", "--id", "e-1")
    assert console("execution", "show", "e-1", "-o", "json").json["timeout"] == 1800
    assert ["timeout", "1800.0"] in console("execution", "show", "e-1").rows


def test_ctrl_c_stops_waiting_only(console, monkeypatch):
    console.register()

    def interrupted(self, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr("redflow.client.Handle.result", interrupted)
    result = console("execute", "order", "--wait", "--id", "e-1")
    assert result.code == 130
    assert "waiting stopped; execution e-1 goes on\nhint: redflow watch e-1" in result.err


@pytest.mark.parametrize("workflow", ["order", "other"])
def test_what_is_not_registered_is_exit_code_3(console, workflow):
    if workflow == "other":
        console.register()
    result = console("execute", workflow, "1")
    assert result.code == 3
    assert "does not exist" in result.err or "is not registered" in result.err
    assert "hint: " in result.err


def test_an_unknown_version_is_exit_code_3(console):
    console.register()
    assert console("execute", "order", "--version", "7", "-o", "json").error["code"] == "NotFound"


def test_a_server_that_is_not_there_is_exit_code_7(monkeypatch, tmp_path):
    def once(*what, deadline, timer):
        return Attempts(*what, deadline=0.0, timer=timer)

    monkeypatch.setattr("redflow.driver._sync.Attempts", once)
    state = State(url=f"unix://{tmp_path}/none.sock")
    result = call("execute", "order", "1", "-o", "json", state=state)
    assert result.code == 7
    assert result.error["code"] == "Unavailable"
    assert "none.sock" in result.error["message"]
