"""Figures that do not depend on how busy the machine is: counts, bytes, and CPU as ratios.

CPU is measured several times in turn with a loop that never changes (`reference.py`): the figure is
the median of the ratios of a round to the loop before it, which a machine that is now fast and now
slow leaves alone. One that others fight over does not quite, so SHARE says whether it is.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench.draining import Ground
from bench.measuring import (
    SLOTS,
    calls_of,
    chain,
    memory_by_kind,
    server_name,
)
from bench.reference import reference

DEPTH = 10
EXECUTIONS, ROUNDS = 200, 12
TRACED, STORED = 100, 4000
FASTER = 10
"""An idle worker's beats, sweeps and reads come so many times as often, to be counted sooner."""
IDLE_SECONDS = 3.0
SHARE = "share of its time that the fixed loop had a core"


async def measure_steady(url: str, part: str) -> dict[str, Any]:
    """Figures of one of PARTS by name; `server` and `python` say what they were measured with."""
    ground = Ground(url)
    async with ground.engine as engine:
        await engine.register_workflow(chain("chain", DEPTH))
        await engine.register_workflow(chain("single", 1))
        figures = await PARTS[part](ground)
        server = (await server_name(engine)).rpartition(".")[0]
    python = ".".join(map(str, sys.version_info[:2]))
    return {"server": server, "python": python, "figures": figures}


async def _costs(ground: Ground) -> dict[str, float]:
    """Chains that are started and run, one worker for all of them, in turn with the fixed loop."""
    driver = ground.engine.connector.async_driver()
    rows, rounds = [], []
    async with ground.engine.worker(concurrency=SLOTS):
        await _one_round(ground, EXECUTIONS)
        for _ in range(ROUNDS):
            rows.append(await reference(driver, "bench:reference"))
            rounds.append(await _one_round(ground, EXECUTIONS))
    await driver.close()
    both = list(zip(rounds, rows, strict=True))
    least = {name: min(one[name] for one in rounds) for name in rounds[0]}
    return {
        "Redis CPU/step, in rows": median(a["Redis CPU us/step"] / b.redis for a, b in both),
        "worker CPU/step, in rows": median(a["worker CPU us/step"] / b.python for a, b in both),
        "commands/step": least["commands/step"],
        "commands inside Redis/step": least["commands inside/step"],
        "bytes on the wire/step": least["bytes on the wire/step"],
        SHARE: median(row.share for row in rows),
    }


async def _one_round(ground: Ground, executions: int) -> dict[str, float]:
    async def work() -> None:
        await ground.start("chain", executions)
        await ground.settle()

    await ground.spend(work)
    return ground.cost()


async def _calls(ground: Ground) -> dict[str, float]:
    """Count the functions that Python calls, its own and those in C, and the lines it runs."""
    found = {}
    for name, event, install in (
        ("calls", "call", sys.setprofile),
        ("lines", "line", sys.settrace),
    ):
        with _counting(event, install) as counted:
            await ground.run("chain", TRACED)
        found[f"Python {name}/step"] = counted[0] / (TRACED * DEPTH)
    return found


@contextmanager
def _counting(ending: str, install: Callable[[Any], None]) -> Iterator[list[int]]:
    """Count events of this thread while the block runs; `c_call` counts as a call."""
    counted = [0]

    def count(_: object, event: str, __: object) -> Any:
        if event.endswith(ending):
            counted[0] += 1
        return count

    install(count)
    try:
        yield counted
    finally:
        install(None)


async def _allocations(ground: Ground) -> dict[str, float]:
    """Most bytes that steps under way held at once, and blocks that finished ones left behind."""
    await ground.run("chain", TRACED)
    gc.collect()
    blocks = sys.getallocatedblocks()
    tracemalloc.start()
    await ground.run("chain", TRACED)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.collect()
    left = sys.getallocatedblocks() - blocks
    return {"peak KiB of a drain": peak / 1024, "blocks kept/step": left / (TRACED * DEPTH)}


async def _memory(ground: Ground) -> dict[str, float]:
    engine = ground.engine
    empty, _ = await memory_by_kind(engine)
    await ground.start("single", STORED)
    queued, _ = await memory_by_kind(engine)
    await ground.drain(ground.settle)
    finished, _ = await memory_by_kind(engine)
    return {
        "bytes/queued execution": (queued - empty) / STORED,
        "bytes/finished execution": (finished - empty) / STORED,
    }


async def _idle(ground: Ground) -> dict[str, float]:
    """Commands a second of a worker with nothing to do, as if its clock were not the faster one."""
    engine = ground.engine
    times = {"interval": 4.0, "beat": 10.0, "lease": 30.0, "sweep": 5.0}
    settings = {name: seconds / FASTER for name, seconds in times.items()}
    async with engine.worker(**settings):
        await asyncio.sleep(1.0)
        before = calls_of(engine)
        await asyncio.sleep(IDLE_SECONDS)
        return {"idle commands/s": (calls_of(engine) - before) / IDLE_SECONDS / FASTER}


PARTS: dict[str, Callable[[Ground], Awaitable[dict[str, float]]]] = {
    "memory": _memory,
    "calls": _calls,
    "allocations": _allocations,
    "costs": _costs,
    "idle": _idle,
}
