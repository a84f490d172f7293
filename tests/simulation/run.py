"""One simulated run: everything about it follows from its seed."""

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

from redflow.client import AsyncClient
from redflow.errors import Conflict, NotFound
from redflow.expressions.analysis import compile_workflow
from redflow.model import codec
from redflow.model.outcome import Branch
from redflow.model.workflow import Workflow
from redflow.nodes.context import Context
from redflow.nodes.registry import Registry
from redflow.store.keys import Keys
from redflow.store.space import Space
from redflow.worker.settings import WorkerSettings
from tests.simulation.checks import SUCCESS, Checks
from tests.simulation.clocks import VirtualLimits, virtual
from tests.simulation.history import History
from tests.simulation.loop import Loop, Stuck
from tests.simulation.pods import Nemesis, Pods, without_threads
from tests.simulation.servers import Connect
from tests.simulation.store import Store
from tests.simulation.wire import KINDS, Line, Trouble, WireConnector
from tests.simulation.witness import Witness
from tests.simulation.workload import ALL_QUEUES, Asked, Customer, make_workflows

NAMESPACE = "sim"
MOST_TURNS = 400_000
LONGEST = 600.0
"""Virtual seconds after the last fault within which everything must have ended."""

CHECK_EVERY = 100
"""Calls between two looks at the whole store."""


@dataclass
class Knobs:
    """What a seed chooses: sizes, times, and which faults there are (a swarm)."""

    rng: Random
    limits: dict[str, int] = field(init=False)
    settings: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        rng = self.rng
        self.limits = {
            "edge_budget": rng.choice([1, 2, 5, 1000]),
            "page": rng.choice([1, 2, 500]),
            "inline_value": rng.choice([10, 2048]),
        }
        self.lease = rng.choice([3.0, 6.0])
        self.settings = {
            "queues": ALL_QUEUES,
            "lease": self.lease,
            "beat": self.lease / rng.choice([3, 6]),
            "interval": rng.choice([1.0, 5.0]),
            "sweep": rng.choice([1.0, 3.0]),
            "batch": rng.choice([1, 3, 100]),
            "concurrency": rng.choice([1, 2, 4, 100]),
            "deliveries": rng.choice([3, 127]),
            "drain": rng.choice([0.0, 1.0]),
            "children": 1,
            "threads": 1,
        }
        self.partitions = rng.choice([1, 2])
        self.pods = rng.choice([1, 2, 3])
        self.clients = rng.choice([1, 2])
        self.starts = rng.choice([2, 3, 4])
        self.kinds = [kind for kind in KINDS if rng.random() < 0.5]
        self.share = rng.choice([0.0, 0.01, 0.05, 0.15])
        self.acts = [act for act in Nemesis.ACTS if rng.random() < 0.5]
        self.every = rng.choice([0, 100, 300, 1000])


@dataclass
class Result:
    """What came of a run."""

    seed: int
    problems: list[str]
    history: History
    calls: int
    turns: int
    faults: dict[str, int]

    def __str__(self) -> str:
        problems = "\n  ".join(self.problems[:12])
        lines = "\n  ".join(self.history.lines[-60:])
        return (
            f"seed {self.seed}: {self.calls} calls, faults {self.faults}\n  {problems}\n  {lines}"
        )


def simulate(connect: Connect, seed: int, *, keep: bool = False) -> Result:
    """Run one seed against the server, which is emptied."""
    loop = Loop(Random(f"{seed} turns"), most_turns=MOST_TURNS)
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with virtual(loop, Random(f"{seed} chance")), without_threads():
            simulation = Simulation(loop, connect, seed, keep=keep)
            try:
                loop.run_until_complete(simulation.run())
            except Stuck as error:
                simulation.problems.append(str(error))
            finally:
                loop.tick = lambda: None
                simulation.store.close()
                loop.bury()
    finally:
        logging.disable(before)
        loop._ready.clear()
        loop._scheduled.clear()
        loop.close()
    return simulation.result()


class Simulation:
    """The world of one run."""

    def __init__(self, loop: Loop, connect: Connect, seed: int, *, keep: bool) -> None:
        self.loop, self.seed = loop, seed
        self.knobs = knobs = Knobs(Random(f"{seed} knobs"))
        self.rng = Random(f"{seed} world")
        self.history = History(keep=keep)
        self.store = Store(connect, loop, self.history, lease=knobs.lease)
        self.problems: list[str] = []
        self.trouble = Trouble(Random(f"{seed} trouble"), knobs.kinds, 0.0, knobs.lease)
        self.line = Line(self.store, loop, self.trouble, Random(f"{seed} line"))
        self.connector = WireConnector(self.line)
        self.space = Space(Keys(NAMESPACE, knobs.partitions), VirtualLimits(loop, **knobs.limits))
        self.registry = Registry()
        self.registry.register_function("work", self._work)
        self.asked = Asked()
        self.labels: dict[tuple[str, str], tuple[str, ...]] = {}
        self._checked = 0

    async def run(self) -> None:
        """Set up, let it go wrong, heal it, and check."""
        workflows = await self._publish()
        knobs = self.knobs
        self.pods = Pods(self.loop, self.connector, self.space, self.registry, self._settings)
        self.witness.gives_back, self.witness.troubled = self.pods.gives_back, self._troubled
        self.nemesis = Nemesis(
            Random(f"{self.seed} nemesis"), self.loop, self.pods, self.store, lease=knobs.lease
        )
        self.nemesis.on_rollback = self._rolled_back
        self.loop.tick = self._tick
        for _ in range(knobs.pods):
            self.pods.start()
        self.trouble.share, self.nemesis.acts = knobs.share, knobs.acts
        self.nemesis.every = knobs.every
        tasks = [self._customer(f"c{n}", workflows) for n in range(knobs.clients)]
        await asyncio.wait(tasks)
        self.problems += [repr(task.exception()) for task in tasks if task.exception()]
        await asyncio.sleep(self.rng.random() * 5)
        await self._heal()
        self._judge()

    async def _publish(self) -> list[str]:
        """Register the workflows; nothing goes wrong yet."""
        made = [self.registry.complete(one) for one in make_workflows(self.rng)]
        client = self._client()
        plans = {}
        for workflow in made:
            version = await client.register_workflow(
                workflow, partitions=self.knobs.partitions, check=lambda _: []
            )
            plans[workflow.id] = compile_workflow(workflow, version.version)
            self._learn(workflow)
        await client.close()
        self.plans = plans
        self.store.hear(self.space, ALL_QUEUES)
        self.witness = Witness(self.loop, self.store, self.space, plans)
        self.witness.lease = self.knobs.lease
        self.checks = Checks(self.store, self.space, [plan.hash for plan in plans.values()])
        return [workflow.id for workflow in made]

    def _learn(self, workflow: Workflow) -> None:
        self.asked.workflow_nodes[workflow.id] = [node.id for node in workflow.nodes]
        for node in workflow.nodes:
            self.labels[workflow.id, node.id] = node.labels

    def _client(self) -> AsyncClient:
        return AsyncClient(self.connector, namespace=NAMESPACE, limits=self.space.limits)

    def _settings(self, name: str) -> WorkerSettings:
        return WorkerSettings(worker_id=name, **self.knobs.settings)

    def _customer(self, name: str, workflows: list[str]) -> asyncio.Task[Any]:
        customer = Customer(self._client(), Random(f"{self.seed} {name}"), self.asked, name)
        customer.now = lambda: (self.store.generation, self.store.calls)
        return self.pods.spawn(name, customer.run(workflows, self.knobs.starts))

    async def _work(self, ctx: Context) -> Any:
        """What every step does: rest, fail, choose a branch; all drawn."""
        one, rng = self.witness.begin(ctx), self.rng
        try:
            await asyncio.sleep(rng.choice([0, 0, 0, 0.05, 0.5, 2.0, self.knobs.lease * 1.5]))
            if rng.random() < 0.2:
                raise ValueError("as drawn")
            labels = self.labels.get((ctx.workflow, ctx.node_id), ())
            answer = {"seen": one.number, "long": "x" * rng.choice([0, 50])}
            return Branch(rng.choice(labels), answer) if labels and rng.random() < 0.8 else answer
        finally:
            self.witness.end(one, ctx)

    # While it runs

    def _tick(self) -> None:
        self.nemesis.tick()
        if self.store.calls >= self._checked + CHECK_EVERY and not self.problems:
            self._checked = self.store.calls
            self.problems += self.checks.at_any_time()
            if self.problems:
                self.history.tell(self.store.now, "", f"WRONG: {self.problems}")

    def _troubled(self, pod: str) -> bool:
        return bool(self.trouble.counts or self.nemesis.lost_from) or self.pods.troubled(pod)

    def _rolled_back(self) -> None:
        lost_from = self.nemesis.lost_from[-1]
        known = self.asked.acknowledged
        for id in [one for one, at in known.items() if at > lost_from]:
            del known[id]

    # The end

    async def _heal(self) -> None:
        """No more faults: everything must end by itself, but what is paused."""
        self.history.tell(self.store.now, "", "HEALED")
        self.trouble.heal()
        self.nemesis.every = 0
        for pod in self.pods.alive:
            self.loop.wake(pod.name)
        self.pods.start()
        client, end = self._client(), self.loop.time() + LONGEST
        while unfinished := self.checks.unfinished():
            if self.loop.time() > end:
                self.problems.append(f"{LONGEST:g} s later unfinished: {unfinished}")
                break
            for id in unfinished:
                try:
                    await client.resume_execution(id)
                except (Conflict, NotFound):
                    continue
            await asyncio.sleep(1.0)
        await asyncio.sleep(3 * self.knobs.lease)

    def _judge(self) -> None:
        """Collect everything that is wrong."""
        self.pods.judge_all()
        self.problems += self.pods.problems + self.witness.problems + self.loop.failures
        self.problems += self.checks.when_quiet(history=self.store.generation)
        for id in self.asked.acknowledged:
            if not self.checks.ended(id):
                self.problems.append(f"{id} was acknowledged, and has not ended or is not there")
        self._check_successes()

    def _check_successes(self) -> None:
        """What is recorded is what an attempt with that very token gave."""
        gave: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        for one in self.witness.seen:
            gave[one.token].add(one.number)
        for one in self.witness.seen:
            plan = self.plans[self.asked.tried.get(one.execution, "child")]
            record = self.checks.recorded(one.execution, plan.numbers[one.node])
            found = SUCCESS.match(record)
            if found is None or int(found[1]) == 0 or found[2].decode() != one.token[1]:
                continue
            value = record.partition(b"\n")[2]
            # Claimed again after a rollback, a token is that of two attempts.
            if value[:1] == b"=" and codec.decode(value[1:]).get("seen") not in gave[one.token]:
                self.problems.append(f"{one.execution}: {one.node} has another attempt's output")

    def result(self) -> Result:
        """What came of it."""
        faults = dict(self.trouble.counts)
        if hasattr(self, "nemesis"):
            faults |= self.nemesis.counts
        return Result(
            self.seed, self.problems, self.history, self.store.calls, self.loop.turns, faults
        )
