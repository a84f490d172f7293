"""`redflow schedule`: what is added, shown, listed, paused, run and removed, and what it prints."""

import pytest

from redflow.client import Client
from redflow.model.workflow import Workflow


def client_of(console) -> Client:
    return Client(console.connector, namespace=console.namespace)


@pytest.fixture
def shop(console):
    """Return a command line in a namespace with a workflow `report`."""
    workflow = Workflow.builder("report").add_node("a", "function", function="f").build()
    with client_of(console) as client:
        client.register_workflow(workflow, partitions=2)
    return console


NIGHTLY = ("schedule", "add", "nightly", "report", "0 2 * * *")


def fields(result) -> dict[str, str]:
    assert (result.code, result.err) == (0, "")
    return {row[0]: row[1] for row in result.rows}


def test_add_shows_what_is_kept(shop):
    shown = fields(
        shop(*NIGHTLY, '{"a": 1}', "--timezone", "Europe/Berlin", "--overlap", "skip",
             "--catch-up", "all", "--jitter", "30s", "--label", "team=pay")
    )  # fmt: skip
    assert {name: shown[name] for name in ("schedule", "workflow", "cron", "timezone")} == {
        "schedule": "nightly", "workflow": "report", "cron": "0 2 * * *",
        "timezone": "Europe/Berlin",
    }  # fmt: skip
    assert [shown[name] for name in ("overlap", "catch_up", "jitter")] == ["skip", "all", "30.0"]
    assert fields(shop("schedule", "show", "nightly")) == shown


def test_show_as_json(shop):
    shop(*NIGHTLY)
    found = shop("-o", "json", "schedule", "show", "nightly").json
    assert (found["schedule"], found["overlap"], found["paused"]) == ("nightly", "allow", None)
    assert found["next_at"].endswith("T02:00:00.000Z")


def test_they_are_listed_by_id(shop):
    assert "no schedule in namespace" in shop("schedule", "list").err
    shop("schedule", "add", "b", "report", "* * * * *")
    shop("schedule", "add", "a", "report", "@daily")
    assert [row[:3] for row in shop("schedule", "list").rows] == [
        ["a", "report", "@daily"],
        ["b", "report", "* * * * *"],
    ]
    assert [
        one["schedule"] for one in shop("-o", "json", "schedule", "list").json["schedules"]
    ] == [
        "a",
        "b",
    ]


def test_pause_and_resume(shop):
    shop(*NIGHTLY)
    paused = shop("schedule", "pause", "nightly", "--reason", "it is wrong")
    assert paused.rows == [["schedule", "nightly"], ["paused", "yes"]]
    assert "it is wrong" in fields(shop("schedule", "show", "nightly"))["paused"]
    assert shop("-o", "json", "schedule", "resume", "nightly").json == {
        "schedule": "nightly",
        "paused": False,
    }
    assert "paused" not in fields(shop("schedule", "show", "nightly"))


def test_run_prints_the_execution(shop):
    shop(*NIGHTLY, '{"a": 1}')
    started = fields(shop("schedule", "run", "nightly"))
    with client_of(shop) as client:
        assert client.get_execution(started["execution"]).input == {"a": 1}
    again = shop("-o", "json", "schedule", "run", "nightly").json
    assert again["execution"].startswith("nightly.")


def test_next_prints_times_in_the_time_zone(shop):
    shop("schedule", "add", "s", "report", "0 2 1 1 *", "--timezone", "Asia/Tokyo")
    times = shop("schedule", "next", "s", "--count", "2").rows
    assert [row[0][4:] for row in times] == ["-01-01T02:00:00+09:00"] * 2
    assert len(shop("-o", "json", "schedule", "next", "s").json["next"]) == 5


def test_rm_asks_and_removes(shop):
    shop(*NIGHTLY)
    assert shop("schedule", "rm", "nightly").code == 2
    assert shop("schedule", "rm", "nightly", "--yes").rows[1] == ["removed", "yes"]
    gone = shop("schedule", "show", "nightly")
    assert (gone.code, "schedule 'nightly' is not in namespace" in gone.err) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("s", "report", "0 2 * *"), 2, "it has 4 fields"),
        (("s", "report", "0 0 31 2 *"), 2, "no such date ever comes"),
        (("s", "report", "* * * * *", "--timezone", "Mars/Base"), 2, "time zone"),
        (("s", "report", "* * * * *", "--jitter", "2m"), 2, "jitter"),
        (("s", "other", "* * * * *"), 3, "'other'"),
    ],
)
def test_what_cannot_be_added(shop, arguments, code, said):
    result = shop("schedule", "add", *arguments)
    assert (result.code, said in result.err) == (code, True)
