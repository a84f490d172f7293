"""`redflow workflow|queue|worker|namespace`: what operators see and switch."""

import pytest

from redflow.model.execution import EPOCH
from redflow.model.operations import WorkerInfo
from redflow.model.workflow import Workflow
from tests.cli.kit import ORDER

SECOND = Workflow.builder("order").add_node("reserve", "function", function="reserve").build()


@pytest.fixture
def shop(console):
    """Return a command line with two versions of a workflow."""
    console.register(ORDER, SECOND)
    return console


def paused(shop, execution):
    return shop("execution", "show", execution, "-o", "json").json["phase"] == "paused"


# Workflows


def test_activate_a_version(shop):
    assert shop("workflow", "activate", "order", "1").rows == [["order", "1", "ACTIVE"]]
    shop("execute", "order", "--id", "e-1")
    assert shop("execution", "show", "e-1", "-o", "json").json["version"] == 1
    assert shop("workflow", "activate", "order", "2", "-o", "json").json == {
        "id": "order",
        "latest": 2,
        "status": "ACTIVE",
    }


def test_deactivate_and_reactivate(shop):
    table = shop("workflow", "deactivate", "order", "-o", "table").out.splitlines()
    assert [line.split() for line in table] == [
        ["ID", "LATEST", "STATUS"],
        ["order", "2", "INACTIVE"],
    ]
    refused = shop("execute", "order", "-o", "json")
    assert (refused.code, refused.error["code"]) == (8, "Conflict")
    assert "redflow workflow reactivate" in refused.error["hint"]
    assert shop("workflow", "reactivate", "order", "-o", "json").json["status"] == "ACTIVE"
    assert shop("execute", "order").code == 0


def test_pause_and_resume_a_workflow(shop):
    shop("execute", "order", "--id", "e-1")
    assert shop("workflow", "pause", "order", "--reason", "stock").rows == [["order", "yes"]]
    shop("execute", "order", "--id", "e-2")
    assert [paused(shop, one) for one in ("e-1", "e-2")] == [True, True]
    assert "workflow 'order' is paused by " in shop("explain", "e-1").out
    result = shop("workflow", "resume", "order", "-o", "json")
    assert result.json == {"workflow": "order", "paused": False}
    assert [paused(shop, one) for one in ("e-1", "e-2")] == [False, False]


@pytest.mark.parametrize(
    "line",
    [
        ("activate", "none", "1"),
        ("activate", "order", "9"),
        ("deactivate", "none"),
        ("reactivate", "none"),
        ("pause", "none"),
        ("resume", "none"),
    ],
)
def test_an_unknown_workflow_is_exit_code_3(shop, line):
    result = shop("workflow", *line, "-o", "json")
    assert (result.code, result.out) == (3, "")
    assert result.error["code"] == "NotFound"


@pytest.mark.parametrize("line", [("activate", "order", "0"), ("pause", "a b")])
def test_bad_names_and_versions_are_exit_code_2(shop, line):
    assert shop("workflow", *line).code == 2


# Queues


def test_queues_as_lines_table_and_json(shop):
    shop("execute", "order")
    assert shop("queue", "list").rows == [["default", "1", "0", "0", ""]]
    table = shop("queue", "list", "-o", "table").out.splitlines()
    assert table[0].split() == ["QUEUE", "WAITING", "RUNNING", "WORKERS", "PAUSED"]
    assert table[1].split() == ["default", "1", "0", "0"]
    assert shop("queue", "list", "-o", "json").json == {
        "queues": [{"name": "default", "waiting": 1, "running": 0, "workers": 0, "paused": None}]
    }


def test_no_queue_is_said(console):
    console("namespace", "create")
    result = console("queue", "list")
    assert (result.code, result.out) == (0, "")
    assert "redflow workflow register FILE" in result.err


def test_pause_and_resume_a_queue(shop):
    assert shop("queue", "pause", "default", "--reason", "gateway down").rows == [
        ["queue", "default"],
        ["paused", "yes"],
    ]
    ((*_, said),) = shop("queue", "list").rows
    assert said.startswith("paused ")
    assert said.endswith(": gateway down")
    (one,) = shop("queue", "list", "-o", "json").json["queues"]
    assert set(one["paused"]) == {"by", "reason", "since"}
    shop("execute", "order", "--id", "e-1")
    assert "queue 'default' is paused" in shop("explain", "e-1").out
    assert shop("queue", "resume", "default", "-o", "json").json == {
        "queue": "default",
        "paused": False,
    }


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_an_unknown_queue_is_exit_code_3(shop, verb):
    result = shop("queue", verb, "gpu")
    assert result.code == 3
    assert "hint: its queues are default" in result.err


# Workers


@pytest.fixture
def worker(shop):
    """Return the id of a worker that runs."""
    with shop.working():
        (row,) = shop("worker", "list").rows
        yield row[0]


def test_workers_as_table_and_json(shop, worker):
    table = shop("worker", "list", "-o", "table").out.splitlines()
    assert table[0].split() == ("WORKER STATE QUEUES SLOTS BEAT STARTED HOST PID VERSION".split())
    assert table[1].split()[:4] == [worker, "alive", "default", "100"]
    (one,) = shop("worker", "list", "-o", "json").json["workers"]
    assert (one["id"], one["alive"], one["draining"]) == (worker, True, False)
    assert {"charge", "release", "reserve"} <= set(one["functions"])


def test_one_worker(shop, worker):
    fields = dict(shop("worker", "show", worker).rows)
    assert fields["state"] == "alive"
    assert "charge" in fields["functions"]
    assert shop("worker", "show", worker, "-o", "json").json["id"] == worker


def test_drain_a_worker(shop, worker):
    assert shop("worker", "drain", worker).rows == [["worker", worker], ["state", "draining"]]
    assert shop("worker", "drain", worker, "-o", "json").json == {
        "worker": worker,
        "draining": True,
    }


@pytest.mark.parametrize(("alive", "state"), [(True, "draining"), (False, "silent")])
def test_a_worker_that_drains_may_be_silent(shop, monkeypatch, alive, state):
    info = WorkerInfo(id="w", alive=alive, last_beat=EPOCH, draining=True)
    monkeypatch.setattr("redflow.client._sync.workers.Workers.list", lambda self: [info])
    ((_, said, *_),) = shop("worker", "list").rows
    assert said == state


def test_no_worker_is_said(shop):
    result = shop("worker", "list")
    assert (result.code, result.out) == (0, "")
    assert "redflow worker start -A module:engine" in result.err


@pytest.mark.parametrize("verb", ["show", "drain"])
def test_an_unknown_worker_is_exit_code_3(shop, verb):
    result = shop("worker", verb, "none", "-o", "json")
    assert (result.code, result.error["code"]) == (3, "NotFound")


# Namespaces


def test_pause_and_resume_a_namespace(shop):
    shop("execute", "order", "--id", "e-1")
    assert shop("namespace", "pause", "--reason", "moving").rows == [
        ["namespace", shop.namespace],
        ["paused", "yes"],
    ]
    assert "the namespace is paused by " in shop("explain", "e-1").out
    assert shop("namespace", "resume", "-o", "json").json == {
        "namespace": shop.namespace,
        "paused": False,
    }
    assert "paused" not in shop("explain", "e-1").out


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_a_missing_namespace_is_exit_code_3(console, verb):
    result = console("namespace", verb)
    assert result.code == 3
    assert "does not exist" in result.err
