"""What every benchmark shares: an engine that counts, chains of no-ops, what a drain has cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from bench.counting import CountingConnector
from redflow import Crypto, Engine, Metrics, Workflow

SLOTS = 256
"""Steps that the worker of a benchmark may have under way."""
AT_ONCE = 1000
ORDER = {"order": 12345, "name": "a customer", "amount": 42.5}

Step = Callable[[Any], Coroutine[Any, Any, Any]]


async def noop(value: Any) -> dict[str, Any]:
    """A step that does nothing."""
    return {"ok": True, "n": 1}


def chain(name: str, depth: int) -> Workflow:
    """A chain of no-ops."""
    return workflow_of(name, [() if at == 0 else (at - 1,) for at in range(depth)])


def workflow_of(name: str, parents: Sequence[Sequence[int]]) -> Workflow:
    """A workflow of no-ops, each after the nodes of the given numbers."""
    builder = Workflow.builder(name).allow_disconnected()
    for at in range(len(parents)):
        builder = builder.add_node(f"n{at}", "function", function="noop")
    for at, before in enumerate(parents):
        for parent in before:
            builder = builder.connect(f"n{parent}", f"n{at}")
    return builder.build()


def new_engine(
    url: str, step: Step = noop, metrics: Metrics | None = None, crypto: Crypto | None = None
) -> Engine:
    """An engine in a namespace of its own; `step` is what its nodes call."""
    namespace, metrics = f"b{token_hex(3)}", metrics or Metrics()
    engine = Engine(CountingConnector(url), namespace=namespace, metrics=metrics, crypto=crypto)
    engine.registry.register_function("noop", step)
    return engine


async def start_executions(engine: Engine, workflow: str, count: int, value: Any = ORDER) -> None:
    """Start executions, many in a call."""
    for first in range(0, count, AT_ONCE):
        await engine.execute_many(workflow, [value] * min(AT_ONCE, count - first))


async def until_finished(engine: Engine, count: int) -> None:
    """Wait until so many executions have completed."""
    driver = engine.connector.async_driver()
    partitions = list((await engine._namespace.space()).keys)
    while True:
        sizes = [await driver.raw("ZCARD", keys.index("completed")) for keys in partitions]
        if sum(sizes) - len(sizes) >= count:
            break
        await asyncio.sleep(0.05)
    await driver.close()


@dataclass(frozen=True, slots=True)
class Mark:
    """What had been spent at a moment: seconds, bytes, calls."""

    at: float
    redis: float
    worker: float
    wire: float
    calls: int
    inside: float


async def mark(engine: Engine) -> Mark:
    """Take the counters of the servers and of this process."""
    at, worker, calls = time.perf_counter(), time.process_time(), calls_of(engine)
    found = await counters(engine)
    return Mark(
        at,
        found["used_cpu_sys"] + found["used_cpu_user"],
        worker,
        found["total_net_input_bytes"] + found["total_net_output_bytes"],
        calls,
        found["total_commands_processed"],
    )


def cost(before: Mark, after: Mark, steps: int) -> dict[str, float]:
    """What each of so many steps has cost between two marks."""
    return {
        "steps/s": steps / (after.at - before.at),
        "Redis CPU us/step": (after.redis - before.redis) / steps * 1e6,
        "worker CPU us/step": (after.worker - before.worker) / steps * 1e6,
        "commands/step": (after.calls - before.calls) / steps,
        "commands inside/step": (after.inside - before.inside) / steps,
        "bytes on the wire/step": (after.wire - before.wire) / steps,
    }


def calls_of(engine: Engine) -> int:
    """How many commands this engine has sent so far."""
    connector = engine.connector
    assert isinstance(connector, CountingConnector)
    return connector.calls


async def counters(engine: Engine) -> dict[str, float]:
    """Every number of INFO, summed over the servers that take writes."""
    driver = engine.connector.async_driver()
    found: dict[str, float] = {}
    for _, reply in await driver.everywhere_once("INFO", "everything"):
        for line in reply.decode().splitlines():
            name, _, value = line.partition(":")
            try:
                found[name] = found.get(name, 0.0) + float(value)
            except ValueError:
                continue
    await driver.close()
    return found


async def memory_by_kind(engine: Engine) -> tuple[float, float]:
    """Bytes in use without the capped streams (`events`, `done`), and in those streams."""
    driver = engine.connector.async_driver()
    capped = 0.0
    for keys in (await engine._namespace.space()).keys:
        for name in ("events", "done"):
            capped += await driver.raw("MEMORY", "USAGE", keys.permanent[name], "SAMPLES", 0) or 0
    await driver.close()
    return (await counters(engine))["used_memory"] - capped, capped


async def server_name(engine: Engine) -> str:
    """Name and version of the server."""
    driver = engine.connector.async_driver()
    ((_, reply), *_) = await driver.everywhere_once("INFO", "server")
    await driver.close()
    facts = dict(line.split(":", 1) for line in reply.decode().splitlines() if ":" in line)
    name = facts.get("server_name", "redis")
    return f"{name} {facts.get('valkey_version', facts['redis_version'])}"


async def clean(engine: Engine) -> None:
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
