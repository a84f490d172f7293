"""The same reference beside the scripts, driven by hypothesis, which shrinks what it finds."""

from collections.abc import Sequence
from random import Random

import fakeredis
import msgspec
import redis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from redflow.model.routing import not_taken
from redflow.store.epoch import Server
from redflow.store.executions import Start
from tests.store.dags import random_workflow
from tests.store.driving import SIZES, WORKERS, drain, limits_of
from tests.store.paired import QUEUES, Pair
from tests.store.state import Outcome, Token
from tests.store.support import Store

pack = msgspec.msgpack.encode
WHICH = st.integers(0, 7)
SMALL = st.integers(1, 3)


class Machine(RuleBasedStateMachine):
    """One partition; a rule is one call, compared by the pair."""

    client: redis.Redis
    namespace: str

    @initialize(size=st.sampled_from(SIZES), nodes=st.integers(1, 8), seed=st.integers(0, 999))
    def publish(self, size: tuple[int, int], nodes: int, seed: int) -> None:
        store = Store(self.client, self.namespace, limits_of(size))
        store.clear()
        self.pair = Pair(store)
        self.plan = self.pair.publish(random_workflow(Random(seed), "wf", nodes))
        self.held: list[Token] = []
        self.reported: list[Outcome] = []
        self.orders: list[str] = []

    # --- starts

    @rule(count=SMALL)
    def start(self, count: int) -> None:
        first = len(self.pair.model.executions)
        self._start([f"e{first + i}" for i in range(count)])

    @precondition(lambda self: self.pair.model.executions)
    @rule(which=WHICH, digest=st.sampled_from(["digest", "other"]))
    def start_again(self, which: int, digest: str) -> None:
        self._start([_pick(list(self.pair.model.executions), which)], digest)

    def _start(self, ids: Sequence[str], digest: str = "digest") -> None:
        starts = [Start(one, 1, 1, pack("input"), digest) for one in ids]
        self.orders += self.pair.start(starts, ["wf"], [self.plan.hash])

    # --- a worker

    @rule(queue=st.sampled_from(QUEUES), count=SMALL, worker=st.sampled_from(WORKERS))
    def claim(self, queue: str, count: int, worker: str) -> None:
        self._advance([], [(queue, count)], worker)

    @precondition(lambda self: self.held)
    @rule(which=WHICH, label=st.integers(0, 3), length=st.sampled_from([0, 30, 60]))
    def complete(self, which: int, label: int, length: int) -> None:
        token = _pick(self.held, which)
        labels = [None, *self.plan.step(token.step).labels]
        refused = not_taken(self.plan.step(token.step), labels[label % len(labels)])
        value = pack("v" * length)
        self._report(token, "c", (b"=" if len(value) <= 40 else b"@") + value, refused)

    @precondition(lambda self: self.held)
    @rule(which=WHICH)
    def fail(self, which: int) -> None:
        self._report(_pick(self.held, which), "f", b"=" + pack("error"))

    @precondition(lambda self: self.held)
    @rule(which=WHICH, delay=st.sampled_from(["0", "1000"]))
    def retry(self, which: int, delay: str) -> None:
        self._report(_pick(self.held, which), "r", b"=" + pack("error"), delay)

    @precondition(lambda self: self.held)
    @rule(which=WHICH, delay=st.sampled_from(["0", "1000"]))
    def release(self, which: int, delay: str) -> None:
        self._report(_pick(self.held, which), "l", b"shutdown", delay)

    @precondition(lambda self: self.reported)
    @rule(which=WHICH, twice=st.booleans())
    def report_stale(self, which: int, twice: bool) -> None:
        self._advance([_pick(self.reported, which)] * (1 + twice))

    @precondition(lambda self: self.held)
    @rule(which=WHICH, worker=st.sampled_from(WORKERS))
    def extend(self, which: int, worker: str) -> None:
        self.pair.extend(worker, self.held[: which + 1])

    # --- misfortune, time, sweeps

    @precondition(lambda self: any(token.live for token in self.held))
    @rule(which=WHICH)
    def lose_lease(self, which: int) -> None:
        self.pair.lose_lease(_pick([token for token in self.held if token.live], which))

    @rule(milliseconds=st.sampled_from([1, 1000, 12_000, 40_000]))
    def pass_time(self, milliseconds: int) -> None:
        self.pair.pass_time(milliseconds)

    @rule(worker=st.sampled_from(WORKERS), limit=st.sampled_from([1, 100]))
    def sweep(self, worker: str, limit: int) -> None:
        members, tokens = self.pair.list_due(worker, limit)
        if members:
            self.orders += self.pair.promote(members)
        if tokens:
            self.orders += self.pair.reclaim(tokens)

    @rule(run=st.sampled_from("ab"), history=SMALL, earlier=st.sampled_from(["", "h"]))
    def meet_server(self, run: str, history: int, earlier: str) -> None:
        self.pair.bump_epoch(Server(run, f"h{history}", earlier))

    @precondition(lambda self: self.orders)
    @rule()
    def run_order(self) -> None:
        self.orders += self.pair.promote([self.orders.pop(0)])

    @precondition(lambda self: self.pair.calls)
    @rule()
    def repeat_the_last_call(self) -> None:
        answer = self.pair.again()
        if isinstance(answer, tuple) and len(answer) == 3:
            self._take(answer[1])

    # --- the end

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            drain(self.pair, self._finish)

    def _finish(self) -> None:
        live = [token for token in self.held if token.live and not token.silent]
        outcomes = [_outcome(token, "c", b"=" + pack(1)) for token in live]
        self.held = []
        self._advance(outcomes, [(queue, 9) for queue in QUEUES])

    def _report(self, token: Token, kind: str, value: bytes, detail: str = "") -> None:
        self.reported.append(_outcome(token, kind, value, detail))
        self.held.remove(token)
        self._advance([self.reported[-1]])

    def _advance(
        self,
        outcomes: list[Outcome],
        claims: Sequence[tuple[str, int]] = (),
        worker: str = WORKERS[0],
    ) -> None:
        _, claimed, orders = self.pair.advance(worker, outcomes, claims)
        self._take(claimed)
        self.orders += orders

    def _take(self, claimed: list[tuple[Token, int]]) -> None:
        self.held += [token for token, _ in claimed]


def test_scripts_agree_with_the_reference_under_any_rules(
    client: redis.Redis, namespace: str
) -> None:
    machine = type("OnClient", (Machine,), {"client": client, "namespace": namespace})
    most = settings().max_examples
    fewer = most // 8 if isinstance(client, fakeredis.FakeRedis) else most  # it is much slower
    run_state_machine_as_test(
        machine, settings=settings(max_examples=fewer, stateful_step_count=30)
    )
    Store(client, namespace).clear()


def _outcome(token: Token, kind: str, value: bytes, detail: str = "") -> Outcome:
    counts = f"{token.attempt},{token.deliveries},{token.releases},{token.queue}"
    return Outcome(token, kind, f"{counts},1,2", value, detail)


def _pick(things: list, which: int):
    return things[which % len(things)]
