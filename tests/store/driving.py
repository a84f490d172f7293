"""Drives a pair by random calls until every execution has ended; one seed is one order of calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import msgspec

from redflow.model.plan import Plan
from redflow.model.routing import not_taken
from redflow.model.workflow import Node, Workflow
from redflow.store.epoch import Server
from redflow.store.executions import Start, pack_value
from redflow.store.space import Limits
from tests.store.dags import random_workflow
from tests.store.paired import LEASE, QUEUES, SWEEP_GAP, SWEEP_LEASE, Pair
from tests.store.state import DONE, Outcome, Token
from tests.store.support import Store

pack = msgspec.msgpack.encode
WORKERS = ("worker-a", "worker-b")
DRAIN_ROUNDS = 20_000
SIZES = ((1000, 500), (5, 500), (2, 3), (1, 1))
"""Edge budget and page of one call: small ones reach every page."""
NODES = {1000: 30, 5: 30, 2: 20, 1: 12}
"""The most nodes of a workflow by edge budget: one edge a call takes its time."""


def limits_of(size: tuple[int, int]) -> Limits:
    """Limits under which values go by reference and calls end in orders."""
    return Limits(edge_budget=size[0], page=size[1], inline_value=40, inline_total=70)


@dataclass(frozen=True)
class Temper:
    """How often steps of an execution fail, retry or are released."""

    fail: float
    retry: float
    release: float


class Drive:
    """One seed: random workflows, executions and workers that meet every misfortune."""

    def __init__(self, store: Store, seed: int, *, executions: int) -> None:
        self.rng = Random(seed)
        self.pair = Pair(store)
        self.to_start = executions
        self.started: list[tuple[Start, str]] = []
        self.held: list[Token] = []
        self.reported: list[Outcome] = []
        self.orders: list[str] = []
        self.server = Server("run", "history")
        self.servers = Random(seed)  # of their own: what else happens stays what it was
        self.tempers: dict[str, Temper] = {}
        nodes = NODES[store.limits.edge_budget]
        self.plans = [self._publish(f"wf{i}", nodes) for i in range(3)]
        self.pair.publish(Workflow("resting", nodes=(Node("n0", "function"),)), status="INACTIVE")

    def run(self) -> int:
        """Call until all is started, then let everything end; answers the executions that ran."""
        actions = [
            (self.start, 6), (self.work, 30), (self.extend, 3), (self.lose_leases, 4),
            (self.sweep, 9), (self.run_orders, 4), (self.pass_time, 9), (self.reclaim_any, 2),
            (self.promote_any, 2), (self.purge, 1),
        ]  # fmt: skip
        if self.rng.random() < 0.5:
            self._outlast_the_guard()
        while self.to_start > 0 or self.rng.random() < 0.97:
            (action,) = self.rng.choices([a for a, _ in actions], [w for _, w in actions])
            action()
        self.drain()
        return len(self.tempers)

    def _outlast_the_guard(self) -> None:
        """The first sweep ever holds reclaims back for a lease."""
        for _ in range(5):
            self.pair.list_due(WORKERS[0])
            self.pair.pass_time(LEASE // 4)

    # --- starts

    def _publish(self, name: str, nodes: int, version: int = 1) -> tuple[str, Plan]:
        size = self.rng.choice([1, 4, self.rng.randint(1, nodes), nodes])
        workflow = random_workflow(self.rng, name, size)
        return name, self.pair.publish(workflow, version)

    def start(self) -> None:
        """Start some executions, new ones and old ones again, of workflows that may not start."""
        names = [*(name for name, _ in self.plans), "nobody-knows", "resting"]
        hashes = [plan.hash for _, plan in self.plans]
        starts = [self._start(len(names)) for _ in range(self.rng.randint(1, 4))]
        if self.rng.random() < 0.3:
            starts.append(self.rng.choice(starts))
        self._later(self.pair.start(starts, names, hashes))
        if self.rng.random() < 0.3:
            self._later(self.pair.again())
        for one in starts:
            execution = self.pair.model.executions.get(one.execution)
            if execution and execution.id not in self.tempers:
                self.to_start -= 1
                self.tempers[execution.id] = self._temper()
                self.started.append((one, names[one.workflow - 1]))

    def _start(self, workflows: int) -> Start:
        rng = self.rng
        if self.started and rng.random() < 0.2:
            first, _ = rng.choice(self.started)
            if rng.random() < 0.5:
                return first
            return Start(first.execution, 1, 1, first.input, "other")
        plans = len(self.plans)
        number = rng.randint(1, workflows if rng.random() < 0.1 else plans)
        plan = number if number <= plans and rng.random() < 0.95 else rng.randint(1, plans)
        return Start(
            f"e{len(self.tempers)}-{rng.randrange(10**6)}", number, plan, self._value(), "digest",
            version=rng.choice([0, 0, 0, 1]) if plan == number else 0,
            meta=rng.choice([b"", b"\x80"]), headers=rng.choice([b"", pack(b"trace")]),
        )  # fmt: skip

    def _temper(self) -> Temper:
        kinds = [Temper(0, 0, 0), Temper(0.03, 0.1, 0.05), Temper(0.2, 0.2, 0.1)]
        return self.rng.choice(kinds)

    def _value(self) -> bytes:
        return pack("v" * self.rng.choice([0, 5, 5, 20, 37, 38, 39, 60]))

    # --- a worker

    def work(self) -> None:
        """Report some outcomes, old ones and doubled ones among them, and claim."""
        rng = self.rng
        chosen = rng.sample(self.held, rng.randint(0, min(len(self.held), 6)))
        outcomes = [self._outcome(token) for token in chosen]
        if outcomes and rng.random() < 0.2:
            outcomes.append(self._outcome(rng.choice(chosen)))
        if self.reported and rng.random() < 0.2:
            outcomes.append(rng.choice(self.reported[-30:]))
        rng.shuffle(outcomes)
        queues = rng.sample(QUEUES, rng.randint(0, len(QUEUES)))
        claims = [(queue, rng.randint(1, 4)) for queue in queues]
        self._advance(rng.choice(WORKERS), outcomes, claims)

    def _advance(
        self, worker: str, outcomes: Sequence[Outcome], claims: Sequence[tuple[str, int]]
    ) -> None:
        for _ in range(2 if self.rng.random() < 0.3 else 1):
            _, claimed, orders = self.pair.advance(worker, outcomes, claims)
            self.held += [token for token, _ in claimed]
            self._later(orders)
        self.reported += outcomes
        done = {outcome.token for outcome in outcomes}
        self.held = [token for token in self.held if token not in done]

    def _outcome(self, token: Token) -> Outcome:
        rng = self.rng
        temper = self.tempers.get(token.execution, Temper(0, 0, 0))
        counts = f"{token.attempt},{token.deliveries},{token.releases},{token.queue}"
        meta = f"{counts},{rng.randint(0, 99)},{rng.randint(0, 99)}"
        chance = rng.random()
        if chance < temper.fail:
            return Outcome(token, "f", meta, b"=" + pack({"type": "Boom"}))
        chance -= temper.fail
        if chance < temper.retry and token.attempt < 4:
            return Outcome(token, "r", meta, b"=" + pack("again"), str(rng.choice([0, 1, 900])))
        chance -= temper.retry
        if chance < temper.release and token.releases < 4:
            return Outcome(token, "l", meta, b"shutdown", rng.choice(["0", "1", "500"]))
        return Outcome(token, "c", meta, self._packed(), self._not_taken(token))

    def _packed(self) -> bytes:
        return pack_value(self._value(), self.pair.store.limits.inline_value)

    def _not_taken(self, token: Token) -> str:
        step = self.pair.model.plans[token.plan].step(token.step)
        return not_taken(step, self.rng.choice([*step.labels, None]))

    def extend(self) -> None:
        """Renew leases of held tokens and of some that are held no more."""
        tokens = self.held[:5] + [outcome.token for outcome in self.reported[-2:]]
        if tokens:
            self.pair.extend(self.rng.choice(WORKERS), tokens)
            self._sometimes_again()

    # --- misfortune

    def lose_leases(self) -> None:
        """Workers fall silent; some report later, when their step runs elsewhere or has ended."""
        for token in self.rng.sample(self.held, min(len(self.held), 2)):
            if token.live:
                self.pair.lose_lease(token)

    def pass_time(self) -> None:
        """Let some time pass; sometimes so much that nobody can have swept."""
        longest = SWEEP_GAP + 1 if self.rng.random() < 0.04 else 9_000
        self.pair.pass_time(self.rng.choice([1, 100, 1000, longest, longest]))
        if self.servers.random() < 0.1:
            self.meet_server()

    def meet_server(self) -> None:
        """Somebody connects: nothing is new, or all that restarts, failovers and proxies bring."""
        rng, (run, history, _) = self.servers, self.server
        new = f"{rng.randrange(10**9):040x}"
        another, renamed = Server(new, history), Server(run, new)
        changed = [Server(run, new, history), Server(new, new, history)]
        met = rng.choice([self.server, another, renamed, *changed])
        self.pair.bump_epoch(met)
        if met != another:
            self.server = met
        if rng.random() < 0.3:
            self.pair.again()

    def purge(self) -> None:
        """Retention removes an ended execution."""
        ended = [e.id for e in self.pair.model.executions.values() if e.phase == DONE]
        if ended:
            self.pair.purge(self.rng.choice(ended))

    # --- sweeps and orders

    def sweep(self) -> None:
        """Do what is due."""
        members, tokens = self.pair.list_due(self.rng.choice(WORKERS), self.rng.choice([1, 3, 100]))
        self._sometimes_again()
        if members:
            self._promote(self.rng.sample(members, self.rng.randint(1, len(members))))
        if tokens:
            self._later(self.pair.reclaim(tokens))
            self._sometimes_again()

    def run_orders(self) -> None:
        """Carry out orders that calls have answered."""
        orders, self.orders = self.orders[:4], self.orders[4:]
        if orders:
            self._promote(orders)

    def reclaim_any(self) -> None:
        """Reclaim what may not be silent, or not be there."""
        tokens = self.rng.sample(self.held, min(len(self.held), 3))
        tokens += [outcome.token for outcome in self.reported[-2:]]
        tokens += [stream[-1] for stream in self.pair.model.streams.values() if stream]
        if tokens:
            self._later(self.pair.reclaim(tokens))

    def promote_any(self) -> None:
        """Fire what may not be due, or not be there."""
        if self.tempers:
            owner = self.rng.choice(list(self.tempers))
            members = [f"{self.rng.choice('wfk')}:{owner}:1"]
            self._promote([*list(self.pair.model.timers)[:2], *members])

    def _promote(self, members: Sequence[str]) -> None:
        self._later(self.pair.promote(members))
        if self.rng.random() < 0.3:
            self._later(self.pair.again())

    def _later(self, orders: Sequence[str]) -> None:
        """Leave half of the orders to the sweep."""
        self.orders += [order for order in orders if self.rng.random() < 0.5]

    def _sometimes_again(self) -> None:
        if self.rng.random() < 0.3:
            self.pair.again()

    # --- the end

    def drain(self) -> None:
        """Work and sweep until nothing is left; what has fallen silent is left to the sweep."""

        def work() -> None:
            if self.held and self.rng.random() < 0.1:
                self.lose_leases()
            self.held = [token for token in self.held if token.live and not token.silent]
            outcomes = [self._outcome(token) for token in self.held]
            self._advance(WORKERS[0], outcomes, [(queue, 50) for queue in QUEUES])

        drain(self.pair, work)


def drain(pair: Pair, work: Callable[[], None]) -> None:
    """Sweep and let a worker work in turn until everything has ended, and look at what stays."""
    model = pair.model
    for _ in range(DRAIN_ROUNDS):
        if not model.timers and not any(model.streams.values()):
            break
        pair.pass_time(SWEEP_LEASE)
        members, tokens = pair.list_due(WORKERS[0], 5)
        if members:
            pair.promote(members)
        if tokens:
            pair.reclaim(tokens)
        work()
    assert {one.phase for one in model.executions.values()} <= {DONE}
    assert not model.timers
    assert not any(model.streams.values())
    pair.compare_all()
