"""What each feature costs Redis, and how late timers fire: single-step executions, one worker."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.measuring import SLOTS, chain, clean, counters, new_engine
from redflow import Engine, Fail, Workflow
from redflow.model.builder import Builder

EXECUTIONS = 3000
MOMENTS, AT_ONCE = 30, 100
"""Timers are due at so many moments, so many at once."""
LEAD, SPREAD = 6.0, 3.0
"""Seconds until the first is due, and from there to the last."""

Start = Callable[[Engine, int], Awaitable[None]]


async def fail(value: Any) -> None:
    """A step that fails for good."""
    raise Fail("for the bench")


def _single(type: str = "function", **config: Any) -> Builder[Workflow]:
    if type == "function":
        config["function"] = "noop"
    return Workflow.builder("w").add_node("a", type, **config)


def _undone() -> Workflow:
    builder = _single().with_saga("undo").add_node("fails", "function", function="fail")
    builder.add_node("undo", "function", function="noop").connect("a", "fails")
    return builder.build()


async def _plain(engine: Engine, count: int) -> None:
    await engine.execute_many("w", [{"n": 1}] * count)


async def _timed(engine: Engine, count: int) -> None:
    await engine.execute_many("w", [{"n": 1}] * count, timeout=3600)


async def _signalled(engine: Engine, count: int) -> None:
    handles = await engine.execute_many("w", [{"n": 1}] * count)
    for first in range(0, count, 100):
        await asyncio.gather(*(one.signal("a", 1) for one in handles[first : first + 100]))


FEATURES: dict[str, tuple[Callable[[], Workflow], Start]] = {
    "one step": (lambda: _single().build(), _plain),
    "step deadline": (lambda: _single().with_deadline(3600).build(), _plain),
    "execution timeout": (lambda: _single().build(), _timed),
    "compensation declared": (
        lambda: _single().with_saga("u").add_node("u", "function", function="noop").build(),
        _plain,
    ),
    "wait": (lambda: _single("wait", duration=0.001).build(), _plain),
    "signal, sent early": (lambda: _single("signal").build(), _signalled),
    "subworkflow of one step": (lambda: _single("subworkflow", workflow="inner").build(), _plain),
    "two steps": (lambda: chain("w", 2), _plain),
    "two steps, one fails, one undone": (_undone, _plain),
}


async def measure_features(url: str) -> dict[str, float]:
    """Microseconds of Redis' CPU for each execution, its start included; lateness in ms."""
    found = {}
    for name, (build, start) in FEATURES.items():
        async with new_engine(url) as engine:
            engine.registry.register_function("fail", fail)
            await engine.register_workflow(chain("inner", 1))
            await engine.register_workflow(build())
            before = await counters(engine)
            await start(engine, EXECUTIONS)
            async with engine.worker(concurrency=SLOTS):
                await _until_ended(engine)
            after = await counters(engine)
            used = sum(after[k] - before[k] for k in ("used_cpu_sys", "used_cpu_user"))
            found[f"{name}, Redis us/execution"] = used / EXECUTIONS * 1e6
            await clean(engine)
    return found | await _lateness(url)


async def _lateness(url: str) -> dict[str, float]:
    """Milliseconds between when waiting steps are due and when a worker goes on with them."""
    late = []
    async with new_engine(url) as engine:
        begin = datetime.now(UTC) + timedelta(seconds=LEAD)
        dues = [begin + timedelta(seconds=SPREAD * n / MOMENTS) for n in range(MOMENTS)]
        for n, due in enumerate(dues):
            builder = Workflow.builder(f"until{n}").add_node("a", "wait", until=due.isoformat())
            await engine.register_workflow(builder.build())
        async with engine.worker(concurrency=SLOTS):
            handles = [
                await engine.execute_many(f"until{n}", [None] * AT_ONCE) for n in range(MOMENTS)
            ]
            await _until_ended(engine)
        for due, several in zip(dues, handles, strict=True):
            for handle in several:
                (waited,) = await handle.steps()
                assert waited.started_at is not None
                late.append((waited.started_at - due).total_seconds() * 1000)
        await clean(engine)
    late.sort()
    return {
        "timer lateness p50, ms": statistics.median(late),
        "timer lateness p99, ms": late[int(len(late) * 0.99)],
        "timer lateness max, ms": late[-1],
    }


async def _until_ended(engine: Engine) -> None:
    driver = engine.connector.async_driver()
    partitions = list((await engine._namespace.space()).keys)
    while True:
        sizes = [await driver.raw("ZCARD", keys.index("live")) for keys in partitions]
        if sum(sizes) == len(sizes):
            break
        await asyncio.sleep(0.02)
    await driver.close()
