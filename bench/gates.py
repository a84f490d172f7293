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
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from secrets import token_hex
from typing import Any

from bench.counting import CountingConnector
from redflow import Engine, Metrics, Workflow

DEPTH = 10
IDLE_SECONDS = 10.0
MEMORY_EXECUTIONS = 20_000
ORDER = {"order": 12345, "name": "a customer", "amount": 42.5}

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


async def noop(value: Any) -> dict[str, Any]:
    """A step that does nothing."""
    return {"ok": True, "n": 1}


def chain(name: str, depth: int) -> Workflow:
    """A chain of no-ops."""
    builder = Workflow.builder(name)
    for i in range(depth):
        builder = builder.add_node(f"n{i}", "function").with_config("function", "noop")
        if i:
            builder = builder.connect(f"n{i - 1}", f"n{i}")
    return builder.build()


async def measure(url: str, *, steps: int, runs: int, profile: bool) -> dict[str, Any]:
    """All figures, as min, median and max over the runs."""
    samples: dict[str, list[float]] = defaultdict(list)
    server = ""
    for _ in range(runs):
        for part in (partial(_drain, steps=steps, profile=profile), _memory, _idle):
            async with _engine(url) as engine:
                server = await _server(engine)
                for name, value in (await part(engine)).items():
                    samples[name].append(value)
                await _clean(engine)
    figures = {
        name: {"min": min(v), "median": statistics.median(v), "max": max(v)}
        for name, v in samples.items()
    }
    return {"figures": figures, "server": server, "steps": steps, "runs": runs}


def _engine(url: str) -> Engine:
    engine = Engine(CountingConnector(url), namespace=f"b{token_hex(3)}", metrics=Metrics())
    engine.registry.register_function("noop", noop)
    return engine


async def _drain(engine: Engine, *, steps: int, profile: bool) -> dict[str, float]:
    executions = steps // DEPTH
    await engine.register_workflow(chain("chain", DEPTH))
    await _start(engine, "chain", executions)
    before, cpu, calls = await _counters(engine), time.process_time(), _calls(engine)
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    begun = time.perf_counter()
    async with engine.worker(concurrency=256):
        await _until_finished(engine, executions)
        took = time.perf_counter() - begun
        cpu = time.process_time() - cpu
        calls = _calls(engine) - calls
        after = await _counters(engine)
    if profile:
        profiler.disable()
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    steps = executions * DEPTH
    wire = sum(after[k] - before[k] for k in ("total_net_input_bytes", "total_net_output_bytes"))
    redis_cpu = sum(after[k] - before[k] for k in ("used_cpu_sys", "used_cpu_user"))
    return {
        "steps/s": steps / took,
        "Redis CPU us/step": redis_cpu / steps * 1e6,
        "worker CPU us/step": cpu / steps * 1e6,
        "commands/step": calls / steps,
        "bytes on the wire/step": wire / steps,
    }


async def _memory(engine: Engine) -> dict[str, float]:
    await engine.register_workflow(chain("single", 1))
    empty, _ = await _memory_by_kind(engine)
    await _start(engine, "single", MEMORY_EXECUTIONS)
    queued, _ = await _memory_by_kind(engine)
    async with engine.worker(concurrency=256):
        await _until_finished(engine, MEMORY_EXECUTIONS)
    finished, capped = await _memory_by_kind(engine)
    return {
        "bytes/queued execution": (queued - empty) / MEMORY_EXECUTIONS,
        "bytes/finished execution": (finished - empty) / MEMORY_EXECUTIONS,
        "bytes in capped streams/execution": capped / MEMORY_EXECUTIONS,
    }


async def _memory_by_kind(engine: Engine) -> tuple[float, float]:
    """Bytes in use without the capped streams (`events`, `done`), and in those streams."""
    driver = engine.connector.async_driver()
    capped = 0.0
    for keys in (await engine._namespace.space()).keys:
        for name in ("events", "done"):
            capped += await driver.raw("MEMORY", "USAGE", keys.permanent[name], "SAMPLES", 0) or 0
    await driver.close()
    return (await _counters(engine))["used_memory"] - capped, capped


async def _idle(engine: Engine) -> dict[str, float]:
    await engine.register_workflow(chain("idle", 1))
    async with engine.worker():
        await asyncio.sleep(1)
        before = _calls(engine)
        await asyncio.sleep(IDLE_SECONDS)
        return {"idle commands/s": (_calls(engine) - before) / IDLE_SECONDS}


async def _start(engine: Engine, workflow: str, count: int) -> None:
    for first in range(0, count, 1000):
        await engine.execute_many(workflow, [ORDER] * min(1000, count - first))


async def _until_finished(engine: Engine, count: int) -> None:
    driver = engine.connector.async_driver()
    partitions = list((await engine._namespace.space()).keys)
    while True:
        sizes = [await driver.raw("ZCARD", keys.index("completed")) for keys in partitions]
        if sum(sizes) - len(sizes) >= count:
            break
        await asyncio.sleep(0.05)
    await driver.close()


def _calls(engine: Engine) -> int:
    connector = engine.connector
    assert isinstance(connector, CountingConnector)
    return connector.calls


async def _counters(engine: Engine) -> dict[str, float]:
    driver = engine.connector.async_driver()
    found = {}
    for line in (await driver.raw("INFO", "everything")).decode().splitlines():
        name, _, value = line.partition(":")
        try:
            found[name] = float(value)
        except ValueError:
            continue
    await driver.close()
    return found


async def _server(engine: Engine) -> str:
    driver = engine.connector.async_driver()
    lines = (await driver.raw("INFO", "server")).decode().splitlines()
    await driver.close()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    name = facts.get("server_name", "redis")
    return f"{name} {facts.get('valkey_version', facts['redis_version'])}"


async def _clean(engine: Engine) -> None:
    """Delete what this run wrote, and nothing else."""
    keys_of = (await engine._namespace.space()).keys
    pattern = f"{keys_of.prefix}{{{keys_of.namespace}*"
    driver = engine.connector.async_driver()
    cursor = "0"
    while True:
        cursor, keys = await driver.raw("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
        if keys:
            await driver.raw("UNLINK", *keys)
        if cursor in (b"0", "0"):
            break
    await driver.close()
