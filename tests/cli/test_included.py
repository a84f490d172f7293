"""`-A` with an application that only includes a flow."""

import asyncio

import pytest

from redflow.cli.application import load_engine, placed
from redflow.cli.base import State
from tests.cli.kit import Console

APP = """
from redflow import Engine, Workflow

engine = Engine.memory(namespace="NAMESPACE")
flow = Workflow.builder("parcel")

@flow.node
async def weigh(parcel: dict) -> float:
    return parcel["grams"] / 1000

@flow.node(needs=weigh)
async def label(kilos: float) -> str:
    return f"{kilos} kg"

engine.include(flow)
"""
SECONDS = 10.0


@pytest.fixture
def app(tmp_path, monkeypatch, namespace):
    """Return the name of an application in the working directory, of this test's namespace."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"app_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(APP.replace("NAMESPACE", namespace))
    return f"{name}:engine"


def test_what_is_included_is_registered(console: Console, app):
    rows = console("workflow", "register", "-A", app, "--partitions", "2").rows
    assert rows == [["parcel", "1", "ACTIVE", "2"]]


def test_a_worker_of_the_application_registers_and_runs_it(console: Console, app):
    async def work() -> object:
        state = State(server=console.connector)
        async with placed(state, load_engine(app)[0], app) as engine:
            await engine.create_namespace(2)
            async with engine.worker():
                result = await asyncio.to_thread(
                    console, "execute", "parcel", '{"grams": 1500}', "--wait"
                )
        return result.json

    assert asyncio.run(work()) == "1.5 kg"


def test_an_application_with_nothing_to_register(console: Console, app, tmp_path):
    empty = app.replace(":engine", "_2")
    (tmp_path / f"{empty}.py").write_text("from redflow import Engine\nengine = Engine.memory()")
    result = console("workflow", "register", "-A", f"{empty}:engine")
    assert result.code == 2
    assert "binds no Workflow, and its engine includes none" in result.err
