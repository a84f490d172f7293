"""What tests of faults on one server share: a bench, a ledger of steps, looks at the data."""

import asyncio
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from redflow.driver import RedisConnector
from redflow.model.event import EventKind
from redflow.store import sweeps
from redflow.store.keys import PartitionKeys
from redflow.store.steps import read_envelope
from tests.worker.kit import Bench

ENDS = {EventKind.WORKFLOW_COMPLETED, EventKind.WORKFLOW_FAILED, EventKind.WORKFLOW_CANCELLED}
SETTLED = {
    EventKind.STEP_COMPLETED,
    EventKind.STEP_FAILED,
    EventKind.STEP_SKIPPED,
    EventKind.STEP_CANCELLED,
}
STATE = re.compile(rb"[a-z] \d+ \d+ \S+( [a-z]+)?")
INDEXES = ("live", "completed", "failed", "cancelled")


@asynccontextmanager
async def bench_on(url: str, namespace: str, partitions: int = 2) -> AsyncIterator[Bench]:
    """Yield a namespace on a server of the kit."""
    connector = RedisConnector(url)
    driver = connector.async_driver()
    try:
        yield Bench(connector, driver, namespace, partitions=partitions)
    finally:
        await driver.close()


class Ledger:
    """A function of steps that takes some milliseconds, and remembers when it was called.

    While `open` is not set, its calls begin and do not end.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun: list[tuple[str, str, float]] = []
        self.attempts: Counter[int] = Counter()
        self.finished = 0
        self.open = asyncio.Event()
        self.open.set()

    async def work(self, ctx: Any, value: Any) -> list[str]:
        """Answer the ids of the execution and of the node."""
        self.begun.append((ctx.execution_id, ctx.node_id, time.monotonic()))
        self.attempts[ctx.attempt] += 1
        await asyncio.sleep(self.seconds)
        await self.open.wait()
        self.finished += 1
        return [ctx.execution_id, ctx.node_id]

    def reached(self, number: float) -> bool:
        """Whether so many calls have ended."""
        return self.finished >= number

    def first_after(self, moment: float) -> float | None:
        """When a step began after a moment, for the first time."""
        return next((at for *_, at in self.begun if at >= moment), None)

    @property
    def repeated(self) -> int:
        """How many calls were not the first of their step."""
        return len(self.begun) - len({(execution, node) for execution, node, _ in self.begun})


async def existing(bench: Bench, partition: PartitionKeys) -> list[str]:
    """Ids of all executions that a partition knows, ended or not."""
    found: list[str] = []
    for index in INDEXES:
        found += await bench.driver.run(sweeps.read_members(partition, index, 0, -1))
    return found


async def unreadable(bench: Bench) -> list[Any]:
    """Executions whose state is no state, with all that is recorded of them."""
    found = []
    for partition in bench.space.keys:
        for execution in await existing(bench, partition):
            fields = await bench.driver.raw("HGETALL", partition.execution(execution))
            state = dict(zip(fields[::2], fields[1::2], strict=True)).get(b"state", b"")
            if not STATE.fullmatch(state):
                found.append((execution, fields))
    return found


async def inconsistencies(bench: Bench) -> list[str]:
    """What check_partition finds wrong as things stand, with tokens and timers under way."""
    found: list[str] = []
    queues = sorted({queue for plan in bench.plans.values() for queue in plan.queues})
    for partition in bench.space.keys:
        ids = await existing(bench, partition)
        at = {execution: number for number, execution in enumerate(ids, 1)}
        tokens: list[str | int | bytes] = []
        for number, queue in enumerate(queues, 1):
            for token, entry in await bench.driver.run(
                sweeps.read_tokens(partition, queue, "", 10_000)
            ):
                tokens += (token, number, at.get(read_envelope(entry).execution, len(ids) + 1))
        members: list[str | int | bytes] = []
        for member in await bench.driver.run(sweeps.read_members(partition, "timers", 0, -1)):
            members += (member, at.get(member.split(":")[1], len(ids) + 1))
        op = sweeps.check_partition(
            bench.space,
            partition,
            queues=queues,
            executions=[*ids, "~"],  # nobody, for what belongs to no execution
            plans=[plan.hash for plan in bench.plans.values()],
            tokens=tokens,
            members=members,
        )
        found += await bench.driver.run(op)
    return found


async def events_of(bench: Bench) -> list[tuple[int, str, int | None, int | None]]:
    """Kind, execution, number and step of every event, partition by partition in their order."""
    found = []
    for partition in bench.space.keys:
        key = partition.permanent["events"]
        for _, fields in await bench.driver.raw("XRANGE", key, "-", "+"):
            found += [tuple(record[:4]) for record in msgspec.msgpack.decode(fields[3])]
    return found


async def check_history(bench: Bench, executions: set[str]) -> Counter[int]:
    """Each execution ends once, each step is settled once, no number is missing.

    Answers how many events of each kind there are.
    """
    kinds: Counter[int] = Counter()
    ends: Counter[str] = Counter()
    settled: Counter[tuple[str, int | None]] = Counter()
    numbers: dict[str, list[int]] = defaultdict(list)
    for kind, execution, number, step in await events_of(bench):
        kinds[kind] += 1
        if execution and number is not None:
            numbers[execution].append(number)
        ends[execution] += kind in ENDS
        settled[execution, step] += kind in SETTLED
    assert {execution for execution, count in ends.items() if count} == executions
    assert max(ends.values()) == 1
    assert max(settled.values()) == 1
    for execution, found in numbers.items():
        assert found == list(range(1, len(found) + 1)), execution
    return kinds


async def records(bench: Bench) -> int:
    """How many events were ever recorded."""
    keys = [partition.permanent["sweeper"] for partition in bench.space.keys]
    return sum([int(await bench.driver.raw("HGET", key, "records") or 0) for key in keys])


async def epochs(bench: Bench) -> list[int]:
    """The epoch of each partition."""
    keys = [partition.permanent["sweeper"] for partition in bench.space.keys]
    return [int(await bench.driver.raw("HGET", key, "epoch") or 0) for key in keys]
