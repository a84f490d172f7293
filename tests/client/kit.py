"""What tests of the client are made of: workflows, workers that run when told, counted trips."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from redflow.client import AsyncClient, Client
from redflow.driver import AsyncDriver, Connector
from redflow.model import codec
from redflow.model.ids import child_id
from redflow.model.outcome import ErrorInfo
from redflow.model.plan import Plan
from redflow.model.workflow import Workflow
from redflow.store.epoch import Fence
from redflow.store.keys import PartitionKeys
from redflow.store.op import Op, Word, command
from redflow.store.space import Space
from redflow.store.steps import Advanced, Claim, advance
from redflow.store.waiting import start_child
from redflow.store.workers import put_worker

QUEUE = "default"
Outcome = tuple[str, bytes, str]
"""Kind, value and detail of an outcome row."""


def chain(workflow: str = "order", *nodes: str, **changes: Any) -> Workflow:
    """Make a workflow whose nodes follow each other; by default of one node `a`."""
    names = nodes or ("a",)
    builder = Workflow.builder(workflow)
    for name in names:
        builder = builder.add_node(name, "function").with_config("function", name)
    for first, second in pairwise(names):
        builder = builder.connect(first, second)
    return replace(builder.build(), **changes)


def wide(workflow: str, roots: int) -> Workflow:
    """Make a workflow of many roots that meet in one node `end`."""
    builder = Workflow.builder(workflow)
    for number in range(roots):
        builder = builder.add_node(f"r{number}", "function").with_config("function", "f")
    builder = builder.add_node("end", "function").with_config("function", "f")
    for number in range(roots):
        builder = builder.connect(f"r{number}", "end")
    return builder.build()


def completed(value: Any = None) -> Outcome:
    """An outcome: the step returned a value."""
    data = codec.encode(value)
    return "c", (b"=" if len(data) <= 2048 else b"@") + data, ""


def failed(message: str = "no", kind: str = "ValueError") -> Outcome:
    """An outcome: the step failed for good."""
    return "f", b"=" + codec.encode(ErrorInfo(kind, message).to_value()), ""


def retried(message: str, delay: int) -> Outcome:
    """An outcome: the attempt failed and another is due after so many milliseconds."""
    return "r", failed(message)[1], str(delay)


def sleeping(milliseconds: int) -> Outcome:
    """An outcome: the step rests for so long."""
    return "t", b"", f"+{milliseconds}"


def awaiting(name: str, timeout: int | None = None) -> Outcome:
    """An outcome: the step waits for a signal, for so many milliseconds."""
    return "s", name.encode(), "" if timeout is None else str(timeout)


def released(delay: int) -> Outcome:
    """An outcome: the step was handed back and is offered again later."""
    return "l", b"shutdown", str(delay)


Act = Callable[[Plan, Claim], Outcome | None]


def succeed(plan: Plan, claim: Claim) -> Outcome | None:
    """Complete every step with its node's name."""
    return completed(plan.step(claim.envelope.step).id)


class Workers:
    """Runs steps when told to: claims, decides, reports."""

    def __init__(self, client: AsyncClient, driver: AsyncDriver) -> None:
        self._client = client
        self._driver = driver

    async def run(self, act: Act = succeed, *, rounds: int = 100) -> list[Claim]:
        """Run what is ready until nothing is; a step for which `act` says None stays claimed."""
        space = await self._client._namespace.space()
        done: list[Claim] = []
        for partition in space.keys:
            rows: list[Word] = []
            held: list[Claim] = []
            for _ in range(rounds):
                reply = await self.advance(partition, held, rows, 100)
                done += reply.claims
                held, rows = await self._outcomes(reply.claims, act)
                if not reply.claims:
                    break
        return done

    async def _outcomes(self, claims: list[Claim], act: Act) -> tuple[list[Claim], list[Word]]:
        held: list[Claim] = []
        rows: list[Word] = []
        for claim in claims:
            envelope = claim.envelope
            outcome = act(await self._client.get_plan(envelope.plan), claim)
            if outcome is not None:
                held.append(claim)
                kind, value, detail = outcome
                meta = f"{envelope.attempt},{envelope.deliveries},{envelope.releases},{QUEUE},3,4"
                rows += (claim.token, 1, len(held), envelope.step, kind, meta, value, detail)
        return held, rows

    async def advance(
        self, partition: PartitionKeys, held: list[Claim], rows: list[Word], count: int
    ) -> Advanced:
        """Report outcomes of one partition and claim."""
        space = await self._client._namespace.space()
        return await self._driver.run(
            advance(
                space,
                partition,
                consumer="w1",
                queues=[QUEUE],
                executions=[claim.envelope.execution for claim in held],
                plans=sorted({claim.envelope.plan for claim in held}),
                outcomes=rows,
                claims=[1, count],
            )
        )

    async def sweep(self) -> None:
        """Fire every timer that is due and carry out every order that is left."""
        space = await self._client._namespace.space()
        for partition in space.keys:
            while members := await self._driver.run(due_members(partition, now_of(space))):
                await self._client._rooms.orders.carry_out(partition, members, {})

    async def start_child(self, claim: Claim, workflow: str, input: Any = None) -> str:
        """Let a claimed step start an execution and wait for it; answers its id."""
        space = await self._client._namespace.space()
        envelope = claim.envelope
        parent = await self._client.get_plan(envelope.plan)
        plan = await self._client._rooms.plans.to_start(workflow, 0)
        child = child_id(envelope.execution, parent.step(envelope.step).id, envelope.attempt)
        started = await self._driver.run(
            start_child(
                space,
                space.keys.partition_of(child),
                queues=[QUEUE],
                parent=envelope.execution,
                child=child,
                plans=(parent.hash, plan.hash),
                workflow=workflow,
                token=claim.token,
                queue=1,
                step=envelope.step,
                meta=f"{envelope.attempt},0,0,{QUEUE},3,4",
                digest="digest",
                input=codec.encode(input),
            )
        )
        assert started.word == "ok"
        return child

    async def beat(self, worker: str = "w1", *, functions: Sequence[str] = ("f",)) -> None:
        """Let a worker of the queue beat."""
        about = {
            "functions": list(functions),
            "types": ["function"],
            "queues": [QUEUE],
            "slots": 10,
            "host": "pod",
            "pid": 7,
            "started": 1000,
        }
        space = await self._client._namespace.space()
        await self._driver.run(
            put_worker(space, worker, queues=[QUEUE], about=codec.encode(about), alive=30_000)
        )


def now_of(space: Space) -> int:
    """The time as scripts of this space see it, in ms."""
    return space.limits.now or round(time.time() * 1000)


def due_members(partition: PartitionKeys, now: int) -> Op[list[str]]:
    """Timers and orders that are due."""
    words = ("ZRANGEBYSCORE", partition.permanent["timers"], "-inf", now)
    return command("due_members", *words, parse=lambda reply: [one.decode() for one in reply])


def set_clock(client: AsyncClient | Client, now: int) -> None:
    """Let scripts see another time than the server's, in ms."""
    namespace = client._namespace
    namespace.limits = replace(namespace.limits, now=now)
    namespace.forget()


def pass_time(client: AsyncClient | Client, milliseconds: int) -> None:
    """Let time pass for scripts; from the first call on it stands still between calls."""
    now = client._namespace.limits.now or round(time.time() * 1000)
    set_clock(client, now + milliseconds)


class Counting:
    """A driver that counts round trips and names what was asked."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self.asked: list[str] = []

    @property
    def trips(self) -> int:
        return len(self.asked)

    def guard(self, fence: Fence) -> None:
        self._driver.guard(fence)

    async def run(self, op: Any, **options: Any) -> Any:
        self.asked.append(op.name)
        return await self._driver.run(op, **options)

    async def run_many(self, ops: Any, **options: Any) -> Any:
        if ops:
            self.asked.append("+".join(sorted({op.name for op in ops})))
        return await self._driver.run_many(ops, **options)

    def together(self, partitions: Any) -> Any:
        return self._driver.together(partitions)

    async def read_streams(self, *streams: Any, **options: Any) -> Any:
        return await self._driver.read_streams(*streams, **options)

    async def close(self) -> None:
        await self._driver.close()


def refusing(error: Exception, only: Callable[[Any], bool]) -> Callable[[Any], Any]:
    """Make `run_many` of a driver fail for some calls."""

    def around(run_many: Any) -> Any:
        async def failing(ops: Any, **options: Any) -> Any:
            await asyncio.sleep(0)  # others come meanwhile
            if any(only(op) for op in ops):
                raise error
            return await run_many(ops, **options)

        return failing

    return around


def count_trips(client: AsyncClient) -> Counting:
    """Count the round trips of a client from now on."""
    counting = Counting(client._namespace.driver)
    client._namespace._driver = counting  # type: ignore[assignment]
    return counting


class Elsewhere:
    """A connector whose drivers fail the test: nothing may be asked."""

    where = "nowhere"
    lasting = False

    def async_driver(self) -> AsyncDriver:
        raise AssertionError("asked Redis")

    driver = heartbeat_driver = async_driver


def nowhere() -> Connector:
    made: Any = Elsewhere()
    return made


def act_by(**outcomes: Outcome | None) -> Act:
    """Decide by node id; other nodes succeed with their name."""

    def act(plan: Plan, claim: Claim) -> Outcome | None:
        node = plan.step(claim.envelope.step).id
        return outcomes[node] if node in outcomes else completed(node)

    return act


def hold(plan: Plan, claim: Claim) -> None:
    """Leave every claimed step running."""
