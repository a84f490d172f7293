"""A live worker that is fed: what a step costs while so many executions are queued or under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from bench.draining import Ground
from bench.measuring import ORDER, SLOTS, Step, noop
from redflow import Workflow
from redflow.store.script import script_table

FEED = 500
SLOW_MICROSECONDS = 1000
KEPT = 10_000

Row = dict[str, str | float]


@asynccontextmanager
async def working(
    url: str, *workflows: Workflow, step: Step = noop, partitions: int | None = None
) -> AsyncIterator[Ground]:
    """An engine that knows some workflows, with a worker; what is slow in the server is noted."""
    ground = Ground(url, step)
    async with ground.engine as engine:
        await _ask(ground, "CONFIG", "SET", "slowlog-log-slower-than", str(SLOW_MICROSECONDS))
        await _ask(ground, "CONFIG", "SET", "slowlog-max-len", str(KEPT))
        for workflow in workflows:
            await engine.register_workflow(workflow, partitions=partitions)
        async with engine.worker(concurrency=SLOTS, drain=5.0):
            yield ground


async def steady(
    ground: Ground, workflow: str, *, steps: int, in_flight: int, value: Any = ORDER
) -> dict[str, float]:
    """What a step costs, its share of a start included, with so many executions unfinished.

    The first tenth of the steps is not in it.
    """
    await ground.start(workflow, in_flight, value)
    feeder = asyncio.ensure_future(_feed(ground, workflow, in_flight, value))
    try:
        await ground.begun.reach(ground.begun.count + steps // 10)
        wanted = ground.begun.count + steps
        await ground.spend(lambda: ground.begun.reach(wanted))
    finally:
        feeder.cancel()
        with suppress(asyncio.CancelledError):
            await feeder  # raises what has made it fail
    return ground.cost()


async def _feed(ground: Ground, workflow: str, in_flight: int, value: Any) -> None:
    batch = max(1, min(FEED, in_flight // 4))
    wanted = ground.ended.count + batch
    while True:
        await ground.ended.reach(wanted)
        await ground.start(workflow, batch, value)
        wanted += batch


async def longest_script(ground: Ground) -> Row:
    """The slowest command that the servers have noted: milliseconds, 0 below one, and its name."""
    names = {script.sha: name for name, script in script_table().items()}
    found: list[tuple[float, str]] = [(0.0, "-")]
    for _, entries in await _ask(ground, "SLOWLOG", "GET", str(KEPT)):
        for _, _, taken, words, *_ in entries:
            called = names.get(words[1].decode()) if words[0] == b"EVALSHA" else None
            found.append((taken / 1000, called or words[0].decode()))
    taken, name = max(found)
    return {"longest script ms": taken, "which": name}


async def _ask(ground: Ground, *words: str) -> list[tuple[str, Any]]:
    driver = ground.engine.connector.async_driver()
    try:
        return await driver.everywhere_once(*words)
    finally:
        await driver.close()


def shown(found: dict[str, float]) -> Row:
    """The columns that every table has."""
    names = ("steps/s", "Redis CPU us/step", "worker CPU us/step", "bytes on the wire/step")
    return {name: round(found[name], 1) for name in names}
