"""The gates, measured: a preloaded queue of ten-step chains of no-ops, drained by one worker.

Events, metrics and logs (at INFO) are on. CPU comes from INFO and from the process' own clock, so
neighbours on the machine disturb the steps per second more than the cost of a step.
"""

from __future__ import annotations

import asyncio
import cProfile
import operator
import pstats
import statistics
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.measuring import (
    SLOTS,
    calls_of,
    chain,
    clean,
    cost,
    mark,
    memory_by_kind,
    new_engine,
    server_name,
    start_executions,
    until_finished,
)
from redflow import Engine

DEPTH = 10
IDLE_SECONDS = 10.0
MEMORY_EXECUTIONS = 20_000

Gate = tuple[str, float, Callable[[float], bool]]


def _at_most(limit: float) -> Gate:
    return "<=", limit, lambda value: value <= limit


GATES: dict[str, Gate] = {
    "steps/s": (">=", 30_000, partial(operator.le, 30_000)),
    "Redis CPU us/step": _at_most(24),
    "worker CPU us/step": _at_most(16),
    "commands/step": _at_most(0.05),
    "bytes on the wire/step": _at_most(1000),
    "bytes/queued execution": _at_most(550),
    "bytes/finished execution": _at_most(600),
    "idle commands/s": _at_most(2),
}


async def measure(url: str, *, steps: int, runs: int, profile: bool) -> dict[str, Any]:
    """All figures, as min, median and max over the runs."""
    samples: dict[str, list[float]] = defaultdict(list)
    server = ""
    for _ in range(runs):
        for part in (partial(_drain, steps=steps, profile=profile), _memory, _idle):
            async with new_engine(url) as engine:
                server = await server_name(engine)
                for name, value in (await part(engine)).items():
                    samples[name].append(value)
                await clean(engine)
    figures = {
        name: {"min": min(v), "median": statistics.median(v), "max": max(v)}
        for name, v in samples.items()
    }
    return {"figures": figures, "server": server, "steps": steps, "runs": runs}


async def _drain(engine: Engine, *, steps: int, profile: bool) -> dict[str, float]:
    executions = steps // DEPTH
    await engine.register_workflow(chain("chain", DEPTH))
    await start_executions(engine, "chain", executions)
    before = await mark(engine)
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    async with engine.worker(concurrency=SLOTS):
        await until_finished(engine, executions)
        after = await mark(engine)
    if profile:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    found = cost(before, after, executions * DEPTH)
    return {name: value for name, value in found.items() if name != "commands inside/step"}


async def _memory(engine: Engine) -> dict[str, float]:
    await engine.register_workflow(chain("single", 1))
    empty, _ = await memory_by_kind(engine)
    await start_executions(engine, "single", MEMORY_EXECUTIONS)
    queued, _ = await memory_by_kind(engine)
    async with engine.worker(concurrency=SLOTS):
        await until_finished(engine, MEMORY_EXECUTIONS)
    finished, capped = await memory_by_kind(engine)
    return {
        "bytes/queued execution": (queued - empty) / MEMORY_EXECUTIONS,
        "bytes/finished execution": (finished - empty) / MEMORY_EXECUTIONS,
        "bytes in capped streams/execution": capped / MEMORY_EXECUTIONS,
    }


async def _idle(engine: Engine) -> dict[str, float]:
    await engine.register_workflow(chain("idle", 1))
    async with engine.worker():
        await asyncio.sleep(1)
        before = calls_of(engine)
        await asyncio.sleep(IDLE_SECONDS)
        return {"idle commands/s": (calls_of(engine) - before) / IDLE_SECONDS}
