"""One partition twice, on a server and in the reference: every call goes to both, then compare."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from redflow.expressions.analysis import compile_workflow
from redflow.model.plan import Plan
from redflow.model.workflow import Workflow
from redflow.store import executions, steps, sweeps, waiting
from redflow.store.epoch import Server, bump_epoch
from redflow.store.executions import Start
from redflow.store.op import Word
from redflow.store.steps import Ended
from tests.store.comparing import QUEUES, Comparison, carried, content, silent_content
from tests.store.reference.partition import Answer
from tests.store.state import Outcome, Token
from tests.store.support import Store

LEASE, SWEEP_LEASE, SWEEP_GAP = 30_000, 3_000, 15_000
DELIVERIES = 1
LOST_ERROR = b"\x81\xa6reason\xabworker_lost"
TIMEOUT_ERROR = b"\x81\xa6reason\xa7timeout"


class Pair(Comparison):
    """A partition under test beside its reference, and the calls of workers and sweeps."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._last: Callable[[], Any] | None = None

    @property
    def now(self) -> int:
        """The clock of both."""
        return self.store.now

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass."""
        self.store.now += milliseconds

    def publish(self, workflow: Workflow, version: int = 1, status: str = "ACTIVE") -> Plan:
        """Store a workflow's plan and publish it."""
        plan = compile_workflow(workflow, version)
        self.store.put_plan(plan)
        self.store.publish(workflow.id, plan.hash, version, status)
        self.model.plans[plan.hash] = plan
        self.model.workflows[workflow.id] = (plan.hash, version, status)
        return plan

    def again(self) -> Any:
        """Repeat the last call, as one does that has not heard its answer."""
        assert self._last is not None
        return self._last()

    # --- starts

    def start(
        self, starts: Sequence[Start], names: Sequence[str], hashes: Sequence[str]
    ) -> list[str]:
        """Start executions; answers the orders."""
        self._last = partial(self.start, starts, names, hashes)
        op = executions.start_executions(
            self.store.space, self.store.partition, starts,
            workflows=names, plans=hashes, queues=QUEUES,
        )  # fmt: skip
        words, orders = self.store.run(op)
        expected = self.model.start(self.now, starts, names, hashes)
        return self.agree("start", (words, orders, None), expected)

    def start_child(
        self, token: Token, meta: str, child: str, workflow: str, plan: str, value: bytes,
        version: int = 0,
    ) -> tuple[str, list[str]]:  # fmt: skip
        """Start a child of a step; answers the word and the orders."""
        self._last = partial(self.start_child, token, meta, child, workflow, plan, value, version)
        parent = self.model.executions.get(token.execution)
        op = waiting.start_child(
            self.store.space, self.store.partition, queues=QUEUES, parent=token.execution,
            child=child, plans=(parent.plan.hash if parent else plan, plan), workflow=workflow,
            token=token.name, queue=QUEUES.index(token.queue) + 1, step=token.step, meta=meta,
            version=version, digest="digest", input=value,
        )  # fmt: skip
        real = self.store.run(op)
        expected = self.model.start_child(
            self.now, token, meta, child, workflow, plan, version, "digest", value
        )
        word = f"{real.word} {real.detail}" if real.detail else real.word
        orders = self.agree("child", ([word], real.orders, None), expected)
        return real.word, orders

    # --- workers

    def advance(
        self, worker: str, outcomes: Sequence[Outcome], claims: Sequence[tuple[str, int]]
    ) -> tuple[list[int], list[tuple[Token, int]], list[str]]:
        """Record outcomes and claim; answers codes, claims and orders."""
        self._last = partial(self.advance, worker, outcomes, claims)
        ids, hashes = self.keys_of(outcome.token for outcome in outcomes)
        rows: list[Word] = []
        for o in outcomes:
            at = (QUEUES.index(o.token.queue) + 1, ids.index(o.token.execution) + 1, o.token.step)
            rows += [o.token.name, *at, o.kind, o.meta, o.value, o.detail]
        op = steps.advance(
            self.store.space, self.store.partition, consumer=worker, queues=QUEUES, executions=ids,
            plans=hashes, outcomes=rows,
            claims=[word for queue, n in claims for word in (QUEUES.index(queue) + 1, n)],
        )  # fmt: skip
        real = self.store.run(op)
        codes, claimed, orders, ended = self.model.advance(self.now, outcomes, claims, worker)
        self.compare_call(
            "advance",
            (real.codes, sorted(real.orders), sorted((e.execution, e.letter) for e in real.ended)),
            (codes, sorted(orders), sorted(ended)),
        )
        seen = [(c.token, QUEUES[c.queue - 1], c.drop, content(c.envelope)) for c in real.claims]
        wanted = [(t.name, t.queue, drop, carried(t)) for t, drop in claimed]
        self.equal("claims", seen, wanted)
        kinds = (o.kind for o, code in zip(outcomes, codes, strict=True) if code in (1, 5))
        self.count("advance", codes)
        self.count("outcome", kinds)
        self.count("claim", (f"drop-{drop}" for _, drop in claimed))
        return codes, claimed, orders

    def extend(self, worker: str, tokens: Sequence[Token]) -> list[str]:
        """Renew leases."""
        self._last = partial(self.extend, worker, tokens)
        rows: list[Word] = [
            word for t in tokens for word in (t.name, QUEUES.index(t.queue) + 1, t.execution)
        ]
        op = steps.extend_leases(
            self.store.space, self.store.partition, consumer=worker, queues=QUEUES, leases=rows
        )
        words, expected = self.store.run(op), self.model.extend(worker, tokens)
        self.compare_call("extend", words, expected)
        self.count("extend", words)
        return words

    # --- sweeps

    def reclaim(self, tokens: Sequence[Token]) -> list[str]:
        """Re-issue silent tokens; answers the orders."""
        self._last = partial(self.reclaim, tokens)
        ids, hashes = self.keys_of(tokens)
        rows: list[Word] = [
            word
            for t in tokens
            for word in (t.name, QUEUES.index(t.queue) + 1, ids.index(t.execution) + 1)
        ]
        op = sweeps.reclaim_leases(
            self.store.space, self.store.partition, lease=LEASE, deliveries_limit=DELIVERIES,
            lost_error=LOST_ERROR, queues=QUEUES, executions=ids, plans=hashes, leases=rows,
        )  # fmt: skip
        expected = self.model.reclaim(self.now, tokens, DELIVERIES, b"=" + LOST_ERROR)
        return self.agree("reclaim", self.store.run(op), expected)

    def promote(self, members: Sequence[str]) -> list[str]:
        """Fire timers and carry out orders; answers new orders."""
        self._last = partial(self.promote, members)
        owners = [member.split(":")[1] for member in members]
        ids = list(dict.fromkeys(owners))
        rows: list[Word] = [
            word
            for member, owner in zip(members, owners, strict=True)
            for word in (member, ids.index(owner) + 1)
        ]
        op = sweeps.promote_timers(
            self.store.space, self.store.partition, queues=QUEUES, executions=ids,
            plans=self.plans_of(ids), members=rows, timeout_error=TIMEOUT_ERROR,
        )  # fmt: skip
        expected = self.model.promote(self.now, members, b"=" + TIMEOUT_ERROR)
        done = zip(members, expected.words, strict=True)
        self.count("fired", (member[0] for member, word in done if word == "done"))
        return self.agree("promote", self.store.run(op), expected)

    def list_due(self, worker: str, limit: int = 100) -> tuple[list[str], list[Token]]:
        """Ask what a sweep has to do; answers due members and silent tokens."""
        self._last = partial(self.list_due, worker, limit)
        op = sweeps.list_due(
            self.store.space, [self.store.partition], worker=worker, queues=QUEUES, lease=LEASE,
            sweep_lease=SWEEP_LEASE, sweep_gap=SWEEP_GAP, records_cap=10**9, limit=limit,
        )  # fmt: skip
        real = self.store.run(op)
        next_due, members, tokens = self.model.list_due(
            self.now, worker, lease=LEASE, sweep_lease=SWEEP_LEASE, sweep_gap=SWEEP_GAP, limit=limit
        )
        found = real.partitions[0] if real.partitions else None
        silent = found.tokens if found else []
        self.compare_call(
            "list_due",
            (real.next_due, found.members if found else [], [silent_content(s) for s in silent]),
            (next_due, members, [(t.name, t.queue, carried(t)) for t in tokens]),
        )
        self.count("list_due", ["something" if members or tokens else "nothing"])
        return members, tokens

    def bump_epoch(self, server: Server) -> None:
        """Meet a server: the same as before, or another."""
        self._last = partial(self.bump_epoch, server)
        op = bump_epoch(self.store.space, self.store.partition, server, lease=LEASE)
        found, expected = self.store.run(op), self.model.bump_epoch(self.now, server, LEASE)
        self.compare_call("bump_epoch", found, expected)
        self.count("bump_epoch", [found[0]])

    # --- things that happen

    def run_full(self, milliseconds: int) -> None:
        """A sweep has found the server near its maxmemory."""
        self.model.sweeper.full = self.now + milliseconds
        self.store.command("HSET", self.store.key("sweeper"), "full", self.model.sweeper.full)

    def lose_lease(self, token: Token) -> None:
        """Nobody has been heard of for longer than a lease."""
        self.store.silence(token.queue, [token.name], 2 * LEASE)
        token.silent = True

    def agree(
        self, name: str, real: tuple[list[str], list[str], list[Ended] | None], expected: Answer
    ) -> list[str]:
        """Compare an answer of words, orders and, where they are answered, ends; then the rest."""
        words, orders, ends = real
        ended = None if ends is None else sorted((one.execution, one.letter) for one in ends)
        wanted = None if ends is None else sorted(expected.ended)
        self.compare_call(
            name, (words, sorted(orders), ended), (expected.words, sorted(expected.orders), wanted)
        )
        self.count(name, (word.split(" ")[0] for word in words))
        return list(orders)
