"""`redflow demo` on fakeredis: what runs, what is shown, and where it runs."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from redflow.cli import demo_run
from redflow.cli.base import State
from redflow.cli.demo_view import DemoBoard, DemoLines, view_of
from redflow.cli.demo_workflow import ORDERS
from redflow.cli.steps import UNDO, is_undo
from redflow.driver import MemoryConnector
from redflow.engine import Engine
from redflow.errors import Misconfigured
from tests.cli.kit import call
from tests.cli.test_progress import terminal_of

CUSTOMERS = [order.customer for order in ORDERS]


@pytest.fixture
def quick(monkeypatch):
    """Let every step of the demo take no time."""
    monkeypatch.setattr(demo_run, "run_orders", partial(demo_run.run_orders, pace=0.0))


@pytest.fixture
def no_server(monkeypatch):
    def none_found():
        raise Misconfigured("no Redis found to start", hint="install one")

    monkeypatch.setattr("redflow.driver.embedded.find_program", none_found)


@pytest.mark.server
def test_the_demo_shows_what_it_promises(quick):
    server = MemoryConnector()
    result = call("-n", "other", "demo", "-o", "json", state=State(server=server))
    assert result.code == 0
    executions = dict(zip(CUSTOMERS, result.json["executions"], strict=True))
    statuses = {customer: one["status"] for customer, one in executions.items()}
    assert statuses == dict.fromkeys(CUSTOMERS, "COMPLETED") | {"Barbara": "FAILED"}
    steps = {
        customer: {step["node_id"]: step for step in one["steps"]}
        for customer, one in executions.items()
    }
    assert steps["Grace"]["charge"]["attempt"] == 3
    assert steps["Ada"]["courier"]["status"] == "SKIPPED"
    assert steps["Grace"]["post"]["status"] == "SKIPPED"
    assert steps["Edsger"]["charge"]["status"] == "FAILED"
    assert steps["Edsger"]["pack"]["reason"] == "upstream_failed"
    assert executions["Edsger"]["output"] == {
        "apologise": "Dear Edsger, we could not charge you (card declined)"
    }
    assert steps["Ada"]["approve"]["status"] == "SKIPPED"
    assert steps["Alan"]["approve"]["status"] == "COMPLETED"
    assert executions["Barbara"]["compensation"] == "completed"
    undone = {node: one["status"] for node, one in steps["Barbara"].items() if is_undo(node)}
    assert undone == {"charge~undo": "COMPLETED", "reserve~undo": "COMPLETED"}
    listed = call("-n", "other", "execution", "list", state=State(server=server))
    assert len(listed.rows) == len(ORDERS)
    totals = {one["step"]: one for one in result.json["steps"]}
    assert totals["charge"]["attempts"] == 7
    assert totals["pack"]["completed"] == 3
    assert totals["charge~undo"]["completed"] == 1
    assert "Grace    charge  COMPLETED  attempt 3" in result.err
    assert (
        'Alan     the demo sends the signal approve: {"approved_by": "redflow demo"}' in result.err
    )


def test_without_any_server_it_warns_and_runs_in_process(quick, no_server):
    result = call("demo")
    assert result.code == 0
    assert "warning: no server of its own could be started: no Redis found" in result.err
    assert "warning: running on fakeredis" in result.err
    assert "Grace    charge  PENDING  GatewayTimeout" in result.out
    assert "ORDER    STATUS     TOOK" in result.out
    assert "STEP          COMPLETED  FAILED  SKIPPED  ATTEMPTS  MEAN" in result.out
    assert "the desk lamp broke; all was undone" in result.out
    assert "Try next" in result.err
    for advice in ("init shop --template saga", "dev shop:engine", "explain ID"):
        assert f"\n  redflow {advice}  " in result.err


async def test_what_was_done_is_undone_one_step_after_the_other(quick):
    async with Engine(MemoryConnector(), namespace="demo") as engine:
        runs = await demo_run.run_orders(engine, DemoLines())
    (barbara,) = (run for run in runs if run.order.customer == "Barbara")
    steps = {step.node_id: step for step in barbara.steps}
    first, second = sorted((steps[f"{n}{UNDO}"] for n in ("reserve", "charge")), key=ended_at)
    assert max(map(ended_at, (steps["reserve"], steps["charge"]))) <= first.ready_at
    assert ended_at(first) <= second.ready_at


def ended_at(step):
    """When it ended at the latest: its times are rounded to milliseconds, each by itself."""
    return step.finished_at - timedelta(milliseconds=2)


def test_without_fakeredis_it_says_what_to_install(no_server, monkeypatch):
    def missing(self):
        raise Misconfigured("no fakeredis")

    monkeypatch.setattr(MemoryConnector, "__init__", missing)
    result = call("demo")
    assert result.code == 2
    assert result.err.endswith("error: no Redis found to start\nhint: install one\n")


def test_a_demo_that_hangs_ends(monkeypatch):
    async def hang(engine, view):
        await asyncio.Event().wait()

    monkeypatch.setattr(demo_run, "LIMIT", 0.01)
    monkeypatch.setattr(demo_run, "run_orders", hang)
    result = call("demo", state=State(server=MemoryConnector()))
    assert result.code == 6
    assert "has not ended within" in result.err


@pytest.mark.server
def test_on_a_server_of_the_user_it_has_a_namespace_of_its_own(quick, monkeypatch):
    server = MemoryConnector()
    monkeypatch.setattr(State, "address", lambda self: server)
    result = call("--redis", "redis://user", "demo")
    assert result.code == 0
    assert "namespace 'demo'" in result.err
    commands = advised(result.err)
    assert [command[2] for command in commands] == ["execution", "explain", "execution"]
    for command in commands:
        assert call(*command, state=State(server=server)).code == 0, command
    listed = call("-n", "demo", "execution", "list", state=State(server=server))
    assert len(listed.rows) == len(ORDERS)


def advised(text):
    """Return the commands that are said to be worth a try on the demo's own executions."""
    lines = [line.split() for line in text.splitlines()]
    return [line[1:] for line in lines if line[:3] == ["redflow", "-n", "demo"]]


async def test_the_board_on_a_terminal(monkeypatch):
    terminal = terminal_of(monkeypatch)
    view = view_of(State())
    assert isinstance(view, DemoBoard)
    async with Engine(MemoryConnector(), namespace="demo") as engine:
        await demo_run.run_orders(engine, view, pace=0.0)
    text = terminal.getvalue()
    assert "charge: the payment gateway did not answer" in text
    assert "✓ 3x" in text
    assert "↶" in text
    assert "the demo sends the signal approve" in text
    assert isinstance(view_of(State(format="json")), DemoLines)
