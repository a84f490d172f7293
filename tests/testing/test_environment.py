"""Running workflows: how far they go, what is known of them, and what an environment refuses."""

import asyncio
import subprocess
import sys

import pytest

from redflow import InvalidInput, NotFound, Workflow
from redflow.testing import Environment
from redflow.testing.staff import StillRunning
from tests.support.tree import ROOT
from tests.testing.kit import approval, functions, trip


async def test_a_workflow_runs_to_its_end(env: Environment):
    env.stub("reserve", returns={"reserved": True})
    env.stub("charge", side_effect=lambda order: {**order, "paid": True})
    run = await env.run(functions("order", "reserve", "charge"), {"amount": 42})
    assert run.status == "COMPLETED"
    assert run.path == ["reserve", "charge"]
    assert run.output == {"reserved": True, "paid": True}


async def test_functions_of_the_environment_run_as_workers_run_them(env: Environment):
    @env.function
    def plain(value):
        return value + 1

    @env.function
    async def with_context(ctx, value):
        await asyncio.sleep(0)
        return [ctx.node_id, value + 1]

    run = await env.run(functions("sums", "plain", "with_context"), 1)
    assert run.output == ["with_context", 3]
    assert [call.input for call in run.calls("plain")] == [1]


async def test_a_failure_is_undone_and_the_path_shows_it(env: Environment):
    for name in ("hotel", "flight", "leave_flight"):
        env.stub(name)
    undo = env.stub("leave_hotel")
    env.stub("pay", raises=ValueError("no funds"))
    run = await env.run(trip())
    run.assert_failed("pay")
    assert (run.failed_node, run.error and run.error.message) == ("pay", "no funds")
    assert run.path == ["hotel", "flight", "flight~undo", "hotel~undo"]
    assert undo.count == 1


async def test_a_child_runs_with_its_parent(env: Environment):
    child = functions("child", "work")
    parent = Workflow.builder("parent").add_node("sub", "subworkflow", workflow="child").build()
    env.stub("work", returns="done")
    await env.register(child)
    run = await env.run(parent)
    assert run.output == "done"
    assert (await env.find(f"{run.id}.sub")).path == ["work"]


async def test_what_was_started_before_is_seen_after_each_call(env: Environment):
    env.stub("publish")
    first = await env.start(approval())
    await env.client.signal_execution(first.id, "approve", {"by": "ada"})
    assert first.status == "RUNNING"
    await env.settle()
    assert first.status == "COMPLETED"


async def test_steps_of_a_node_that_does_not_exist(env: Environment):
    env.stub("charge")
    run = await env.run(functions("order", "charge"))
    with pytest.raises(InvalidInput, match=r"no node 'chrage' \(did you mean 'charge'"):
        run.steps["chrage"]


async def test_an_unknown_workflow_is_refused_with_the_nearest(env: Environment):
    await env.register(functions("order", "charge"))
    with pytest.raises(NotFound, match=r"'ordr' is not registered .* there is 'order'"):
        await env.run("ordr")


async def test_another_version_of_a_workflow_is_registered(env: Environment):
    env.stub("a")
    await env.run(functions("order", "a"))
    env.stub("b")
    run = await env.run(functions("order", "a", "b"))
    assert (run.path, run.execution.version) == (["a", "b"], 2)


async def test_options_are_those_of_execute(env: Environment):
    env.stub("publish")
    run = await env.run(approval(), id="mine", timeout="2h", labels={"team": "red"})
    run.assert_failed()
    assert (run.id, run.error and run.error.reason) == ("mine", "timeout")
    assert run.execution.labels == {"team": "red"}


async def test_queues_of_all_workflows_are_served(env: Environment):
    flow = Workflow.builder("q").add_node("a", "function", function="a").with_queue("slow").build()
    env.stub("a")
    await env.run(functions("order", "a"))
    (await env.run(flow)).assert_completed()


async def test_a_cancelled_run(env: Environment):
    env.stub("publish")
    run = await env.start(approval())
    await run.cancel("changed our mind")
    run.assert_cancelled()
    assert run.execution.cancel_reason == "changed our mind"


async def test_a_paused_namespace_is_not_served(env: Environment):
    env.stub("a")
    await env.register(functions("order", "a"))
    await env.client.pause_namespace()
    run = await env.run("order")
    assert run.steps["a"].status == "PENDING"
    await env.client.resume_namespace()
    await env.settle()
    run.assert_completed()


async def test_a_step_that_takes_too_long_is_named():
    async with Environment(patience=0.02) as env:
        env.stub("a", side_effect=lambda value: asyncio.sleep(60))
        with pytest.raises(StillRunning, match=r"still running: a .*patience"):
            await env.run(functions("order", "a"))


async def test_a_closed_environment_stays_closed():
    env = Environment()
    await env.settle()
    await env.close()
    with pytest.raises(InvalidInput, match="closed"):
        await env.settle()


@pytest.mark.server
async def test_a_real_server_is_left_as_it_was(server_url: str):
    async with Environment(url=server_url) as env:
        env.stub("a")
        await env.run(functions("order", "a"))
        driver = env._connector.async_driver()
        pattern = f"rf:{{{env.client.namespace}*"
        assert await driver.raw("KEYS", pattern) != []
    assert await driver.raw("KEYS", pattern) == []
    await driver.close()


def test_importing_redflow_imports_nothing_of_this():
    program = "import redflow, sys; assert 'redflow.testing' not in sys.modules"
    plugin = (
        "import redflow.testing.plugin, sys;"
        "assert 'redflow.testing.environment' not in sys.modules;"
        "assert 'redis' not in sys.modules"
    )
    for one in (program, plugin):
        subprocess.run([sys.executable, "-c", one], cwd=ROOT, check=True)
