"""`redflow events`: the newest ones as rows or CloudEvents, and following one execution."""

import json

import pytest

from redflow.cli import events as module

TYPES = [
    "workflow.started",
    "step.started",
    "step.completed",
    "step.started",
    "step.completed",
    "workflow.completed",
]


@pytest.fixture
def shop(console):
    """Return a command line in whose namespace an execution has ended."""
    console.register()
    console("execute", "order", '{"amount": 42}', "--id", "paid")
    console.finish("paid")
    return console


def test_the_newest_ones(shop):
    result = shop("events")
    assert (result.code, result.err) == (0, "")
    assert [row[1] for row in result.rows] == TYPES
    assert {row[2] for row in result.rows} == {"paid"}
    assert result.rows[2][3] == "reserve"
    assert result.rows[2][4].startswith("attempt=1 queue=default ")


def test_only_some(shop):
    assert [row[1] for row in shop("events", "--limit", "1").rows] == ["workflow.completed"]
    chosen = shop("events", "-t", "step.completed", "--execution", "paid")
    assert [row[3] for row in chosen.rows] == ["reserve", "charge"]


def test_as_json(shop):
    found = shop("events", "-o", "json").json["events"]
    assert [one["type"] for one in found] == [f"dev.redflow.{name}" for name in TYPES]
    assert {one["source"] for one in found} == {f"/redflow/{shop.namespace}"}


def test_following_ends_with_the_execution(shop):
    rows = shop("events", "--follow", "--execution", "paid").rows
    assert [row[1] for row in rows] == TYPES
    shop("execute", "order", '{"amount": 1}', "--id", "next")
    with shop.working():
        result = shop("events", "-f", "--execution", "next", "-o", "json")
    told = [json.loads(line) for line in result.out.splitlines()]
    assert [one["type"].removeprefix("dev.redflow.") for one in told] == TYPES
    assert len({one["id"] for one in told}) == len(TYPES)


def test_nothing_is_there(console):
    console("namespace", "create")
    result = console("events")
    assert (result.code, result.out) == (0, "")
    assert "no such event is kept" in result.err
    assert console("events", "--follow", "--execution", "nope").code == 3
    assert console("events", "--type", "step.faild").code == 2


def test_interrupted(shop, monkeypatch):
    async def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_follow", interrupted)
    result = shop("events", "--follow")
    assert (result.code, result.out) == (130, "")
    assert "redflow events --follow" in result.err
