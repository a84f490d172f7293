"""The same reference beside the scripts, driven by hypothesis, which shrinks what it finds."""

from collections.abc import Sequence
from random import Random

import fakeredis
import msgspec
import pytest
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
from tests.store.comparing import QUEUES
from tests.store.dags import random_workflow
from tests.store.driving import SIZES, WORKERS, drain, limits_of
from tests.store.meddling import Meddler
from tests.store.operating import OperatedPair
from tests.store.reporting import NAMES, Reporter
from tests.store.state import COMPENSATING, LIVE, Execution, Outcome, Token
from tests.store.support import Store

pack = msgspec.msgpack.encode
DUE = st.sampled_from(["", "", "+0", "+9000"])
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
        self.pair = OperatedPair(store)
        rng = Random(seed)
        self.meddler = Meddler(rng, self.pair, Reporter(rng, self.pair, children=0), reruns=9)
        self.signals = 0
        self.plan = self.pair.publish(random_workflow(Random(seed), "wf", nodes))
        self.held: list[Token] = []
        self.reported: list[Outcome] = []
        self.orders: list[str] = []

    # --- starts

    @rule(count=SMALL, due=DUE, timeout=st.sampled_from([0, 0, 20_000]))
    def start(self, count: int, due: str, timeout: int) -> None:
        first = len(self.pair.model.executions)
        self._start([f"e{first + i}" for i in range(count)], due=due, timeout=timeout)

    @precondition(lambda self: self.pair.model.executions)
    @rule(which=WHICH, digest=st.sampled_from(["digest", "other"]))
    def start_again(self, which: int, digest: str) -> None:
        self._start([_pick(list(self.pair.model.executions), which)], digest)

    def _start(
        self, ids: Sequence[str], digest: str = "digest", due: str = "", timeout: int = 0
    ) -> None:
        starts = [Start(one, 1, 1, pack("input"), digest, due=due, timeout=timeout) for one in ids]
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
        chosen = labels[label % len(labels)]
        refused = not_taken(self.plan.step(token.step), chosen, lambda _: label % 2 == 0)
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

    @precondition(lambda self: self.held)
    @rule(which=WHICH, until=st.sampled_from(["+0", "+5000"]))
    def sleep(self, which: int, until: str) -> None:
        self._report(_pick(self.held, which), "t", b"", until)

    @precondition(lambda self: self.held)
    @rule(which=WHICH, name=st.sampled_from(NAMES), timeout=st.sampled_from(["", "5000"]))
    def wait_for_signal(self, which: int, name: str, timeout: str) -> None:
        token = _pick(self.held, which)
        execution = self.pair.model.executions.get(token.execution)
        if not execution or execution.phase != COMPENSATING:  # its signals come too late
            self._report(token, "s", name.encode(), timeout)

    @precondition(lambda self: self.held)
    @rule(which=WHICH)
    def start_child(self, which: int) -> None:
        token = _pick(self.held, which)
        counts = _outcome(token, "c", b"").meta
        child = f"{token.execution}.{self.plan.step(token.step).id.replace('~', '-')}"
        word, orders = self.pair.start_child(
            token, counts, child, "wf", self.plan.hash, pack("input")
        )
        self.orders += orders
        if word not in ("deep", "conflict"):
            self.held.remove(token)

    @precondition(lambda self: self.reported)
    @rule(which=WHICH, twice=st.booleans())
    def report_stale(self, which: int, twice: bool) -> None:
        self._advance([_pick(self.reported, which)] * (1 + twice))

    @precondition(lambda self: self.held)
    @rule(which=WHICH, worker=st.sampled_from(WORKERS))
    def extend(self, which: int, worker: str) -> None:
        self.pair.extend(worker, self.held[: which + 1])

    # --- producers and operators

    @precondition(lambda self: self.pair.model.executions)
    @rule(which=WHICH, name=st.sampled_from(NAMES), old=st.booleans())
    def signal(self, which: int, name: str, old: bool) -> None:
        self.signals += not old
        self.pair.signal(self._execution(which).id, name, f"signal {self.signals}", pack("yes"))

    @precondition(lambda self: self.pair.model.executions)
    @rule(which=WHICH, kind=st.sampled_from(["c", "f"]))
    def stop(self, which: int, kind: str) -> None:
        self.orders += self.pair.stop(self._execution(which).id, kind, pack({"reason": "enough"}))

    @precondition(lambda self: self.pair.model.executions)
    @rule(which=WHICH, on=st.booleans(), letter=st.sampled_from(["p", "w"]))
    def pause(self, which: int, on: bool, letter: str) -> None:
        self.orders += self.pair.pause([self._execution(which).id], on=on, letter=letter)

    @rule(on=st.booleans(), what=st.sampled_from(["queue default", "workflow wf", "namespace *"]))
    def pause_partition(self, on: bool, what: str) -> None:
        self.pair.pause_partition(*what.split(" "), on=on)

    @precondition(lambda self: self.pair.model.executions)
    @rule(which=WHICH, live=WHICH)
    def skip(self, which: int, live: int) -> None:
        execution = self._execution(which)
        steps = [s.number for s in execution.steps if s.state in LIVE] or [1]
        self.orders += self.pair.skip(execution.id, _pick(steps, live), pack("given"), "")

    @precondition(lambda self: any(e.ended for e in self.pair.model.executions.values()))
    @rule()
    def rerun(self) -> None:
        self.orders += self.meddler.rerun([("wf", self.plan)])

    @precondition(lambda self: self.pair.model.executions)
    @rule(which=WHICH, age=st.sampled_from([0, 9_000]))
    def purge(self, which: int, age: int) -> None:
        before = self.pair.now + 1 - age
        self.pair.purge([self._execution(which).id], before, before)

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
            drain(self.pair, self.meddler, self._finish)

    def _finish(self) -> None:
        live = [token for token in self.held if token.live and not token.silent]
        outcomes = [_outcome(token, "c", b"=" + pack(1)) for token in live]
        self.held = []
        self._advance(outcomes, [(queue, 9) for queue in QUEUES])

    def _execution(self, which: int) -> Execution:
        return _pick(list(self.pair.model.executions.values()), which)

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


@pytest.mark.timeout(600)  # of the full profile: a thousand examples
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
