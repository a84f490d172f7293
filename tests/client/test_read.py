"""Reading executions and steps: statuses, reasons, times, counts, and damaged records."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver
from redflow.errors import NotFound, StoreError, VersionMismatch
from redflow.model.execution import Step, StepReason
from redflow.model.plan import Plan
from redflow.model.status import ExecutionStatus, Phase, StepStatus
from redflow.model.workflow import Workflow
from redflow.store.steps import Claim
from tests.client.kit import Outcome, Workers, act_by, chain, completed, failed, retried

PENDING, RUNNING = StepStatus.PENDING, StepStatus.RUNNING
COMPLETED, FAILED = StepStatus.COMPLETED, StepStatus.FAILED
SKIPPED, CANCELLED = StepStatus.SKIPPED, StepStatus.CANCELLED


def nodes(builder_edges: list[tuple[str, str]], *names: str, labels: str = "") -> Workflow:
    """Make a workflow of nodes; the first one declares the labels."""
    builder = Workflow.builder("flow")
    for name in names:
        own = labels.split() if name == names[0] else []
        builder = builder.add_node(name, "function", labels=own).with_config("function", "f")
    for source, target in builder_edges:
        builder = builder.connect(source, target)
    return builder.build()


def by_node(steps: list[Step]) -> dict[str, Step]:
    return {step.node_id: step for step in steps}


async def test_steps_that_wait_run_and_are_done(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order", {"n": 1})
    before = datetime.now(UTC) - timedelta(minutes=5)

    first, second = await handle.steps()
    assert (first.node_id, first.type, first.queue) == ("a", "function", "default")
    assert (first.status, first.attempt, first.worker) == (PENDING, 1, None)
    assert first.ready_at
    assert first.ready_at > before
    assert (second.status, second.attempt, second.ready_at) == (PENDING, 0, None)

    await workers.run(lambda plan, claim: None)
    first, second = await handle.steps()
    assert (first.status, first.worker, second.status) == (RUNNING, "w1", PENDING)
    assert first.silent is not None
    assert 0 <= first.silent < 60
    assert first.started_at is None


async def test_a_completed_execution(client: AsyncClient, workers: Workers):
    await client.register_workflow(chain("order", "a", "b"))
    handle = await client.execute("order", {"n": 1})
    assert await handle.status() is ExecutionStatus.RUNNING
    await workers.run()
    assert await handle.status() is ExecutionStatus.COMPLETED
    execution = await client.get_execution(handle.id)
    assert (execution.status, execution.phase) == (ExecutionStatus.COMPLETED, Phase.DONE)
    assert (execution.input, execution.output) == ({"n": 1}, "b")
    assert execution.finished_at
    assert execution.created_at <= execution.finished_at
    assert (execution.error, execution.failed_node) == (None, None)
    for step in await client.get_execution_steps(handle.id):
        assert (step.status, step.output, step.attempt) == (COMPLETED, step.node_id, 1)
        assert step.ready_at
        assert step.started_at == step.ready_at + timedelta(milliseconds=3)
        assert step.finished_at == step.started_at + timedelta(milliseconds=4)


async def test_a_failed_execution(client: AsyncClient, workers: Workers):
    await client.register_workflow(nodes([("a", "b"), ("b", "c")], "a", "b", "c"))
    handle = await client.execute("flow")

    def act(plan: Plan, claim: Claim) -> Outcome:
        return failed("no stock") if plan.step(claim.envelope.step).id == "b" else completed()

    await workers.run(act)
    execution = await handle.execution()
    assert (execution.status, execution.phase) == (ExecutionStatus.FAILED, Phase.DONE)
    assert (execution.failed_node, execution.output) == ("b", None)
    assert execution.error
    assert (execution.error.type, execution.error.message) == ("ValueError", "no stock")
    steps = by_node(await handle.steps())
    assert steps["a"].status is COMPLETED
    assert (steps["b"].status, steps["b"].error) == (FAILED, execution.error)
    assert (steps["b"].output, steps["b"].reason) == (None, None)
    assert (steps["c"].status, steps["c"].attempt) == (CANCELLED, 0)


async def test_skipped_steps_say_why(client: AsyncClient, workers: Workers):
    workflow = (
        Workflow.builder("flow")
        .add_node("a", "function", labels=["x", "y"]).with_config("function", "f")
        .add_node("b", "function").with_config("function", "f")
        .add_node("c", "function").with_config("function", "f")
        .add_node("d", "function").with_config("function", "f")
        .add_node("e", "function").with_config("function", "f")
        .connect_if("a", "b", "x").connect_if("a", "c", "y")
        .connect("b", "d").connect_on("b", "e", "failure")
        .build()
    )  # fmt: skip
    await client.register_workflow(workflow)
    handle = await client.execute("flow")

    def act(plan: Plan, claim: Claim) -> Outcome:
        node = plan.step(claim.envelope.step).id
        if node == "a":
            (refused,) = [
                position
                for position, edge in enumerate(plan.step(claim.envelope.step).edges, 1)
                if edge.label == "y"
            ]
            return (*completed("x")[:2], f",{refused},")
        return failed() if node == "b" else completed(node)

    await workers.run(act)
    steps = by_node(await handle.steps())
    assert steps["a"].output == "x"
    assert (steps["c"].status, steps["c"].reason) == (SKIPPED, StepReason.BRANCH_NOT_TAKEN)
    assert (steps["d"].status, steps["d"].reason) == (SKIPPED, StepReason.UPSTREAM_FAILED)
    assert steps["e"].status is COMPLETED
    assert await handle.result() == {"e": "e"}


async def test_retries_and_releases_wait_for_their_time(client: AsyncClient, workers: Workers):
    await client.register_workflow(nodes([], "a"))
    handle = await client.execute("flow")
    await workers.run(lambda plan, claim: retried("busy", 3_600_000))
    (step,) = await handle.steps()
    assert (step.status, step.reason, step.attempt) == (PENDING, StepReason.RETRY, 2)
    assert step.error
    assert step.error.message == "busy"
    assert step.due_at
    assert timedelta(minutes=50) < step.due_at - datetime.now(UTC) < timedelta(minutes=70)
    assert (step.started_at, step.worker) == (None, None)

    other = await client.execute("flow")
    await workers.run(lambda plan, claim: ("l", b"shutdown", "60000"))
    (step,) = await other.steps()
    assert (step.status, step.reason) == (PENDING, StepReason.RELEASED)
    assert (step.attempt, step.releases, step.error) == (1, 1, None)


async def test_a_ready_step_shows_its_counts(client: AsyncClient, workers: Workers):
    await client.register_workflow(nodes([], "a"))
    handle = await client.execute("flow")
    released = 0

    def act(plan: Plan, claim: Claim) -> Outcome | None:
        nonlocal released
        released += 1
        return ("l", b"shutdown", "0") if released <= 3 else None

    await workers.run(act)
    (step,) = await handle.steps()
    assert (step.status, step.attempt, step.releases) == (RUNNING, 1, 3)


async def test_while_it_fails(client: AsyncClient, workers: Workers):
    """One branch failed, a running step of another is waited for."""
    await client.register_workflow(nodes([("a", "c"), ("b", "c")], "a", "b", "c"))
    handle = await client.execute("flow")

    def act(plan: Plan, claim: Claim) -> Outcome | None:
        return failed() if plan.step(claim.envelope.step).id == "a" else None

    await workers.run(act)
    execution = await handle.execution()
    assert (execution.status, execution.phase) == (ExecutionStatus.RUNNING, Phase.FAILING)
    assert (execution.failed_node, execution.finished_at) == ("a", None)
    steps = by_node(await handle.steps())
    assert [steps[name].status for name in "abc"] == [FAILED, RUNNING, PENDING]


async def test_a_step_cancelled_before_and_while_it_ran(client: AsyncClient, driver: AsyncDriver):
    await client.register_workflow(nodes([("a", "b")], "a", "b"))
    handle = await client.execute("flow")
    key = (await client._namespace.partition_of(handle.id)).execution(handle.id)
    ran = "X1700000009000,2,1,0,default,3,4,1700000000000-0"
    await driver.raw("HSET", key, "s1", ran, "s2", "X1700000009000")
    first, second = await handle.steps()
    assert (first.status, first.attempt, first.deliveries) == (CANCELLED, 2, 1)
    assert first.ready_at
    assert first.started_at == first.ready_at + timedelta(milliseconds=3)
    assert first.finished_at == second.finished_at == first.ready_at + timedelta(seconds=9)
    assert (second.status, second.started_at) == (CANCELLED, None)


async def test_steps_come_in_pages(client: AsyncClient, workers: Workers):
    names = [f"n{i:03}" for i in range(230)]
    await client.register_workflow(chain("long", *names))
    handle = await client.execute("long")
    await workers.run(rounds=150)
    steps = await handle.steps()
    assert [step.node_id for step in steps] == names
    assert [step.status for step in steps[:150:50]] == [COMPLETED] * 3
    assert steps[229].status is PENDING


async def test_a_step_settled_between_two_reads(
    client: AsyncClient, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    driver = client._namespace.driver
    run_many = driver.run_many

    async def late(ops: object, **options: object) -> object:
        monkeypatch.setattr(driver, "run_many", run_many)
        await workers.run()
        return await run_many(ops, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(driver, "run_many", late)
    (step,) = await handle.steps()
    assert (step.status, step.attempt) == (PENDING, 0)


@pytest.mark.parametrize(
    "damage",
    [
        {"state": "?"},
        {"start": "?"},
        {"start": None},
        {"state": "r x 1 plan"},
        {"ended": "soon C"},
        {"failed_step": "x"},
    ],
)
async def test_a_damaged_execution_is_an_error_that_names_it(
    client: AsyncClient, driver: AsyncDriver, damage: dict[str, str | None]
):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    key = (await client._namespace.partition_of(handle.id)).execution(handle.id)
    for name, value in damage.items():
        await driver.raw("HDEL", key, name)
        if value is not None:
            await driver.raw("HSET", key, name, value)
    calls = [handle.execution, handle.status, handle.steps, handle.result]
    if damage == {"state": "r x 1 plan"}:  # its plan is looked up and found nowhere
        calls = []
    for call in calls:
        with pytest.raises(StoreError, match=f"'{handle.id}' is damaged"):
            await call()


async def test_a_damaged_step(client: AsyncClient, driver: AsyncDriver):
    await client.register_workflow(chain())
    handle = await client.execute("order")
    key = (await client._namespace.partition_of(handle.id)).execution(handle.id)
    await driver.raw("HSET", key, "s1", "Z9")
    with pytest.raises(StoreError, match="is damaged"):
        await handle.steps()


async def test_a_phase_of_a_later_version(client: AsyncClient, driver: AsyncDriver):
    info = await client.register_workflow(chain())
    handle = await client.execute("order")
    key = (await client._namespace.partition_of(handle.id)).execution(handle.id)
    await driver.raw("HSET", key, "state", f"z 1 1 {info.content_hash}")
    with pytest.raises(VersionMismatch, match="phase 'z'"):
        await handle.execution()


async def test_an_execution_whose_plan_is_lost(client: AsyncClient, driver: AsyncDriver):
    info = await client.register_workflow(chain(), partitions=1)
    handle = await client.execute("order")
    async with AsyncClient(client._namespace.connector, namespace=client.namespace) as fresh:
        (partition,) = (await fresh._namespace.space()).keys
        await driver.raw("DEL", partition.plan(info.content_hash))
        assert [step.node_id for step in await fresh.get_execution_steps(handle.id)] == ["a"]
    async with AsyncClient(client._namespace.connector, namespace=client.namespace) as fresh:
        await driver.raw("DEL", (await fresh._namespace.space()).keys.workflow("order"))
        with pytest.raises(NotFound, match="'order' has no version 1"):
            await fresh.get_execution_steps(handle.id)


async def test_an_execution_that_goes_while_its_steps_are_read(
    client: AsyncClient, driver: AsyncDriver, monkeypatch: pytest.MonkeyPatch
):
    await client.register_workflow(chain())
    handle = await client.execute("order", id="mine")
    assert repr(handle) == "AsyncHandle('mine')"
    key = (await client._namespace.partition_of("mine")).execution("mine")
    run = client._namespace.driver.run

    async def late(op: Any, **options: Any) -> Any:
        if op.name == "read_execution":
            await driver.raw("DEL", key)
        return await run(op, **options)

    monkeypatch.setattr(client._namespace.driver, "run", late)
    with pytest.raises(NotFound, match="'mine' does not exist"):
        await handle.steps()


@pytest.mark.parametrize(("outcome", "listed"), [
    (None, ["a", "~output"]), (failed(), ["a", "~output"]), (completed(7), ["a"]),
])  # fmt: skip
async def test_the_step_that_makes_the_output_is_listed_while_it_is_in_the_way(
    client: AsyncClient, workers: Workers, outcome: Outcome | None, listed: list[str]
):
    await client.register_workflow(chain(output="${steps.a.output}"))
    handle = await client.execute("order")
    await workers.run(act_by(**{"~output": outcome}))
    assert [step.node_id for step in await handle.steps()] == listed
    if outcome == completed(7):
        assert await handle.result(1) == 7
