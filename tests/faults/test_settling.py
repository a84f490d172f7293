"""Rows 25, 32, 36 and 47 at the level of the scripts: what begins comes to an end.

Whoever dies between two calls takes along what it held: tokens fall silent, orders stay due.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from random import Random
from typing import Any

import msgspec
import pytest
import redis

from redflow.driver import RedisConnector
from redflow.model.event import EventKind
from redflow.model.workflow import Edge, Node, Workflow
from redflow.store import audit, sweeps, waiting
from redflow.store.steps import Claim
from redflow.store.stopping import skip_step
from tests.faultkit.many import Many, pages
from tests.store.arrange import QUEUES
from tests.store.support import Store
from tests.support.clients import server_client
from tests.worker.kit import Bench

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]

LEASE = 30_000
CAUSES = ("completed", "failed", "timed out", "lost", "deadline", "cancelled", "failed by hand",
          "skipped by hand", "child completed", "child failed", "signal", "no signal")  # fmt: skip
JOINS = ("all", "any_outcome", "on failure", "finalizer")
ENTRIES = 400
CALLS = 14
"""Calls after any of which whoever made it may die; there are fewer."""


# --- row 32


def joined(join: str, *, saga: bool, cause: str) -> Workflow:
    """a and b meet in j, behind which is k; a is what ends in one way or another."""
    on: Any = {"on failure": "failure", "finalizer": "always"}.get(join, "success")
    undone = Node("una", "function", config={"function": "undo"})
    nodes = (
        Node("a", "function", config={"function": "f"}, compensation="una" if saga else None,
             deadline=9.0 if cause == "deadline" else None),
        Node("b", "function", config={"function": "f"}),
        Node("j", "function", config={"function": "f"},
             join="any_outcome" if join == "any_outcome" else "all"),
        Node("k", "function", config={"function": "f"}),
    )  # fmt: skip
    edges = (Edge("a", "j", on=on), Edge("b", "j"), Edge("j", "k"))
    return Workflow("wf", nodes=(*nodes, *([undone] if saga else [])), edges=edges)


@pytest.mark.row(32)
@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_of_an_end_reaches_whatever_waits_for_it(
    client: redis.Redis, namespace: str, cause: str, measured: Callable[..., Any]
) -> None:
    cases = 0
    for number, (join, saga, first) in enumerate(product(JOINS, (False, True), "ab")):
        store = Store(client, f"{namespace}{number}")
        many = Many(store, joined(join, saga=saga, cause=cause))
        many.start(1)
        claims = {many.plan.step(one.envelope.step).id: one for one in many.claim(9)}
        if first == "b":
            many.settle([claims["b"]])
        end(many, claims["a"], cause)
        if first == "a":
            many.settle([claims["b"]])
        drain(many)
        assert many.state("x0").startswith("d 0 "), (join, saga, first)
        assert many.ended_twice_or_never() == []
        assert not [problem for problem in many.problems() if problem.startswith("x0")]
        assert store.zset("timers") == {}
        store.clear()
        cases += 1
    measured(**{cause.replace(" ", "_"): cases}, parents_stuck=0)


def end(many: Many, claim: Claim, cause: str) -> None:
    """Bring a step that runs to its end."""
    store, one = many.store, claim.envelope.execution
    if cause in ("completed", "failed"):
        many.settle([claim], cause[0])
    elif cause == "timed out":
        many.settle([claim], "f", detail="u")
    elif cause == "lost":
        store.silence("default", [claim.token], 2 * LEASE)
        reply = many.reclaim([(claim.token, one)], deliveries=0)
        assert reply.words == ["lost"]
        many.carry_out(reply.orders)
    elif cause == "deadline":
        many.carry_out(many.fire(f"d:{one}:{claim.envelope.step}"))
    elif cause in ("cancelled", "failed by hand"):
        many.carry_out(many.stop(cause[0], execution=one).orders)
        many.settle([claim])
    elif cause == "skipped by hand":
        many.carry_out(skip(many, claim))
    elif cause in ("signal", "no signal"):
        many.settle([claim], "s", value=b"go", detail="9")
        if cause == "signal":
            many.signal(execution=one)
        else:
            many.carry_out(many.fire(f"w:{one}:{claim.envelope.step}"))
    else:
        nest(many, claim, "c" if cause == "child completed" else "f")


def skip(many: Many, claim: Claim) -> list[str]:
    op = skip_step(
        many.store.space, many.store.partition, execution=claim.envelope.execution,
        plan=many.plan.hash, queues=QUEUES, step=claim.envelope.step, value=b"\x07", not_taken="",
    )  # fmt: skip
    return many.store.run(op).orders


def start_child(many: Many, claim: Claim) -> waiting.ChildStarted:
    """The child is an execution of the same workflow; its id says of which step it is."""
    one = claim.envelope
    return many.store.run(
        waiting.start_child(
            many.store.space, many.store.partition, queues=QUEUES, parent=one.execution,
            child=f"{one.execution}.{one.step}", plans=(many.plan.hash,) * 2, workflow="wf",
            token=claim.token, queue=1, step=one.step, meta=many.report(claim).meta,
            digest="digest", input=b"\x01",
        )
    )  # fmt: skip


def nest(many: Many, claim: Claim, kind: str) -> None:
    """Let a step wait for a child, bring that to its end, and report as a worker would."""
    started = start_child(many, claim)
    assert started.word == "ok"
    many.carry_out(started.orders)
    while claims := many.claim(9):
        back = [one for one in claims if one.envelope.execution == claim.envelope.execution]
        many.settle([one for one in claims if one not in back], kind)
        many.settle(back, kind)


def drain(many: Many) -> None:
    """Let all that is ready complete."""
    while claims := many.claim(9):
        many.settle(claims)


# --- row 47


class Killed(Exception):
    """Whoever made the call is dead before it could do more."""


class Mortal(Store):
    """A store whose caller dies after so many calls of scripts, their answers unheard."""

    left = 10**9

    def run(self, op: Any) -> Any:
        answer = super().run(op)
        if op.script is not None:
            self.left -= 1
            if self.left == 0:
                raise Killed
        return answer


def work(many: Many) -> None:
    """Be a worker: run what is ready, start the child of step a, carry out what is due."""
    while True:
        due = [member for member, at in many.store.zset("timers").items() if at <= many.store.now]
        if due:
            many.carry_out(due)
        claims = many.claim(1)
        if not claims:
            return
        (claim,) = claims
        if claim.envelope.execution == "x0" and claim.envelope.resume is None:
            many.carry_out(start_child(many, claim).orders)
        else:
            many.settle(claims)


@pytest.mark.row(47)
def test_a_child_is_one_and_wakes_its_parent_once(
    client: redis.Redis, namespace: str, measured: Callable[..., Any]
) -> None:
    """Whoever works dies after the first call, after the second, and so on; others go on."""
    kills = 0
    for last in range(1, CALLS):
        store = Mortal(client, f"{namespace}{last}")
        many = Many(store, Workflow("wf", nodes=(Node("a", "function"),)))
        many.start(1)
        store.left = last
        try:
            work(many)
        except Killed:
            kills += 1
        store.left = 10**9
        for _ in range(3):
            held = [(token, one[3]) for token, one in many.tokens().items()]
            store.silence("default", list(store.pending("default")), 2 * LEASE)
            many.reclaim(held)
            work(many)
        events = many.all_events()
        kinds = Counter(kind for _, kind, _ in events["x0"])
        assert set(events) == {"x0", "x0.1"}, "there is another child, or none"
        assert (kinds[EventKind.STEP_WAITING], kinds[EventKind.STEP_COMPLETED]) == (1, 1)
        assert [many.state(one).split()[0] for one in ("x0", "x0.1")] == ["d", "d"]
        assert many.problems() == []
        store.clear()
    measured(kills=kills, children_each=1, wakes_each=1)
    assert kills < CALLS - 1, "some runs ended before the last call: every hop was met"
    assert kills >= 6


# --- row 25


@pytest.mark.row(25)
def test_steps_whose_entries_were_deleted_by_hand_run_again(
    store: Store, measured: Callable[..., Any]
) -> None:
    """Sweeps let go of what is gone and keep all else; a repair issues those steps again."""
    many, rng = Many(store, Workflow("wf", nodes=(Node("a", "function"),))), Random(25)
    many.start(ENTRIES)
    held = many.claim(ENTRIES // 2)
    store.silence("default", [one.token for one in held], 2 * LEASE)
    key = store.key("ready:default")
    deleted = rng.sample(list(many.tokens()), ENTRIES // 10)
    store.command("XDEL", key, *deleted)
    trimmed = store.command("XTRIM", key, "MAXLEN", len(many.tokens()) - ENTRIES // 10)
    words = Counter(many.reclaim([(one.token, one.envelope.execution) for one in held]).words)
    drain(many)
    lost = [one for one in many.ids if many.state(one).startswith("r")]
    problems = {problem.split(":")[0] for problem in many.problems()}
    named = [one for one in lost if one in problems]
    for page in pages(lost):
        found = repair(many, page, [])
        again = [
            word for execution, step, token in found.lost for word in (execution, step, token, 1)
        ]
        repair(many, page, again)
    drain(many)
    left = [one for one in many.ids if not many.state(one).startswith("d")]
    measured(deleted=len(deleted), trimmed=trimmed, let_go_by_sweep=words["gone"],
             found=len(named), lost_after_repair=len(left))  # fmt: skip
    assert len(lost) == len(deleted) + trimmed == len(named)
    assert words["gone"] > 0
    assert left == []
    assert many.ended_twice_or_never() == []
    assert many.problems() == []


def repair(many: Many, executions: Sequence[str], lost: list[Any]) -> audit.Repaired:
    return many.store.run(
        audit.repair_execution(
            many.store.space, many.store.partition, queues=QUEUES, executions=executions,
            plans=[many.plan.hash], lost=lost,
        )
    )  # fmt: skip


# --- row 36


@pytest.mark.fault
@pytest.mark.row(36)
async def test_one_damaged_lease_of_a_thousand_keeps_none_of_the_others(
    server_url: str, namespace: str, measured: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    connector = RedisConnector(server_url)
    driver = connector.async_driver()
    bench = Bench(connector, driver, namespace, partitions=1)
    await bench.one(lambda value: None)
    key = bench.space.keys.partition(0).ready("default")
    ids = await bench.execute_all("one", [bench.id_in(0) for _ in range(999)])
    damaged = (await driver.raw("XADD", key, "*", "e", b"\xc1 not an envelope")).decode()
    await driver.read_group([key], group="workers", consumer="dead", count=5000, block_ms=0)
    with caplog.at_level(logging.ERROR):
        async with bench.working(lease=60.0, beat=5.0, sweep=0.1) as worker:
            await bench.silence()
            await bench.all_ended(60)
            recovered = worker.sweeper.reclaimed
    said = [one for one in caplog.records if damaged in one.getMessage()]
    left = list(await bench.pending())
    measured(leases=1000, recovered=recovered, reported=len(said))
    assert recovered == len(ids) == 999
    assert left == [f"0:{damaged}"], "the damaged one stays where it is"
    assert len(said) == 1
    clean = server_client(server_url)
    Store(clean, namespace).clear()
    clean.close()
    await driver.close()


def test_a_damaged_entry_is_told_from_one_that_is_gone() -> None:
    assert sweeps.Silent("1-1", 1, None).envelope is None
    with pytest.raises(msgspec.MsgspecError):
        _ = sweeps.Silent("1-1", 1, b"\xc1").envelope
