"""`redflow execution`: list and show, as lines, table and JSON."""

import pytest


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
