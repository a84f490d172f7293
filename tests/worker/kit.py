"""A namespace with functions, workflows and workers in this loop, for tests of the worker."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from redflow.driver import AsyncDriver, Connector
from redflow.expressions.analysis import compile_workflow
from redflow.metrics import Metrics
from redflow.model import codec
from redflow.model.plan import Plan
from redflow.model.plan_fields import plan_fields
from redflow.model.workflow import Workflow
from redflow.nodes.registry import Registry
from redflow.store import executions, sweeps, workflows
from redflow.store.keys import Keys
from redflow.store.records import RawExecution, RawStep
from redflow.store.space import Limits, Space
from redflow.worker.settings import WorkerSettings
from redflow.worker.worker import Worker

SECONDS = 10.0
"""Longest wait of a test for what must come."""

LOOK = 0.003
"""Between two looks at a condition."""

QUICK = WorkerSettings(interval=0.2, lease=6.0, beat=0.5, sweep=0.25, drain=2.0, children=1)


async def until(condition: Callable[[], Any], seconds: float = SECONDS, what: str = "") -> Any:
    """Wait until a condition holds, plain or awaitable, and answer what it gave."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what or condition}"
        await asyncio.sleep(LOOK)


async def within(awaitable: Awaitable[Any], seconds: float = SECONDS) -> Any:
    """Wait for an event or a task, for a bounded time."""
    async with asyncio.timeout(seconds):
        return await awaitable


class Gate:
    """Lets steps tell that they began, and holds them until the test lets them go."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.opened = asyncio.Event()

    async def passed(self) -> None:
        """Count a step and hold it."""
        self.begun += 1
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


@dataclass(frozen=True)
class Run:
    """An execution as recorded, its steps by node id."""

    raw: RawExecution
    steps: dict[str, RawStep]

    @property
    def status(self) -> str | None:
        """C, F or X; None while it is unfinished."""
        return self.raw.ended_as

    def value(self, node: str) -> Any:
        """The output of a step, or its error."""
        value = self.steps[node].value
        return None if value is None else codec.decode(value)

    def letters(self) -> str:
        """Node ids and letters of all steps that have a record: `a:C b:q`."""
        return " ".join(f"{node}:{step.kind}" for node, step in self.steps.items())


class Bench:
    """One namespace on one server, with everything a test of the worker needs."""

    def __init__(
        self,
        connector: Connector,
        driver: AsyncDriver,
        namespace: str,
        *,
        partitions: int = 2,
        limits: Limits | None = None,
    ) -> None:
        self.connector = connector
        self.driver = driver
        self.space = Space(Keys(namespace, partitions), limits or Limits())
        self.registry = Registry()
        self.metrics = Metrics()
        self.plans: dict[str, Plan] = {}
        self._started = 0

    # --- what runs

    def function(self, name: str, call: Callable[..., Any], **options: Any) -> None:
        """Register a function."""
        self.registry.register_function(name, call, **options)

    async def publish(self, workflow: Workflow) -> Plan:
        """Register a workflow in every partition, completed by the registry."""
        space, workflow = self.space, self.registry.complete(workflow)
        await self.driver.run(workflows.put_namespace(space, space.keys.partitions))
        plan = compile_workflow(workflow, 1)
        registered = await self.driver.run(
            workflows.put_workflow(
                space,
                workflow.id,
                content_hash=plan.hash,
                status="ACTIVE",
                about=b"",
                document=b"{}",
                queues=plan.queues,
            )
        )
        for partition in space.keys:
            await self.driver.run(workflows.put_partition(space, partition, plan.queues))
            for op in workflows.put_plan(space, partition, plan.hash, plan_fields(plan)):
                await self.driver.run(op)
            await self.driver.run(
                workflows.publish_workflow(space, partition, workflow.id, registered, "ACTIVE")
            )
        self.plans[workflow.id] = plan
        return plan

    async def one(self, call: Callable[..., Any], name: str = "one", **options: Any) -> Plan:
        """Publish a workflow of one node `a` that calls a function."""
        node = {key: options.pop(key) for key in ("retry", "timeout", "queue") if key in options}
        self.function(name, call, **options)
        return await self.publish(chain(name, [name], **node))

    async def execute(self, workflow: str, value: Any = None, *, id: str | None = None) -> str:
        """Start an execution."""
        self._started += 1
        name = id or f"e{self._started}"
        await self.execute_all(workflow, [name], value)
        return name

    async def execute_all(self, workflow: str, ids: Sequence[str], value: Any = None) -> list[str]:
        """Start executions with one input."""
        plan, packed = self.plans[workflow], codec.encode(value)
        by_partition: dict[int, list[str]] = {}
        for name in ids:
            by_partition.setdefault(self.space.keys.partition_of(name).number, []).append(name)
        for number, names in by_partition.items():
            for at in range(0, len(names), 100):
                op = executions.start_executions(
                    self.space,
                    self.space.keys.partition(number),
                    [executions.Start(n, 1, 1, packed, "d" * 26) for n in names[at : at + 100]],
                    workflows=[workflow],
                    plans=[plan.hash],
                    queues=plan.queues,
                )
                statuses, _ = await self.driver.run(op)
                assert set(statuses) <= {"ok", "dup"}, statuses  # dup: asked twice
        return list(ids)

    def id_in(self, partition: int, prefix: str = "p") -> str:
        """A new execution id that lives in a partition."""
        while True:
            self._started += 1
            name = f"{prefix}{self._started}"
            if self.space.keys.partition_of(name).number == partition:
                return name

    # --- who runs it

    def worker(self, connector: Any = None, **settings: Any) -> Worker:
        """A worker of this process that is not started yet."""
        options = replace(QUICK, worker_id=settings.pop("worker_id", _new_id()), **settings)

        async def space() -> Space:
            return self.space

        return Worker(connector or self.connector, space, self.registry, options, self.metrics)

    @asynccontextmanager
    async def working(self, connector: Any = None, **settings: Any) -> AsyncIterator[Worker]:
        """A worker that runs, and is stopped at the end without waiting for steps."""
        worker = self.worker(connector, **settings)
        async with worker:
            try:
                yield worker
            finally:
                worker.drain = min(worker.drain, settings.get("drain", 0.0))

    # --- what came of it

    async def read(self, execution: str, workflow: str | None = None) -> Run:
        """An execution as it stands."""
        plan = self.plans[workflow or next(iter(self.plans))]
        found = await self.driver.run(
            executions.read_execution(
                self.space,
                self.space.keys.partition_of(execution),
                execution,
                queues=plan.queues,
                first=1,
                last=len(plan.steps),
            )
        )
        assert found is not None, f"there is no execution {execution}"
        return Run(found, {plan.step(step.step).id: step for step in found.steps})

    async def ended(
        self, execution: str, workflow: str | None = None, seconds: float = SECONDS
    ) -> Run:
        """Wait for an execution to end."""
        run = await self.read(execution, workflow)
        end = time.monotonic() + seconds
        while run.status is None:
            assert time.monotonic() < end, f"{execution} has not ended: {run.letters()}"
            await asyncio.sleep(LOOK)
            run = await self.read(execution, workflow)
        return run

    async def run(self, workflow: str, value: Any = None, seconds: float = SECONDS) -> Run:
        """Start an execution and wait for its end."""
        return await self.ended(await self.execute(workflow, value), workflow, seconds)

    async def unfinished(self) -> int:
        """How many executions have not ended."""
        counts = [
            await self.driver.raw("ZCARD", partition.permanent["live"]) - 1
            for partition in self.space.keys
        ]
        return sum(counts)

    async def all_ended(self, seconds: float = SECONDS) -> None:
        """Wait until no execution is unfinished."""

        async def none() -> bool:
            return await self.unfinished() == 0

        await until(none, seconds, "all executions have ended")

    async def pending(self, queue: str = "default") -> dict[str, str]:
        """Worker of each claimed step, by `partition:token`."""
        found = {}
        for partition in self.space.keys:
            reply = await self.driver.raw(
                "XPENDING", partition.ready(queue), "workers", "-", "+", 10_000
            )
            for token, consumer, *_ in reply:
                found[f"{partition.number}:{token.decode()}"] = consumer.decode()
        return found

    async def silence(self, queue: str = "default") -> None:
        """Let every lease run out at once, and the outage guard too, once a sweep was made."""
        for partition in self.space.keys:
            await until(partial(self.driver.raw, "HGET", partition.permanent["sweeper"], "tick"))
            await self.driver.raw("HSET", partition.permanent["sweeper"], "hold", 0)
            key = partition.ready(queue)
            for token, consumer, *_ in await self.driver.raw(
                "XPENDING", key, "workers", "-", "+", 10_000
            ):
                words = ("XCLAIM", key, "workers", consumer, 0, token, "IDLE", 10**9, "JUSTID")
                await self.driver.raw(*words)

    async def problems(self) -> list[str]:
        """What check_partition finds wrong, once no token and no timer is left."""
        found: list[str] = []
        await until(self._nothing_left, 3.0, "no token and no timer is left")
        queues = sorted({queue for plan in self.plans.values() for queue in plan.queues})
        plans = [plan.hash for plan in self.plans.values()]
        for partition in self.space.keys:
            ids: list[str] = []
            for index in ("live", "completed", "failed", "cancelled"):
                ids += await self.driver.run(sweeps.read_members(partition, index, 0, -1))
            for at in range(0, len(ids), 50):
                op = sweeps.check_partition(
                    self.space,
                    partition,
                    queues=queues,
                    executions=ids[at : at + 50],
                    plans=plans,
                )
                found += await self.driver.run(op)
        return found

    async def _nothing_left(self) -> bool:
        queues = sorted({queue for plan in self.plans.values() for queue in plan.queues})
        for partition in self.space.keys:
            left: list[Any] = await self.driver.run(sweeps.read_members(partition, "timers", 0, -1))
            for queue in queues:
                left += await self.driver.run(sweeps.read_tokens(partition, queue, "", 10))
            if left:
                return False
        return True

    def metric(self, name: str, **labels: str) -> float:
        """A sample of the metrics, 0 when there is none."""
        labels = {"namespace": self.space.keys.namespace, **labels}
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def chain(name: str, functions: Sequence[str], **node: Any) -> Workflow:
    """A workflow whose nodes `a`, `b`, ... call functions one after the other."""
    builder = Workflow.builder(name)
    ids = "abcdefghijklmnopqrstuvwxyz"
    for at, function in enumerate(functions):
        builder = builder.add_node(ids[at], "function").with_config("function", function)
        if node.get("retry") is not None:
            builder = builder.with_retry(node["retry"])
        if "timeout" in node:
            builder = builder.with_timeout(node["timeout"])
        if "queue" in node:
            builder = builder.with_queue(node["queue"])
        if at:
            builder = builder.connect(ids[at - 1], ids[at])
    return builder.build()


def _new_id() -> str:
    return f"w-{time.monotonic_ns()}"
