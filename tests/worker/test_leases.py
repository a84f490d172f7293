"""Leases: renewed by a thread of its own, never past the deadline, and lost with all it means."""

import asyncio
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from redflow.driver import Connector
from redflow.driver.backoff import DEADLINE
from redflow.errors import StoreError, Unavailable
from redflow.nodes.base import Runner
from redflow.store.steps import Envelope
from redflow.store.workers import Beat
from redflow.worker.claims import Claims, Held
from redflow.worker.heartbeat import Heartbeat
from tests.worker.faults import Faults
from tests.worker.kit import QUICK, Bench, Gate, until, within

SLOW_BEAT = {"lease": 60.0, "beat": 0.05, "sweep": 0.2}
"""Leases that run out only when a test says so; a step is renewed once it is 25 ms old."""


class Wire:
    """A driver that answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.extended: list[str] = []
        self.beats = 0
        self.answers: dict[str, str] = {}
        self.error: Exception | None = None
        self.down: set[str] = set()
        self.spread = False
        self.deadlines: list[float | None] = []
        self.closed = False

    def together(self, partitions: list[Any]) -> list[list[Any]]:
        return [[one] for one in partitions] if self.spread else [partitions]

    def run(self, op: Any, **options: Any) -> Any:
        if self.error is not None:
            raise self.error
        self.deadlines.append(options.get("deadline"))
        for key in op.keys:
            if any(prefix in key for prefix in self.down):
                raise Unavailable("its server does not answer")
        if op.name == "extend_leases":
            tokens = [word for word in op.args if isinstance(word, str) and word.startswith("1-")]
            self.extended += tokens
            return [self.answers.get(token, "ok") for token in tokens]
        self.beats += 1
        return Beat({"default": 1}, ["default"])

    def close(self) -> None:
        self.closed = True


class Heart:
    """A heartbeat on a wire, and steps that are held."""

    def __init__(self, bench: Bench, *, spread: bool = False) -> None:
        self.wire, self.claims, self.beats = Wire(), Claims(), asyncio.Event()
        self.wire.spread = spread
        self.space = bench.space
        self.heartbeat = Heartbeat(
            self.wire,  # type: ignore[arg-type]
            bench.space,
            QUICK,
            self.claims,
            about=b"about",
            on_beat=lambda beat: self.beats.set(),
        )
        self.heartbeat.ticked = time.monotonic()

    def hold(
        self, number: int, where: str = "loop", *, age: float = 10.0, partition: int = 0
    ) -> Held:
        """Hold a step that was claimed some seconds ago."""
        envelope = Envelope(1, 0, 0, f"e{number}", 1, "hash", None, None, None)
        keys = self.space.keys.partition(partition)
        held = Held(keys, "default", f"1-{number}", envelope, now_ms=1)
        held.claimed = time.monotonic() - age
        held.prepared = _Prepared(where)  # type: ignore[assignment]
        self.claims[held.key] = held
        return held

    def beat(self) -> list[str]:
        """Beat once and answer what was renewed."""
        self.wire.extended.clear()
        self.heartbeat.beat()
        return self.wire.extended


class _Prepared:
    def __init__(self, where: Any) -> None:
        self.runner = Runner(lambda ctx: None, where, None, "f")
        self.runs_while_stopping = False


@pytest.fixture
async def heart(bench: Bench) -> Heart:
    return Heart(bench)


@pytest.fixture
def hold() -> Iterator[threading.Event]:
    """Return what holds threads until the test ends."""
    event = threading.Event()
    yield event
    event.set()


async def test_what_is_held_is_renewed_but_not_what_was_claimed_just_now(heart: Heart):
    heart.hold(1)
    heart.hold(2, age=QUICK.beat / 4)
    assert heart.beat() == ["1-1"]
    assert heart.wire.beats == 1


async def test_a_lease_is_not_renewed_more_than_five_seconds_past_the_deadline(heart: Heart):
    now = time.monotonic()
    for number, late in enumerate((-1.0, 4.5, 5.5), 1):
        heart.hold(number, "thread").deadline = now - late
    overdue = heart.hold(4)
    overdue.deadline, overdue.reported = now - 100, True
    assert heart.beat() == ["1-1", "1-2", "1-4"], "an outcome on its way is not late"


async def test_a_loop_that_hangs_keeps_only_what_runs_elsewhere(heart: Heart):
    for number, where in enumerate(("loop", "thread", "process"), 1):
        heart.hold(number, where)
    heart.hold(4).prepared = None
    heart.heartbeat.ticked = time.monotonic() - QUICK.beat * 3 - 0.1
    assert heart.beat() == ["1-2", "1-3"]
    heart.heartbeat.ticked = time.monotonic() - QUICK.beat * 3 + 0.1
    assert len(heart.beat()) == 4


async def test_a_lost_lease_and_a_stop_reach_their_steps(heart: Heart):
    steps = [heart.hold(number) for number in (1, 2, 3)]
    heart.wire.answers = {"1-2": "lost", "1-3": "stop"}
    heart.beat()
    await until(lambda: [step.why for step in steps] == ["", "lost", "stop"])


async def test_a_server_that_is_down_costs_only_the_leases_of_its_own_partitions(bench: Bench):
    heart = Heart(bench, spread=True)
    heart.hold(1, partition=0)
    heart.hold(2, partition=1)
    heart.wire.down = {":0}"}
    with pytest.raises(Unavailable):
        heart.beat()
    assert heart.wire.extended == ["1-2"]
    assert heart.wire.beats == 1, "and it says that it lives"
    assert heart.wire.deadlines[:2] == [None, None], "none is kept waiting for another"


async def test_on_one_server_the_first_that_fails_is_repeated_and_ends_the_beat(heart: Heart):
    heart.hold(1, partition=0)
    heart.hold(2, partition=1)
    heart.wire.down = {":0}"}
    with pytest.raises(Unavailable):
        heart.beat()
    assert (heart.wire.extended, heart.wire.beats) == ([], 0)
    assert heart.wire.deadlines == [DEADLINE]


async def test_more_leases_than_one_call_takes_go_in_several(heart: Heart, monkeypatch):
    monkeypatch.setattr("redflow.worker.heartbeat.MOST_LEASES", 2)
    for number in range(5):
        heart.hold(number)
    assert len(heart.beat()) == 5


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("gone", ambiguous=True),
        StoreError("a mistake"),
        RuntimeError("any"),
        ZeroDivisionError("a bug"),
    ],
)
async def test_the_thread_survives_every_error(heart: Heart, error, caplog):
    heart.hold(1)
    heart.wire.error = error
    heart.heartbeat.start()
    await until(lambda: heart.heartbeat.missed >= 2)
    heart.wire.error = None
    await within(heart.beats.wait())
    await asyncio.to_thread(heart.heartbeat.stop)
    assert heart.heartbeat.missed == 0
    assert heart.wire.closed
    assert any(record.levelname == "ERROR" for record in caplog.records), "two misses are an alarm"


async def test_one_partition_that_refuses_does_not_keep_the_others_from_being_renewed(
    heart: Heart, monkeypatch
):
    heart.hold(1)
    other = heart.hold(2)
    other.partition = heart.space.keys.partition(1)
    run = heart.wire.run

    def refuse_first(op: Any, **options: Any) -> Any:
        if op.name == "extend_leases" and ":0}" in op.keys[0]:
            raise StoreError("WRONGTYPE")
        return run(op, **options)

    monkeypatch.setattr(heart.wire, "run", refuse_first)
    assert heart.beat() == ["1-2"]
    assert heart.wire.beats == 1


def test_the_thread_ends_with_its_loop(namespace: str):
    class Closed:
        space = Bench(None, None, namespace).space  # type: ignore[arg-type]

    async def start() -> Heart:
        heart = Heart(Closed)  # type: ignore[arg-type]
        heart.heartbeat.start()
        await within(heart.beats.wait())
        return heart

    heart = asyncio.run(start())
    heart.heartbeat._thread.join(10)
    assert not heart.heartbeat._thread.is_alive()


# --- with workers


@pytest.mark.row(30)
async def test_a_running_step_is_renewed_and_runs_once(bench: Bench, connector: Connector):
    """Its lease is far shorter than the step."""
    gate, short = Gate(), {"lease": 0.3, "beat": 0.05, "sweep": 0.1}
    faults = Faults(connector)

    async def work(value):
        await gate.passed()
        return "once"

    await bench.one(work)
    execution = await bench.execute("one")
    async with bench.working(faults, **short) as worker, bench.working(queues=("x",)) as sweeper:
        await until(lambda: faults.calls["extend_leases"] >= 10)
        gate.opened.set()
        run = await bench.ended(execution)
        assert worker.sweeper.reclaimed + sweeper.sweeper.reclaimed == 0
    assert gate.begun == 1
    assert run.steps["a"].deliveries == 0


@pytest.mark.row(28)
@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_a_step_whose_lease_is_lost_runs_elsewhere_and_its_late_result_is_refused(
    bench: Bench, where
):
    contexts: dict[str, Any] = {}
    go_on, gate = threading.Event(), asyncio.Event()

    async def coroutine(ctx, value):
        contexts[ctx.worker_id] = ctx
        if ctx.worker_id == "first":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await gate.wait()
        return ctx.worker_id

    def plain(ctx, value):
        contexts[ctx.worker_id] = ctx
        if ctx.worker_id == "first":
            go_on.wait(30)
        return ctx.worker_id

    await bench.one(coroutine if where == "loop" else plain)
    execution = await bench.execute("one")
    first = bench.worker(worker_id="first", **SLOW_BEAT)
    async with first:
        first.heartbeat.beat, beat = lambda: None, first.heartbeat.beat  # type: ignore[method-assign]
        await until(lambda: "first" in contexts)
        await first._end(first.reader_task)  # what it has is enough
        (held,) = first.attempts.claims.snapshot()
        held.claimed -= 1
        async with bench.working(worker_id="second", **SLOW_BEAT):
            await bench.silence()
            run = await bench.ended(execution)
        await asyncio.to_thread(beat)
        await until(lambda: contexts["first"].cancelled)
        gate.set()
        go_on.set()
        await until(lambda: first.pump.fenced == 1)
        assert first.attempts.under_way == 0
    assert run.value("a") == "second"
    assert (run.steps["a"].attempt, run.steps["a"].deliveries) == (1, 1)
    assert contexts["second"].fence > contexts["first"].fence
    assert (await bench.read(execution)).value("a") == "second"
    assert await bench.problems() == []


async def test_a_coroutine_whose_lease_is_lost_is_cancelled_and_says_nothing(bench: Bench):
    gate, go = Gate(), asyncio.Event()

    async def work(ctx, value):
        if ctx.worker_id == "first":
            await gate.passed()
        await go.wait()

    await bench.one(work)
    await bench.execute("one")
    async with bench.working(worker_id="first", **SLOW_BEAT) as first:
        await until(lambda: gate.begun == 1)
        (held,) = first.attempts.claims.snapshot()
        held.interrupt("lost")
        await until(lambda: gate.cancelled == 1)
        await until(lambda: not first.attempts.claims)
        assert (first.attempts.under_way, first.pump.fenced) == (0, 0)
        go.set()


async def test_a_step_that_loses_its_lease_too_often_fails_as_worker_lost(bench: Bench):
    """A step that kills whoever runs it does not do so for ever."""
    gate = Gate()

    async def poison(value):
        await gate.passed()

    await bench.one(poison, retry=3)
    execution = await bench.execute("one")
    async with bench.working(deliveries=2, **SLOW_BEAT) as worker:
        worker.heartbeat.beat = lambda: None  # type: ignore[method-assign]
        for number in (1, 2, 3):
            await until(partial(begun, gate, number))
            await bench.silence()
        run = await bench.ended(execution)
    error = run.value("a")
    assert run.status == "F"
    assert (error["reason"], gate.begun) == ("worker_lost", 3)
    assert "3 times" in error["message"]
    assert await bench.problems() == []


def begun(gate: Gate, number: int) -> bool:
    """Whether so many steps have begun."""
    return gate.begun == number
