"""Signals to steps that wait for them, or will."""

from typing import Any

import msgspec
import pytest

from redflow.client import AsyncClient
from redflow.errors import Conflict, InvalidInput, NotFound, Unavailable
from redflow.model.status import ExecutionStatus, StepStatus
from redflow.model.workflow import Workflow
from tests.client.kit import Workers, act_by, awaiting, chain, hold


def approval() -> Workflow:
    """A node that waits for the signal of its own name, then one that waits for another name."""
    return (
        Workflow.builder("order")
        .add_node("approve", "signal")
        .add_node("ship", "signal").with_config("name", "packed")
        .connect("approve", "ship")
        .build()
    )  # fmt: skip


WAIT = act_by(approve=awaiting("approve"), ship=awaiting("packed"))


async def resumed(workers: Workers) -> list[Any]:
    claims = await workers.run(hold)
    resumes: list[Any] = [claim.envelope.resume for claim in claims]
    return [[msgspec.msgpack.decode(part) for part in resume] for resume in resumes]


async def test_a_step_that_waits_goes_on_with_it(client: AsyncClient, workers: Workers):
    await client.register_workflow(approval())
    handle = await client.execute("order")
    await workers.run(WAIT)
    step = (await handle.steps())[0]
    assert (step.status, step.waiting_for) == (StepStatus.WAITING, "approve")
    assert await handle.signal("approve", {"ok": True}) == "delivered"
    step = (await handle.steps())[0]
    assert (step.status, step.waiting_for) == (StepStatus.PENDING, None)
    assert await resumed(workers) == [["signal", {"ok": True}]]


async def test_one_that_comes_early_is_kept(client: AsyncClient, workers: Workers):
    await client.register_workflow(approval())
    handle = await client.execute("order")
    assert await client.signal_execution(handle.id, "approve", 1) == "buffered"
    first, again = await workers.run(act_by(approve=awaiting("approve")), rounds=2)
    assert (first.envelope.resume, first.envelope.step) == (None, again.envelope.step)
    assert again.envelope.resume is not None


@pytest.mark.parametrize("node", ["ship", "packed"])
async def test_by_node_or_by_name(client: AsyncClient, workers: Workers, node: str):
    await client.register_workflow(approval())
    handle = await client.execute("order")
    assert await handle.signal(node) == "buffered"
    partition = await client._namespace.partition_of(handle.id)
    assert (
        await client._namespace.driver.raw("HGET", partition.execution(handle.id), "b:packed")
        == b"1 2"
    )


async def test_one_signal_id_counts_once(client: AsyncClient):
    await client.register_workflow(approval())
    handle = await client.execute("order")
    assert await handle.signal("approve", 1, id="mail-7") == "buffered"
    assert await handle.signal("approve", 2, id="mail-7") == "duplicate"
    assert await handle.signal("approve", 1) == "buffered"
    assert await client.signal_execution(handle.id, "approve", signal_id="mail-7") == "duplicate"


async def test_a_name_nobody_waits_for(client: AsyncClient):
    await client.register_workflow(approval())
    handle = await client.execute("order")
    with pytest.raises(InvalidInput, match="waits for no signal 'aprove'") as caught:
        await handle.signal("aprove")
    assert (caught.value.field, caught.value.hint) == ("node", "it waits for approve, packed")


async def test_a_workflow_without_signals(client: AsyncClient):
    await client.register_workflow(chain("order", "a"))
    handle = await client.execute("order")
    with pytest.raises(InvalidInput) as caught:
        await handle.signal("a")
    assert caught.value.hint == "it has no node of type signal"


async def test_an_execution_that_has_ended(client: AsyncClient):
    await client.register_workflow(approval())
    handle = await client.execute("order", id="mine")
    await handle.cancel()
    assert await handle.status() is ExecutionStatus.CANCELLED
    with pytest.raises(Conflict, match="cannot send signal 'approve': execution 'mine' is CANCEL"):
        await handle.signal("approve")


async def test_as_many_are_kept_as_may_be(client: AsyncClient):
    await client.register_workflow(approval())
    handle = await client.execute("order", id="mine")
    for number in range(100):
        assert await handle.signal("approve", number) == "buffered"
    with pytest.raises(Conflict, match="'mine' does not take signal 'approve'"):
        await handle.signal("approve", 100)


async def test_what_is_not_there(client: AsyncClient):
    await client.register_workflow(approval())
    with pytest.raises(NotFound, match="execution 'nope' does not exist"):
        await client.signal_execution("nope", "approve")


async def test_an_error_says_how_to_repeat_it(client: AsyncClient, monkeypatch: pytest.MonkeyPatch):
    await client.register_workflow(approval())
    handle = await client.execute("order", id="mine")
    driver = client._namespace.driver
    run = driver.run

    async def failing(op: Any, **options: Any) -> Any:
        if op.name == "deliver_signal":
            raise Unavailable("no answer", ambiguous=True)
        return await run(op, **options)

    monkeypatch.setattr(driver, "run", failing)
    with pytest.raises(Unavailable, match="signal 'approve' to execution 'mine'") as caught:
        await handle.signal("approve", id="mail-7")
    assert caught.value.ambiguous
    assert "signal_id='mail-7'" in caught.value.hint
