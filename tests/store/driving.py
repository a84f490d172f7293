"""Drives a pair by random calls until every execution has ended; one seed is one order of calls."""

from collections.abc import Callable, Sequence
from random import Random

import msgspec

from redflow.model.plan import Plan
from redflow.model.workflow import Node, Workflow
from redflow.store.epoch import Server
from redflow.store.executions import Start
from redflow.store.space import Limits
from tests.store.comparing import QUEUES
from tests.store.dags import grown, random_workflow
from tests.store.meddling import Meddler
from tests.store.operating import OperatedPair
from tests.store.paired import LEASE, SWEEP_GAP, SWEEP_LEASE
from tests.store.reporting import TEMPERS, Reporter, Temper
from tests.store.state import DONE, Outcome, Token
from tests.store.support import Store

pack = msgspec.msgpack.encode
WORKERS = ("worker-a", "worker-b")
DRAIN_ROUNDS = 20_000
RERUNS = 4
SIZES = ((1000, 500), (5, 500), (2, 3), (1, 1))
"""Edge budget and page of one call: small ones reach every page."""
NODES = {1000: 30, 5: 30, 2: 20, 1: 12}
"""The most nodes of a workflow by edge budget: one edge a call takes its time."""


def limits_of(size: tuple[int, int]) -> Limits:
    """Limits under which values go by reference, signals are refused and calls end in orders."""
    return Limits(
        edge_budget=size[0],
        page=size[1],
        inline_value=40,
        inline_total=70,
        signals_cap=4,
        depth_limit=4,
    )


class Drive:
    """One seed: random workflows, executions, workers and operators that meet every misfortune."""

    def __init__(self, store: Store, seed: int, *, executions: int) -> None:
        self.rng = Random(seed)
        self.pair = OperatedPair(store)
        self.reporter = Reporter(self.rng, self.pair, children=executions // 2)
        self.meddler = Meddler(self.rng, self.pair, self.reporter, reruns=2)
        self.to_start = executions
        self.started: list[Start] = []
        self.held: list[Token] = []
        self.reported: list[Outcome] = []
        self.orders: list[str] = []
        self.server = Server("run", "history")
        self.servers = Random(seed)  # of their own: what else happens stays what it was
        self.memory = Random(seed)
        self.nodes = NODES[store.limits.edge_budget]
        self.workflows: dict[str, Workflow] = {}
        self.plans = [self._publish(f"wf{i}", 1) for i in range(3)]
        self.pair.publish(Workflow("resting", nodes=(Node("n0", "function"),)), status="INACTIVE")

    def run(self) -> int:
        """Call until all is started, then let everything end; answers the executions that ran."""
        meddle = self.meddler
        actions = [
            (self.start, 6), (self.work, 30), (self.extend, 3), (self.lose_leases, 4),
            (self.sweep, 9), (self.run_orders, 4), (self.pass_time, 9), (self.reclaim_any, 2),
            (self.promote_any, 2), (self.publish_again, 1), (self.rerun, 3),
            (self.start_stale_child, 1), (self.lose_lease_of_paused, 0.5),
            (self._by(meddle.signal), 4), (self._by(meddle.stop), 1.5),
            (self._by(meddle.pause), 4), (self._by(meddle.pause_partition), 1.5),
            (self._by(meddle.skip), 1.5), (self._by(meddle.purge), 1.5),
        ]  # fmt: skip
        if self.rng.random() < 0.5:
            self._outlast_the_guard()
        while self.to_start > 0 or self.rng.random() < 0.97:
            (action,) = self.rng.choices([a for a, _ in actions], [w for _, w in actions])
            action()
        self.drain()
        self._run_again()
        return len(self.pair.model.executions)

    def _run_again(self) -> None:
        """Once all has ended, with what was published meanwhile, run some of it again."""
        self.meddler.reruns += RERUNS
        for place in range(len(self.plans)):
            self._publish_again(place)
        while self.meddler.reruns:
            self.rerun()
        self.drain()

    def _outlast_the_guard(self) -> None:
        """The first sweep ever holds reclaims back for a lease."""
        for _ in range(5):
            self.pair.list_due(WORKERS[0])
            self.pair.pass_time(LEASE // 4)

    def _by(self, meddle: Callable[[], list[str]]) -> Callable[[], None]:
        return lambda: self._later(meddle())

    # --- starts

    def _publish(self, name: str, version: int) -> tuple[str, Plan]:
        size = self.rng.choice([1, 4, self.rng.randint(1, self.nodes), self.nodes])
        workflow = random_workflow(self.rng, name, size)
        if name in self.workflows and self.rng.random() < 0.7:
            workflow = grown(self.rng, self.workflows[name])
        self.workflows[name] = workflow
        return name, self.pair.publish(workflow, version)

    def publish_again(self) -> None:
        """Publish another version of a workflow; what runs stays with its own."""
        self._publish_again(self.rng.randrange(len(self.plans)))

    def _publish_again(self, place: int) -> None:
        name, plan = self.plans[place]
        self.plans[place] = self._publish(name, plan.version + 1)

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
            known = one.execution in self.reporter.tempers
            if one.execution in self.pair.model.executions and not known:
                self.to_start -= 1
                self.reporter.tempers[one.execution] = self._temper()
                self.started.append(one)

    def _start(self, workflows: int) -> Start:
        rng = self.rng
        if self.started and rng.random() < 0.2:
            first = rng.choice(self.started)
            if rng.random() < 0.5:
                return first
            return Start(first.execution, 1, 1, first.input, "other")
        plans = len(self.plans)
        number = rng.randint(1, workflows if rng.random() < 0.1 else plans)
        plan = number if number <= plans and rng.random() < 0.95 else rng.randint(1, plans)
        pinned = rng.choice([0, 0, 0, self.plans[plan - 1][1].version]) if plan == number else 0
        now = self.pair.now
        return Start(
            f"e{len(self.reporter.tempers)}-{rng.randrange(10**6)}", number, plan,
            self.reporter.value(), "digest", version=pinned, meta=rng.choice([b"", b"\x80"]),
            headers=rng.choice([b"", pack(b"trace")]),
            due=rng.choice(["", "", "", "+0", "+9000", f"@{now + 3000}", f"@{now - 5}"]),
            timeout=rng.choice([0, 0, 0, 5_000, 40_000]),
        )  # fmt: skip

    def _temper(self) -> Temper:
        if self.rng.random() < 0.02:
            return Temper(nest=True)
        return self.rng.choice(TEMPERS)

    # --- a worker

    def work(self) -> None:
        """Report some outcomes, old ones and doubled ones among them, start children, and claim."""
        rng = self.rng
        chosen = rng.sample(self.held, rng.randint(0, min(len(self.held), 6)))
        chosen = self._start_children(chosen)
        outcomes = [self.reporter.outcome(token) for token in chosen]
        if outcomes and rng.random() < 0.2:
            outcomes.append(self.reporter.outcome(rng.choice(chosen)))
        if self.reported and rng.random() < 0.2:
            outcomes.append(rng.choice(self.reported[-30:]))
        rng.shuffle(outcomes)
        queues = rng.sample(QUEUES, rng.randint(0, len(QUEUES)))
        claims = [(queue, rng.randint(1, 4)) for queue in queues]
        self._advance(rng.choice(WORKERS), outcomes, claims)

    def start_stale_child(self) -> None:
        """A worker starts a child of a step that it has lost, or that is not there any more."""
        if self.reported:
            token = self.rng.choice(self.reported).token
            self._later(self.reporter.start_child(token, self.plans)[1])

    def _start_children(self, tokens: Sequence[Token]) -> list[Token]:
        """Start children of some steps; answers the others."""
        rest = []
        for token in tokens:
            if not self.reporter.wants_child(token):
                rest.append(token)
                continue
            held, orders = self.reporter.start_child(token, self.plans)
            self._later(orders)
            if not held:
                self.held.remove(token)
        return rest

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

    def lose_lease_of_paused(self) -> None:
        """A worker falls silent over a step whose execution is paused meanwhile."""
        live = [token for token in self.held if token.live]
        if live:
            token = self.rng.choice(live)
            self._later(self.pair.pause([token.execution], on=True))
            self.pair.lose_lease(token)
            self._later(self.pair.reclaim([token]))

    def pass_time(self) -> None:
        """Let some time pass; sometimes so much that nobody can have swept."""
        longest = SWEEP_GAP + 1 if self.rng.random() < 0.04 else 9_000
        self.pair.pass_time(self.rng.choice([1, 100, 1000, longest, longest]))
        if self.servers.random() < 0.1:
            self.meet_server()
        if self.memory.random() < 0.1:
            self.pair.run_full(self.memory.choice([1, 1000, SWEEP_GAP]))

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

    def rerun(self) -> None:
        """Run something again."""
        self._later(self.meddler.rerun(self.plans))

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
        model = self.pair.model
        if model.executions:
            owner = self.rng.choice(list(model.executions))
            members = [f"{self.rng.choice('wfkdp')}:{owner}:1", f"{self.rng.choice('xc')}:{owner}"]
            self._promote(list(dict.fromkeys([*list(model.timers)[:2], *members])))

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
            rest = self._start_children(self.held)
            outcomes = [self.reporter.outcome(token) for token in rest]
            self._advance(WORKERS[0], outcomes, [(queue, 50) for queue in QUEUES])

        drain(self.pair, self.meddler, work)


def drain(pair: OperatedPair, meddler: Meddler, work: Callable[[], None]) -> None:
    """Sweep and let a worker work in turn until everything has ended, and look at what stays."""
    model = pair.model
    meddler.let_go()
    for _ in range(DRAIN_ROUNDS):
        if not model.timers and all(one.ended for one in model.executions.values()):
            break
        meddler.send_what_is_missing()
        idle = not any(model.streams.values())
        due = min(model.timers.values(), default=pair.now)
        pair.pass_time(min(max(due - pair.now, SWEEP_LEASE), SWEEP_GAP) if idle else SWEEP_LEASE)
        members, tokens = pair.list_due(WORKERS[0], 20)
        if members:
            pair.promote(members)
        if tokens:
            pair.reclaim(tokens)
        work()
    assert {one.phase for one in model.executions.values()} <= {DONE}
    assert not model.timers
    assert not any(model.streams.values())
    pair.compare_all()
