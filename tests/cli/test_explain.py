"""`redflow explain`: every reason in order, with what to do; each code has a sentence."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from redflow.cli.reasons import SENTENCES, what_of
from redflow.cli.tree import cli
from redflow.model.explain import Reason, ReasonCode
from tests.cli.kit import APPROVAL, ORDER
from tests.support.tree import PACKAGE

SOON = timedelta(hours=2, seconds=30)
LATELY = -timedelta(hours=2)
SAMPLES: dict[ReasonCode, tuple[dict[str, Any], str]] = {
    ReasonCode.SCHEDULED: ({"until": SOON}, "its begin is due in 2h00m"),
    ReasonCode.PAUSED: (
        {"scope": "queue", "name": "gpu", "by": "ada@pc", "reason": "too hot"},
        "queue 'gpu' is paused by ada@pc: too hot",
    ),
    ReasonCode.STOPPING: (
        {"phase": "failing", "because": "amount is -1", "waits_for": ["reserve"]},
        "the execution is failing: amount is -1; it waits for reserve",
    ),
    ReasonCode.COMPENSATING: (
        {"left": 2, "running": ["charge~undo"]},
        "what the execution did is being undone, now charge~undo; 2 to go",
    ),
    ReasonCode.ENDED: ({"status": "FAILED"}, "it has ended FAILED"),
    ReasonCode.WAITING_STEPS: ({"nodes": ["a", "b"]}, "it comes after a, b"),
    ReasonCode.JOIN_NOT_MET: (
        {"settled": 2, "taken": 1, "blocked": 1, "edges": 3, "owed_by": ["a"]},
        "2 of 3 edges to it have settled (1 taken, 1 blocked), owed by a",
    ),
    ReasonCode.BRANCH_NOT_TAKEN: (
        {"edges": [{"node": "a", "label": "fast", "on": "n"}, {"node": "b", "label": None}]},
        "skipped: no edge to it was taken, from a (fast), b",
    ),
    ReasonCode.UPSTREAM_FAILED: ({"nodes": ["a"]}, "skipped: a did not complete"),
    ReasonCode.NO_WORKER_FOR_QUEUE: ({"queue": "gpu"}, "no live worker serves queue 'gpu'"),
    ReasonCode.NO_WORKER_WITH_HANDLER: (
        {"queue": "gpu", "type": "function", "function": "f", "workers": ["w-1"]},
        "no live worker of queue 'gpu' has function 'f': w-1",
    ),
    ReasonCode.WORKERS_BUSY: (
        {"queue": "gpu", "rank": 3, "workers": 2, "slots": 4},
        "it is number 3 in queue 'gpu' of 2 live workers with 4 slots",
    ),
    ReasonCode.LEASE_HELD: (
        {"worker": "w-1", "silent": 1.5, "expires": SOON},
        "it runs on w-1, last heard of 1.5s ago; the lease expires in 2h00m",
    ),
    ReasonCode.WORKER_LOST: (
        {"worker": "w-1", "silent": 40.0, "reclaim_at": SOON},
        "its worker w-1 was not heard of for 40.0s, due to be taken back in 2h00m",
    ),
    ReasonCode.BACKOFF: (
        {"attempt": 2, "until": SOON, "error": "ValueError: no"},
        "attempt 2 is due in 2h00m after ValueError: no",
    ),
    ReasonCode.RELEASED: (
        {"attempt": 1, "until": SOON},
        "a worker gave it back; it is offered again in 2h00m",
    ),
    ReasonCode.SLEEPING: ({"until": SOON}, "it sleeps, due in 2h00m"),
    ReasonCode.WAITING_SIGNAL: (
        {"name": "approve", "timeout": SOON},
        "it waits for signal 'approve'; it gives up in 2h00m",
    ),
    ReasonCode.WAITING_CHILD: (
        {"execution": "e.child", "status": "RUNNING"},
        "it waits for execution e.child, which is RUNNING",
    ),
    ReasonCode.SWEEP_LATE: (
        {"last_sweep": LATELY},
        "it is due, and nobody sweeps: the last sweep was 2h00m ago",
    ),
    ReasonCode.REDIS_READ_ONLY: ({"because": "replica"}, "Redis takes no writes: it is a replica"),
    ReasonCode.REDIS_FULL: (
        {"used": 2_000, "limit": 1_000, "near": False},
        "Redis is at its maxmemory: 2,000 of 1,000 bytes",
    ),
}


@pytest.mark.parametrize("code", ReasonCode)
def test_every_code_has_a_sentence(code):
    given, sentence = SAMPLES[code]
    now = datetime.now(UTC)
    params = {k: now + one if isinstance(one, timedelta) else one for k, one in given.items()}
    assert what_of(Reason(code, None, None, params)) == sentence


def test_there_are_no_other_sentences():
    assert set(SENTENCES) == {str(code) for code in ReasonCode}


@pytest.mark.parametrize(
    ("code", "params", "sentence"),
    [
        ("paused", {"scope": "execution", "over": True}, "a pause held it, and is over"),
        (
            "paused",
            {"scope": "namespace", "name": "", "by": "", "reason": ""},
            "the namespace is paused",
        ),
        (
            "stopping",
            {"phase": "cancelling", "because": "", "waits_for": []},
            "the execution is cancelling",
        ),
        (
            "compensating",
            {"left": 0, "running": []},
            "what the execution did is being undone; 0 to go",
        ),
        ("waiting_signal", {"name": "x", "timeout": None}, "it waits for signal 'x'"),
        (
            "sweep_late",
            {"last_sweep": None},
            "it is due, and nobody sweeps: the last sweep was never",
        ),
        (
            "redis_full",
            {"used": 950, "limit": 1_000, "near": True},
            "Redis is near its maxmemory: 950 of 1,000 bytes",
        ),
        ("redis_read_only", {"because": "disk"}, "Redis takes no writes: it cannot save to disk"),
        ("of_tomorrow", {"moon": "full"}, "of_tomorrow: moon full"),
        ("of_tomorrow", {}, "of_tomorrow"),
    ],
)
def test_sentences_leave_out_what_is_not_known(code, params, sentence):
    assert what_of(Reason(code, None, None, params)) == sentence


# The command


@pytest.fixture
def shop(console):
    """Return a command line with an execution of APPROVAL that waits for its signal."""
    console.register(ORDER, APPROVAL)
    console("execute", "approval", '{"amount": 42}', "--id", "e-1")
    console.wait("e-1", "approve")
    return console


def test_as_lines(shop):
    ((node, code, since, what, fix),) = shop("explain", "e-1").rows
    assert (node, code, since) == ("approve", "waiting_signal", "")
    assert what.startswith("it waits for signal 'approve'; it gives up in ")
    assert fix == "send it: redflow signal send e-1 approve '{}'"


def test_as_paragraphs(shop):
    shop("execution", "pause", "e-1", "--reason", "legal")
    lines = shop("explain", "e-1", "-o", "table").out.splitlines()
    assert lines[0].startswith("1. the execution is paused by ")
    assert ": legal  (for " in lines[0]
    assert lines[1] == "   let it go on: redflow execution resume e-1"
    assert lines[2].startswith("2. approve: it waits for signal 'approve'")


def test_one_node(shop):
    result = shop("explain", "e-1", "charge", "-o", "json").json
    assert (result["id"], result["node"]) == ("e-1", "charge")
    (reason,) = result["reasons"]
    assert reason == {
        "code": "waiting_steps",
        "node": "charge",
        "since": None,
        "what": "it comes after approve",
        "params": {"nodes": ["approve"]},
        "fix": "it starts after them; ask why they wait: redflow explain e-1 approve",
    }


def test_a_step_that_nobody_can_run_says_since_when(shop):
    shop("execute", "order", "1", "--id", "e-2")
    (reason,) = shop("explain", "e-2", "-o", "json").json["reasons"]
    assert reason["code"] == "no_worker_for_queue"
    assert reason["since"].endswith("Z")


def test_nothing_that_holds_it_up_is_said(shop, monkeypatch):
    monkeypatch.setattr("redflow.client.Client.explain", lambda self, id, node: [])
    result = shop("explain", "e-1", "charge")
    assert (result.code, result.out, result.err) == (0, "", "nothing holds up charge\n")
    assert shop("explain", "e-1", "-o", "json").json["reasons"] == []


def test_what_is_not_there(shop):
    result = shop("explain", "none", "-o", "json")
    assert (result.code, result.error["code"]) == (3, "NotFound")
    unknown = shop("explain", "e-1", "chrage")
    assert unknown.code == 2
    assert "hint: its nodes are reserve, approve, charge" in unknown.err


# What is to be done


def test_every_command_that_is_advised_exists():
    groups = {name: one for name, one in cli.commands.items() if isinstance(one, click.Group)}
    advice = re.compile(rf"redflow ({'|'.join(groups)}) ([a-z]+)")
    named = {
        (found[1], found[2], file.name)
        for file in PACKAGE.rglob("*.py")
        for found in advice.finditer(file.read_text())
    }
    assert ("signal", "send", "explain.py") in named
    assert [one for one in named if one[1] not in groups[one[0]].commands] == []
