"""Random runs whose scripts lose their replies, for comparison with the same runs without cuts."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypeVar

import hiredis
import redis

from redflow.driver import RedisConnector
from redflow.store import audit, executions, explaining, workers, workflows
from redflow.store.op import Op
from redflow.store.script import script_table
from redflow.store.space import Limits
from redflow.store.workflows import Registered
from tests.faultkit.dump import without_ids
from tests.faultkit.proxy import Proxy
from tests.store.comparing import QUEUES
from tests.store.driving import WORKERS, Drive
from tests.store.state import Outcome
from tests.store.support import Store
from tests.store.ticking import Ticking

T = TypeVar("T")
Ask = Callable[[Op[Any]], Any]
TIMED = {"read_execution", "explain_step"}
"""Scripts that answer how long ago a worker was heard of."""
PATIENCE = 60.0
"""Seconds until the driver gives a call up; none of these runs may come near."""
MOST_CUTS = 5
SHARES = {"check_partition": 0.05}
"""How many calls of a script are cut, half of them by default; this one only reads, very often."""
ALL = 10_000
"""Steps to claim at once. A claim that is repeated claims on, so bounded ones have no equal run."""


class Cutter:
    """Decides how often a call loses its reply, and counts what was lost."""

    def __init__(self, proxy: Proxy, seed: int, *, paged: bool) -> None:
        """`paged`: orders take several calls, and the next call carries out what is still due."""
        self.proxy = proxy
        self.paged = paged
        self.rng = Random(seed)
        self.cuts: Counter[str] = Counter()

    def arm(self, op: Op[Any]) -> int:
        """Cut the replies of a call; answers how many."""
        assert op.script is not None
        share = SHARES.get(op.name, 0.5)
        if self.paged and op.name == "promote_timers":
            share = 0
        times = self.rng.randint(1, MOST_CUTS) if self.rng.random() < share else 0
        if times:
            sha = op.script.sha.encode()
            self.proxy.cut_reply(lambda request: b"EVALSHA" in request and sha in request, times)
        return times

    def take(self, op: Op[Any], times: int, last: Any) -> Any:
        """The reply to the first of the calls; the later ones found it done, and said the same."""
        lost = [read(reply) for _, reply in self.proxy.thrown]
        self.proxy.thrown.clear()
        assert len(lost) == times, f"{op.name}: {len(lost)} of {times} cuts were made"
        self.cuts[op.name] += times
        if op.name not in TIMED:
            later = [numberless(op, reply) for reply in (*lost[1:], last)]
            assert later == later[:1] * len(later), f"{op.name} answered {later}"
        return lost[0] if lost else last


NUMBERED = {"put_workflow", "update_workflow"}
"""Scripts that number their calls: a repeated registration is a later one."""


def numberless(op: Op[Any], reply: Any) -> Any:
    """A reply without the number of the call."""
    return reply[:2] + reply[3:] if op.name in NUMBERED else reply


def read(reply: bytes) -> Any:
    """A reply that was no error."""
    reader = hiredis.Reader()
    reader.feed(reply)
    value = reader.gets()
    assert not isinstance(value, Exception), value
    return value


class CutStore(Store):
    """A store whose scripts are asked by a real driver; a cutter may take their replies away.

    Its caller hears what the first call answered, and so does the same as without the cuts.
    """

    def __init__(
        self, client: redis.Redis, namespace: str, limits: Limits, ask: Ask, cutter: Cutter | None
    ) -> None:
        super().__init__(client, namespace, limits)
        self._ask, self._cutter = ask, cutter
        self.heard: list[tuple[str, Any]] = []
        self.calls = 0

    def run(self, op: Op[T]) -> T:
        if op.script is None:
            return super().run(op)
        self.calls += 1
        raw: Op[Any] = replace(op, parse=lambda reply: reply)  # type: ignore[arg-type]
        times = self._cutter.arm(op) if self._cutter else 0
        reply = self._ask(raw)
        if self._cutter:
            reply = self._cutter.take(op, times, reply)
        if op.name not in TIMED:
            self.heard.append((op.name, numberless(op, reply)))
        return op.parse(reply)

    def answers(self) -> list[Any]:
        """All replies to first calls, without the ids that the server made."""
        return [(name, without_ids(reply)) for name, reply in self.heard]


class CutDrive(Drive):
    """A random run that claims whatever there is, and looks at executions now and then."""

    def _advance(
        self, worker: str, outcomes: Sequence[Outcome], claims: Sequence[tuple[str, int]]
    ) -> None:
        super()._advance(worker, outcomes, [(queue, ALL) for queue, _ in claims])

    def pass_time(self) -> None:
        super().pass_time()
        known = self.pair.model.executions
        if known:
            chosen = list(known)[self.servers.randrange(len(known))]
            self._look(chosen)
            self._mend(chosen)

    def _look(self, execution: str) -> None:
        store, found = self.pair.store, self.pair.model.executions[execution]
        space, partition = store.space, store.partition
        steps = range(1, len(found.plan.steps) + 1)
        read = executions.read_execution(
            space, partition, execution, queues=QUEUES, first=1, last=len(steps)
        )
        explained = explaining.explain_step(
            space, partition, execution=execution, workflow=found.workflow, queues=QUEUES,
            steps=steps,
        )  # fmt: skip
        assert store.run(read)
        assert store.run(explained)
        page = executions.list_executions(
            space, partition, "live", before="+inf", after="", limit=10
        )
        assert len(store.run(page)) <= 10

    def _mend(self, execution: str) -> None:
        """An execution is lost from its index, and found again where it was."""
        store, found = self.pair.store, self.pair.model.executions[execution]
        unfinished = audit.list_unfinished(
            store.space, store.partition, worker=WORKERS[0], queues=QUEUES, limit=10
        )
        assert len(store.run(unfinished).live) <= 10
        lost = store.command("ZREM", store.partition.permanent["live"], execution)
        repaired = audit.repair_execution(
            store.space, store.partition, queues=QUEUES, executions=[execution],
            plans=[found.plan.hash],
        )  # fmt: skip
        assert len(store.run(repaired).mended) == lost


class Registry:
    """Random calls on the records of a namespace: registration, workers, pauses."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.rng = Random(seed)
        self.registered: dict[str, Registered] = {}

    def run(self, calls: int) -> None:
        """Make so many calls."""
        self.store.prepare(["default"])
        actions = [self.namespace, self.beat, self.drain, self.pause, self.register]
        actions += [self.update, self.publish, self.plan, self.forget, self.schedule]
        for _ in range(calls):
            self.store.now += self.rng.choice([0, 1, 500, 40_000])
            self.rng.choice(actions)()

    def namespace(self) -> None:
        """Make the namespace, or ask for it."""
        self.store.run(workflows.put_namespace(self.store.space, self.rng.choice([0, 1, 4])))

    def beat(self) -> None:
        """A worker lives, or leaves."""
        queues = self.rng.sample(["default", "mail", "slow"], self.rng.randint(1, 3))
        about = self.rng.choice([b"", b"about", b"about it"])
        op = workers.put_worker(
            self.store.space, self._worker(), queues=queues, about=about, alive=60_000
        )
        assert set(self.store.run(op).workers) == set(queues)

    def drain(self) -> None:
        """A worker is asked to end."""
        assert self.store.run(workers.drain_worker(self.store.space, self._worker())) in (
            "ok",
            "gone",
        )

    def forget(self) -> None:
        """Consumers come, and those of dead workers go."""
        store, ready = self.store, self.store.partition.ready("default")
        store.command("XGROUP", "CREATECONSUMER", ready, "workers", self._worker())
        op = workers.forget_workers(
            store.space, store.partition, queues=["default"], alive=[self._worker()], idle=0
        )
        store.run(op)

    def pause(self) -> None:
        """A queue is paused, or goes on."""
        name, on = self.rng.choice(["*", "default", "mail"]), self.rng.random() < 0.5
        self.store.run(workers.put_pause(self.store.space, name, on=on, note=b"note"))

    def register(self) -> None:
        """A workflow is registered: new content, or what an earlier version was."""
        name, content = self._workflow(), self.rng.choice("abcd")
        op = workflows.put_workflow(
            self.store.space, name, content_hash=content, status=self._status(), about=b"",
            document=content.encode(), queues=["default", "mail"],
        )  # fmt: skip
        self.registered[name] = self.store.run(op)

    def update(self) -> None:
        """A workflow goes back to a version, or takes no more."""
        name, version = self._workflow(), self.rng.choice([0, 0, 1, 2, 9])
        status = self._status() if self.rng.random() < 0.6 else ""
        op = workflows.update_workflow(self.store.space, name, version=version, status=status)
        found = self.store.run(op)
        if found:
            self.registered[name] = found[0]

    def publish(self) -> None:
        """A partition hears of a workflow, sometimes late."""
        if self.registered:
            name = self.rng.choice(sorted(self.registered))
            space, partition = self.store.space, self.store.partition
            op = workflows.publish_workflow(
                space, partition, name, self.registered[name], self._status()
            )
            assert self.store.run(op) in ("published", "older")

    def plan(self) -> None:
        """A plan is stored in pages."""
        fields = {f"f{number}": "value" for number in range(600)} | {"n": "1"}
        for op in workflows.put_plan(
            self.store.space, self.store.partition, self.rng.choice("abcd"), fields
        ):
            self.store.run(op)

    def schedule(self) -> None:
        """A schedule is kept, paused or resumed, fired, sometimes forgotten."""
        ticking = Ticking(self.store)
        ticking.put(digest=self.rng.choice("ab"), next=self.store.now // 1000)
        ticking.pause(on=self.rng.random() < 0.5, digest="a", next=self.store.now // 1000, due=1)
        if (found := ticking.read()) is not None:
            ticking.fire(found.next, schedule=found, next=found.next + 1)
        if self.rng.random() < 0.2:
            ticking.delete()

    def _worker(self) -> str:
        return self.rng.choice(["w-1", "w-2", "w-3"])

    def _workflow(self) -> str:
        return self.rng.choice(["order", "mail", "trip"])

    def _status(self) -> str:
        return self.rng.choice(["ACTIVE", "INACTIVE"])


@dataclass
class Askers:
    """Both drivers behind one proxy, asked in the same way."""

    url: str
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def __enter__(self) -> dict[str, Ask]:
        connector = RedisConnector(self.url)
        self._plain, self._async = connector.driver(), connector.async_driver()
        return {
            "driver": lambda op: self._plain.run(op, deadline=PATIENCE),
            "async driver": lambda op: self.runner.run(self._async.run(op, deadline=PATIENCE)),
        }

    def __exit__(self, *_: object) -> None:
        self._plain.close()
        self.runner.run(self._async.close())
        self.runner.close()


def load_all(client: redis.Redis) -> None:
    """Have a server know every script: the reply that says it does not is none to lose."""
    for script in script_table().values():
        client.execute_command("SCRIPT LOAD", script.text)  # type: ignore[no-untyped-call]
