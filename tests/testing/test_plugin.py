"""The fixture `redflow_env`, with each plugin that runs coroutines."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tree import ROOT

CONFTEST = """
import pytest
from redflow import Engine, Workflow

engine = Engine("redis://127.0.0.1:1/0")

@engine.function
def charge(order):
    return {"paid": order["amount"]}

@pytest.fixture
def redflow_app():
    return engine

@pytest.fixture
def redflow_workflows():
    return [Workflow.builder("order").add_node("charge", "function", function="charge").build()]

@pytest.fixture
def anyio_backend():
    return "asyncio"
"""

TEST = """
import asyncio
import pytest
{mark}
async def test_order(redflow_env):
    run = await redflow_env.run("order", {{"amount": 42}})
    assert run.output == {{"paid": 42}}

{mark}
async def test_another(redflow_env):
    charge = redflow_env.stub("charge", returns="stubbed")
    assert (await redflow_env.run("order")).output == "stubbed"
    assert charge.count == 1

def test_plain(redflow_env):
    assert asyncio.run(redflow_env.run("order", {{"amount": 1}})).output == {{"paid": 1}}
"""

ASYNCIO = ["-p", "pytest_asyncio.plugin", "-o", "asyncio_default_fixture_loop_scope=function"]
PLUGINS = {
    "auto": ("", [*ASYNCIO, "-o", "asyncio_mode=auto"]),
    "strict": ("@pytest.mark.asyncio", ASYNCIO),
    "anyio": ("@pytest.mark.anyio", ["-p", "anyio.pytest_plugin"]),
}


@pytest.mark.parametrize("name", PLUGINS)
@pytest.mark.process
def test_the_fixture_works_with(name: str, tmp_path: Path):
    mark, plugin = PLUGINS[name]
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_shop.py").write_text(TEST.format(mark=mark))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-W", "error", "-p", "redflow.testing.plugin", *plugin]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
