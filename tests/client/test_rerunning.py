"""Running ended executions again, and saying before what that would do."""

from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver, Connector
from redflow.errors import Conflict, InvalidInput, NotFound, Unavailable
from redflow.model.status import ExecutionStatus, StepStatus
from tests.client.kit import Workers, act_by, chain, failed, nowhere, wide
from tests.client.test_stopping import saga


async def failed_at_b(client: AsyncClient, workers: Workers, id: str = "mine") -> None:
    await client.register_workflow(chain("order", "a", "b", "c"))
    await client.execute("order", {"n": 1}, id=id, labels={"k": "v"})
    await workers.run(act_by(b=failed("no stock")))


def ran(claims: list[Any]) -> list[int]:
    return [claim.envelope.step for claim in claims]


async def test_what_was_done_is_kept(client: AsyncClient, workers: Workers):
    await failed_at_b(client, workers)
    handle = await client.rerun_execution("mine")
    assert handle.id == "mine~r1"
    assert ran(await workers.run()) == [2, 3]
    execution = await handle.execution()
    assert (execution.status, execution.output) == (ExecutionStatus.COMPLETED, "c")
    assert (execution.origin, execution.input) == ("mine", {"n": 1})
    assert execution.labels == {"k": "v"}
    assert (await client.get_execution("mine")).rerun_as == "mine~r1"
    assert [step.status for step in await handle.steps()] == [StepStatus.COMPLETED] * 3


async def test_the_plan_says_so_before(client: AsyncClient, workers: Workers):
    await failed_at_b(client, workers)
    plan = await client.plan_rerun("mine")
    assert (plan.keep, plan.run, plan.undo) == (("a",), ("b", "c"), ())
    assert (plan.version, plan.id) == (1, "mine~r1")
    assert (await client.get_execution("mine")).rerun_as is None


async def test_from_a_node_on(client: AsyncClient, workers: Workers):
    await failed_at_b(client, workers)
    await client.rerun_execution("mine", "a")
    assert ran(await workers.run()) == [1, 2, 3]


async def test_with_another_input(client: AsyncClient, workers: Workers):
    await failed_at_b(client, workers)
    handle = await client.rerun_execution("mine", input={"n": 2})
    assert (await handle.execution()).input == {"n": 2}
    assert ran(await workers.run()) == [1, 2, 3]
    nothing = await client.rerun_execution("mine", input=None)
    assert (await nothing.execution()).input is None


async def test_with_another_version(client: AsyncClient, workers: Workers):
    await failed_at_b(client, workers)
    await client.register_workflow(chain("order", "a", "b2", "c"))
    handle = await client.rerun_execution("mine", version=2)
    assert (await handle.execution()).version == 2
    assert [s.node_id for s in await handle.steps()] == ["a", "b2", "c"]
    assert ran(await workers.run()) == [2, 3]
    with pytest.raises(NotFound, match="no version 9"):
        await client.rerun_execution("mine", version=9)


async def test_one_that_completed_runs_as_a_whole(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    await client.execute("order", id="mine")
    await workers.run()
    await client.rerun_execution("mine")
    assert ran(await workers.run()) == [1, 2]


async def test_every_call_makes_another_rerun(client: AsyncClient, workers: Workers):
    await failed_at_b(client, workers)
    ids = [(await client.rerun_execution("mine")).id for _ in range(3)]
    assert ids == ["mine~r1", "mine~r2", "mine~r3"]
    await workers.run(act_by(b=failed()))
    assert (await client.rerun_execution("mine~r1")).id == "mine~r4"
    assert (await client.get_execution("mine~r4")).origin == "mine~r1"


async def test_a_rerun_that_was_answered_late_is_made_once(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    await failed_at_b(client, workers)
    driver = client._namespace.driver
    run = driver.run
    lost = [True]

    async def repeating(op: Any, **options: Any) -> Any:
        if op.name == "rerun_execution" and lost.pop():
            await run(op, **options)
            lost.append(False)
        return await run(op, **options)

    monkeypatch.setattr(driver, "run", repeating)
    assert (await client.rerun_execution("mine")).id == "mine~r1"
    assert (await client.plan_rerun("mine")).id == "mine~r2"


async def test_of_a_child(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("child"))
    await client.register_workflow(chain("order"))
    await client.execute("order", id="mine")
    (claim,) = await workers.run(lambda plan, claim: None)
    child = await workers.start_child(claim, "child")
    await client.cancel_execution(child)
    handle = await client.rerun_execution(child)
    assert handle.id == "mine~r1"
    execution = await handle.execution()
    assert (execution.origin, execution.parent) == (child, None)
    # Reruns of one tree share their numbers.
    await client.cancel_execution("mine")
    assert (await client.rerun_execution("mine")).id == "mine~r2"


async def test_numbers_that_are_all_taken(
    client: AsyncClient, workers: Workers, driver: AsyncDriver, monkeypatch: pytest.MonkeyPatch
):
    await failed_at_b(client, workers)
    await client.rerun_execution("mine")
    partition = await client._namespace.partition_of("mine")
    await driver.raw("HDEL", partition.execution("mine"), "rerun_as")
    monkeypatch.setattr("redflow.client.reruns.MOST_RERUNS", 1)
    with pytest.raises(Conflict, match="'mine' has more than 1 reruns"):
        await client.rerun_execution("mine")


async def test_compensations_that_failed_run_again(client: AsyncClient, workers: Workers):
    await client.register_workflow(saga())
    await client.execute("trip", id="mine")
    await workers.run(act_by(end=failed("no seat"), **{"pay~undo": failed("bank is closed")}))
    plan = await client.plan_rerun("mine", compensation=True)
    assert plan.run == ("pay~undo",)

    handle = await client.rerun_execution("mine", compensation=True)
    assert len(await workers.run()) == 1
    execution = await handle.execution()
    assert (execution.status, execution.compensation) == (ExecutionStatus.FAILED, "completed")
    assert execution.failed_node == "end"
    with pytest.raises(InvalidInput, match="no compensation of this execution failed"):
        await client.rerun_execution(handle.id, compensation=True)


async def test_one_that_runs_is_refused(client: AsyncClient):
    await client.register_workflow(chain("order"))
    await client.execute("order", id="mine")
    for call in (client.rerun_execution("mine"), client.plan_rerun("mine")):
        with pytest.raises(Conflict, match="'mine': it has not ended") as caught:
            await call
        assert "cancel it" in caught.value.hint


async def test_an_inactive_workflow_is_not_rerun(client: AsyncClient, workers: Workers):
    await failed_at_b(client, workers)
    await client.workflows.deactivate("order")
    with pytest.raises(Conflict, match="'order' is INACTIVE"):
        await client.rerun_execution("mine")


async def test_what_is_not_there(client: AsyncClient, workers: Workers):
    await failed_at_b(client, workers)
    with pytest.raises(NotFound, match="'nope' does not exist"):
        await client.rerun_execution("nope")
    with pytest.raises(InvalidInput, match="no node 'z'") as caught:
        await client.rerun_execution("mine", "z")
    assert caught.value.field == "from_node"


async def test_a_wide_one_in_many_pages(
    client: AsyncClient, workers: Workers, connector: Connector
):
    await client.register_workflow(wide("wide", 120))
    await client.execute("wide", id="mine")
    await workers.run(act_by(end=failed()))
    await client.rerun_execution("mine")
    assert ran(await workers.run()) == [121]


async def test_an_error_is_told_as_it_is(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    await failed_at_b(client, workers)
    driver = client._namespace.driver
    run = driver.run

    async def failing(op: Any, **options: Any) -> Any:
        if op.name == "rerun_execution":
            raise Unavailable("no answer")
        return await run(op, **options)

    monkeypatch.setattr(driver, "run", failing)
    with pytest.raises(Unavailable, match="no answer"):
        await client.rerun_execution("mine")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"from_node": "a b"}, "from_node"),
        ({"from_node": 7}, "from_node"),
        ({"input": {1, 2}}, "$"),
        ({"version": 0}, "version"),
        ({"compensation": "yes"}, "compensation"),
        ({"compensation": True, "from_node": "a"}, "compensation"),
        ({"compensation": True, "input": 1}, "compensation"),
        ({"compensation": True, "version": 1}, "compensation"),
    ],
)
async def test_what_is_refused_is_named_and_nothing_is_asked(arguments: dict, field: str):
    client = AsyncClient(nowhere(), namespace="ns")
    for call in (client.rerun_execution("mine", **arguments), client.plan_rerun("m", **arguments)):
        with pytest.raises(InvalidInput) as caught:
            await call
        assert caught.value.field == field
