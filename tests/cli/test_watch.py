"""`redflow watch`: progress until the end, and the exit code of the outcome."""

import pytest

from redflow.errors import ExecutionCancelled


@pytest.fixture
def shop(console):
    console.register()
    console("execute", "order", '{"amount": 42}', "--id", "paid")
    console("execute", "order", '{"amount": -1}', "--id", "refused")
    return console


def test_watch_until_the_end(shop):
    with shop.working():
        result = shop("watch", "paid")
    assert result.code == 0
    assert "  charge  COMPLETED" in result.out
    assert result.out.splitlines()[-1].endswith("order v1  paid  COMPLETED")
    assert result.err.startswith("COMPLETED after ")


def test_watch_what_has_ended(shop):
    shop.finish("paid")
    result = shop("watch", "paid")
    assert result.code == 0
    assert len(result.out.splitlines()) == 3


def test_watch_a_failure(shop):
    shop.finish("refused")
    result = shop("watch", "refused")
    assert result.code == 4
    assert "charge  FAILED" in result.out
    assert "amount is -1" in result.err
    assert "hint: see redflow execution show refused" in result.err


def test_watch_as_json(shop):
    shop.finish("paid", "refused")
    paid = shop("watch", "paid", "-o", "json")
    assert paid.json["status"] == "COMPLETED"
    assert paid.json["output"] == {"paid": 42}
    assert [step["node_id"] for step in paid.json["steps"]] == ["reserve", "charge"]
    refused = shop("watch", "refused", "-o", "json")
    assert refused.code == 4
    assert refused.json["status"] == "FAILED"
    assert refused.err.splitlines()[-1].startswith('{"error": {"code": "ExecutionFailed"')


def test_a_cancelled_execution_is_exit_code_5(shop, monkeypatch):
    shop.finish("paid")

    def cancelled(self, timeout=None):
        raise ExecutionCancelled(self.id, "by hand")

    monkeypatch.setattr("redflow.client.Handle.result", cancelled)
    result = shop("watch", "paid")
    assert result.code == 5
    assert "was cancelled: by hand" in result.err


def test_ctrl_c_stops_watching_only(shop, monkeypatch):
    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("redflow.cli.watch.time.sleep", interrupted)
    result = shop("watch", "paid")
    assert result.code == 130
    assert "watching stopped; execution paid goes on\nhint: redflow watch paid" in result.err
    assert shop("execution", "list", "--status", "RUNNING", "-o", "json").code == 0
