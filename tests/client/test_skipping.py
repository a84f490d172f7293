"""Skipping steps: an operator gives the output."""

import pytest

from redflow.client import AsyncClient
from redflow.errors import Conflict, InvalidInput, NotFound
from redflow.model.execution import StepReason
from redflow.model.status import StepStatus
from redflow.model.workflow import Workflow
from tests.client.kit import Workers, act_by, awaiting, chain, failed, hold


def branching() -> Workflow:
    builder = Workflow.builder("order").add_node("a", "function", labels=["yes", "no"])
    for node in ("a", "good", "bad"):
        if node != "a":
            builder = builder.add_node(node, "function")
        builder = builder.with_config("function", "f")
    return builder.connect_if("a", "good", "yes").connect_if("a", "bad", "no").build()


@pytest.mark.parametrize("outcome", [None, awaiting("go")])
async def test_whatever_a_step_does_it_gets_the_output(
    client: AsyncClient, workers: Workers, outcome: tuple[str, bytes, str] | None
):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    await workers.run(act_by(a=outcome))
    await client.skip_step(handle.id, "a", {"by": "hand"})
    first, second = await handle.steps()
    assert (first.status, first.reason) == (StepStatus.SKIPPED, StepReason.OPERATOR)
    assert first.output == {"by": "hand"}
    assert (first.attempt, first.started_at) == (0, None)
    assert second.status is StepStatus.PENDING
    await workers.run()
    assert await handle.result(1) == "b"


async def test_a_last_step_ends_the_execution(client: AsyncClient):
    await client.register_workflow(chain("order", "a"))
    handle = await client.execute("order")
    await client.skip_step(handle.id, "a", "x" * 5_000)
    assert await handle.result(1) == "x" * 5_000


@pytest.mark.parametrize(("label", "runs"), [("yes", {"good"}), ("no", {"bad"}), (None, set())])
async def test_a_label_chooses_the_branch(
    client: AsyncClient, workers: Workers, label: str | None, runs: set[str]
):
    await client.register_workflow(branching())
    handle = await client.execute("order")
    await client.skip_step(handle.id, "a", label=label)
    await workers.run()
    done = {s.node_id for s in await handle.steps() if s.status is StepStatus.COMPLETED}
    assert done == runs


async def test_a_label_the_node_does_not_declare(client: AsyncClient):
    await client.register_workflow(branching())
    handle = await client.execute("order")
    with pytest.raises(InvalidInput, match="'maybe'") as caught:
        await client.skip_step(handle.id, "a", label="maybe")
    assert caught.value.field == "label"


async def test_a_node_the_workflow_does_not_have(client: AsyncClient):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order")
    with pytest.raises(InvalidInput, match="has no node 'c'") as caught:
        await client.skip_step(handle.id, "c")
    assert (caught.value.field, caught.value.hint) == ("node", "its nodes are a, b")


async def test_what_has_ended_or_is_not_ready(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b", "c"))
    handle = await client.execute("order", id="mine")
    await workers.run(act_by(b=None))
    with pytest.raises(Conflict, match="skip node 'a' of execution 'mine': it has ended already"):
        await client.skip_step(handle.id, "a")
    with pytest.raises(Conflict, match="skip node 'c' of execution 'mine': it is not ready yet"):
        await client.skip_step(handle.id, "c")


async def test_an_execution_that_fails_takes_no_skips(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a"))
    handle = await client.execute("order", id="mine")
    await workers.run(hold)
    await handle.fail("enough")
    with pytest.raises(Conflict, match="cannot skip node 'a': execution 'mine' is RUNNING in the"):
        await client.skip_step("mine", "a")
    with pytest.raises(NotFound, match="'nope' does not exist"):
        await client.skip_step("nope", "a")


async def test_one_that_failed_cannot_be_skipped_but_rerun(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a"))
    await client.execute("order", id="mine")
    await workers.run(act_by(a=failed()))
    with pytest.raises(Conflict) as caught:
        await client.skip_step("mine", "a")
    assert "rerun_execution" in caught.value.hint


def asking() -> Workflow:
    builder = Workflow.builder("order").add_node("first", "function")
    for node in ("first", "a", "dear", "cheap"):
        if node != "first":
            builder = builder.add_node(node, "function")
        builder = builder.with_config("function", "f")
    builder = builder.connect("first", "a").connect_when("a", "dear", "output.amount > 9")
    return builder.connect_when("a", "cheap", 'steps.first.output == "no"').build()


async def test_expressions_choose_by_the_output_that_is_given(
    client: AsyncClient, workers: Workers
):
    await client.register_workflow(asking())
    handle = await client.execute("order")
    await workers.run(act_by(a=None))
    await client.skip_step(handle.id, "a", {"amount": 10})
    await workers.run()
    statuses = {step.node_id: step.status for step in await handle.steps()}
    assert (statuses["dear"], statuses["cheap"]) == (StepStatus.COMPLETED, StepStatus.SKIPPED)


async def test_an_output_that_an_expression_cannot_take(client: AsyncClient, workers: Workers):
    await client.register_workflow(asking())
    handle = await client.execute("order")
    await workers.run(act_by(a=None))
    with pytest.raises(InvalidInput, match="amount") as caught:
        await client.skip_step(handle.id, "a", {"total": 10})
    assert caught.value.field == "output"
