"""What happened in a run: what clients asked, what steps witnessed, events, and what is stored."""

import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from redflow.driver import AsyncDriver
from redflow.errors import Conflict, InvalidInput, NotFound, RedflowError, StoreError, Unavailable
from redflow.model import codec
from redflow.model.event import EventKind, EventRecord
from redflow.model.plan import Plan, PlanStep
from redflow.store import executions, sweeps
from redflow.store.keys import PartitionKeys
from redflow.store.op import Word
from redflow.store.records import RawExecution, RawStep
from redflow.store.space import Space
from tests.support.leaks import belonging_to, leaks

INDEXES = ("live", "completed", "failed", "cancelled")
_events = msgspec.msgpack.Decoder(list[EventRecord])


@dataclass(frozen=True)
class Asked:
    """One operation of a client: `how` is ok, fail (nothing happened) or info (nobody knows)."""

    what: str
    execution: str
    key: str
    how: str
    answer: str
    invoked: int
    ended: int


class Line(NamedTuple):
    """What a worker wrote; `at` is CLOCK_MONOTONIC, `wall` the system's clock, both ns."""

    word: str
    execution: str
    node: str
    fence: int
    attempt: int
    pid: int
    at: int
    wall: int
    more: dict[str, Any]


class Happened(NamedTuple):
    """One event, when Redis wrote it (ms), and its place among all of its partition."""

    kind: int
    seq: int | None
    step: int | None
    extra: Any
    at: int
    place: int


class Cause(NamedTuple):
    """What the nemesis did to a process (0: to a server or a network), in wall ns."""

    what: str
    pid: int
    since: int
    until: int


@dataclass
class Seen:
    """An execution as it is stored, with its events."""

    raw: RawExecution
    plan: Plan
    seq: int
    fields: list[str]
    events: list[Happened] = field(default_factory=list)

    @cached_property
    def steps(self) -> dict[int, RawStep]:
        """Recorded steps by number."""
        return {one.step: one for one in self.raw.steps}

    def node(self, number: int) -> PlanStep:
        """A step of its plan."""
        return self.plan.steps[number - 1]

    def of(self, step: int, *kinds: int) -> list[Happened]:
        """Events of a step, of these kinds or of all."""
        return [one for one in self.events if one.step == step and (one.kind in kinds or not kinds)]


@dataclass
class History:
    """Everything that a check may look at."""

    lease: float
    deliveries: int
    inputs: dict[str, Any] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)
    executions: dict[str, Seen] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)
    """Executions that have events and are not stored."""
    epochs: dict[int, list[int]] = field(default_factory=dict)
    audit: list[str] = field(default_factory=list)
    """What check_partition and the table of keys find wrong."""
    left: list[str] = field(default_factory=list)
    """Tokens, claims and timers that stand although nothing is under way."""

    async def ask(self, what: str, execution: str, key: str, call: Awaitable[Any]) -> None:
        """Do an operation of a client and note what came of it."""
        invoked = time.time_ns()
        try:
            how, answer = "ok", await call
        except Unavailable as error:
            how, answer = "info" if error.ambiguous else "fail", error
        except (Conflict, NotFound, InvalidInput) as error:
            how, answer = "fail", error
        except RedflowError as error:
            how, answer = "info", error
        said = answer if isinstance(answer, str) else type(answer).__name__
        self.asked.append(Asked(what, execution, key, how, said, invoked, time.time_ns()))

    def read_lines(self, path: Path) -> None:
        """Take over what the workers wrote."""
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        self.lines = [Line(*row) for row in rows]

    @cached_property
    def steps(self) -> dict[tuple[str, str], dict[int, list[Line]]]:
        """Lines of each step by token, in the order of tokens."""
        found: dict[tuple[str, str], dict[int, list[Line]]] = defaultdict(dict)
        for line in sorted(self.lines, key=lambda line: (line.fence, line.at)):
            if line.execution:
                found[line.execution, line.node].setdefault(line.fence, []).append(line)
        return dict(found)

    def said(self, execution: str, node: str, fence: int, *words: str) -> list[Line]:
        """What was written of one token."""
        return [
            one for one in self.steps.get((execution, node), {}).get(fence, []) if one.word in words
        ]


def fence_of(token: str) -> int:
    """A token as steps see it."""
    milliseconds, _, sequence = token.partition("-")
    return (int(milliseconds) << 20) + int(sequence or 0)


def issued_ns(fence: int) -> int:
    """When Redis made a token, to the millisecond."""
    return (fence >> 20) * 1_000_000


class Collector:
    """Reads a namespace into a history."""

    def __init__(self, driver: AsyncDriver, space: Space, plans: Sequence[Plan]) -> None:
        self._driver = driver
        self._space = space
        self._plans = {plan.hash: plan for plan in plans}
        self._queues = sorted({queue for plan in plans for queue in plan.queues})

    async def collect(self, history: History) -> None:
        """Read everything, and have it checked."""
        for partition in self._space.keys:
            ids = await self._ids(partition)
            for at in range(0, len(ids), 50):
                try:
                    history.audit += await self._audited(partition, ids[at : at + 50])
                except StoreError as error:
                    history.audit.append(f"partition {partition.number}: {error}")
            for one in ids:
                await self._take(history, partition, one)
            await self._events(partition, history)
            history.left += await self.left(partition)
        history.audit += await self._orphans()

    async def _take(self, history: History, partition: PartitionKeys, execution: str) -> None:
        try:
            history.executions[execution] = await self._read(partition, execution)
        except StoreError as error:
            history.audit.append(f"execution {execution}: {error}")

    async def _ids(self, partition: PartitionKeys) -> list[str]:
        found: list[str] = []
        for index in INDEXES:
            found += await self._driver.run(sweeps.read_members(partition, index, 0, -1))
        return list(dict.fromkeys(found))

    async def _audited(self, partition: PartitionKeys, ids: list[str]) -> list[str]:
        """Problems of a page of executions; what is left is checked with the first."""
        tokens, members, named = await self._loose(partition, ids)
        op = sweeps.check_partition(
            self._space, partition, queues=self._queues, executions=named,
            plans=list(self._plans), tokens=tokens, members=members,
        )  # fmt: skip
        return await self._driver.run(op)

    async def _loose(
        self, partition: PartitionKeys, ids: list[str]
    ) -> tuple[list[Word], list[Word], list[str]]:
        named = list(ids)
        tokens: list[Word] = []
        members: list[Word] = []

        def at(execution: str) -> int:
            if execution not in named:
                named.append(execution)
            return named.index(execution) + 1

        for number, queue in enumerate(self._queues, 1):
            for token, _ in await self._driver.run(sweeps.read_tokens(partition, queue, "", 100)):
                tokens += (token, number, 1)
        for member in await self._driver.run(sweeps.read_members(partition, "timers", 0, 100)):
            members += (member, at(member.split(":")[1]))
        return tokens, members, named

    async def _read(self, partition: PartitionKeys, execution: str) -> Seen:
        key = partition.execution(execution)
        state = await self._driver.raw("HGET", key, "state")
        plan = self._plans[state.decode().split(" ")[3]]
        found = await self._driver.run(
            executions.read_execution(
                self._space, partition, execution, queues=plan.queues,
                first=1, last=len(plan.steps),
            )
        )  # fmt: skip
        assert found is not None
        fields = [name.decode() for name in await self._driver.raw("HKEYS", key)]
        kept = await self._driver.raw("HGET", key, "signals")
        fields += ["kept"] * int(kept or 0)
        return Seen(found, plan, int(state.split(b" ")[2]), fields)

    async def _events(self, partition: PartitionKeys, history: History) -> None:
        place = 0
        for token, fields in await self._driver.raw(
            "XRANGE", partition.permanent["events"], "-", "+"
        ):
            at = int(token.decode().partition("-")[0])
            for one in _events.decode(fields[3]):
                place += 1
                if one.kind == EventKind.EPOCH_CHANGED:
                    history.epochs.setdefault(partition.number, []).append(one.extra)
                elif one.execution in history.executions:
                    happened = Happened(one.kind, one.seq, one.step, one.extra, at, place)
                    history.executions[one.execution].events.append(happened)
                else:
                    history.strays.append(one.execution)

    async def left(self, partition: PartitionKeys) -> list[str]:
        """What would still move something in a partition."""
        found = [
            f"timer {member}"
            for member in await self._driver.run(sweeps.read_members(partition, "timers", 0, -1))
        ]
        for queue in self._queues:
            for token, _ in await self._driver.run(sweeps.read_tokens(partition, queue, "", 1000)):
                found.append(f"token {token} in queue {queue}")
            pending = await self._driver.raw("XPENDING", partition.ready(queue), "workers")
            found += [f"{pending[0]} claims in queue {queue}"] if pending[0] else []
        return [f"partition {partition.number}: {one}" for one in found]

    async def _orphans(self) -> list[str]:
        """Keys that the data model does not know."""
        names: list[bytes] = []
        cursor: Any = b"0"
        while True:
            tag = f"*{{{self._space.keys.namespace}*"
            cursor, page = await self._driver.raw("SCAN", cursor, "MATCH", tag, "COUNT", 1000)
            names += page
            if cursor == b"0":
                break
        own = belonging_to(names, self._space.keys.namespace)
        expiries = {name: await self._driver.raw("PTTL", name) for name in own}
        left = {name: expiry for name, expiry in expiries.items() if expiry != -2}
        return leaks(left, self._space.keys.namespace)


def decoded(value: bytes | None) -> Any:
    """A recorded value."""
    return None if value is None else codec.decode(value)
