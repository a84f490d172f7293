"""Runs in a peer's environment: does one job for the bench and prints its findings as JSON.

python -m bench.compare.agent NAME JOB JSON
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.compare import loops
from bench.compare.peers import kind_of
from bench.compare.peers.base import Peer, SyncPeer
from bench.compare.shapes import SINGLE, Shape
from bench.compare.stamps import FOLDER, Stamps

WARM_UP = 5
PAUSE = 0.01
"""Seconds between two runs of `lone`."""
CHUNK = 1000
LOOK = 0.005


def main(arguments: list[str]) -> None:
    """Do the job; a worker runs until it is ended."""
    name, job, text = arguments
    peer, given = kind_of(name)(), json.loads(text)
    assert isinstance(peer, Peer), f"{name} does its jobs by itself"
    if job == "work":
        peer.work()
    else:
        print(json.dumps(loops.run(_do(peer, JOBS[job], given))))


async def _do(peer: Peer, job: Job, given: dict[str, Any]) -> dict[str, Any]:
    await peer.open()
    try:
        return await job(peer, **given)
    finally:
        await peer.close()


async def declare(peer: Peer) -> dict[str, Any]:
    """Only what `open` does."""
    return {}


async def preload(peer: Peer, *, shape: str, count: int) -> dict[str, Any]:
    """Start runs that no worker takes yet."""
    await _start(peer, Shape.parse(shape), count)
    return {}


async def produce(peer: Peer, *, mode: str, count: int) -> dict[str, Any]:
    """Start no-ops in one way; calls a second."""
    for _ in range(WARM_UP):
        await peer.add()
    begun = time.perf_counter()
    if mode == "sync":
        assert isinstance(peer, SyncPeer), f"{peer.name} has no call that blocks"
        for _ in range(count):
            peer.add_sync()
    elif mode == "async":
        for _ in range(count):
            await peer.add()
    elif mode == "batched":
        await peer.add_many(count)
    else:
        lanes = 50
        count = count // lanes * lanes or lanes
        await asyncio.gather(*(_add(peer, count // lanes) for _ in range(lanes)))
    return {"rate": count / (time.perf_counter() - begun)}


async def lone(peer: Peer, *, shape: str) -> dict[str, Any]:
    """One run of a graph on an idle, warm worker; the stamps of its steps."""
    graph = Shape.parse(shape)
    stamps = Stamps(Path(os.environ[FOLDER]))
    seen = 0
    times: list[float] = []
    for one in (*[SINGLE] * WARM_UP, graph, graph):
        await asyncio.sleep(PAUSE)
        await _start(peer, one, 1)
        seen += one.steps
        times = await asyncio.to_thread(stamps.wait, seen, look=LOOK)
    return {"times": times[-graph.steps :]}


async def latency(peer: Peer, *, count: int, pause: float) -> dict[str, Any]:
    """No-ops one by one: when each was started, ran and was known to be done."""
    for _ in range(WARM_UP):
        await peer.result(await peer.add())
    begun, ended = [], []
    for _ in range(count):
        await asyncio.sleep(pause)
        begun.append(time.monotonic())
        await peer.result(await peer.add())
        ended.append(time.monotonic())
    times = Stamps(Path(os.environ[FOLDER])).wait(count + WARM_UP)
    return {"begun": begun, "ended": ended, "times": times[-count:]}


Job = Callable[..., Awaitable[dict[str, Any]]]
JOBS: dict[str, Job] = {job.__name__: job for job in (declare, preload, produce, lone, latency)}


async def _add(peer: Peer, count: int) -> None:
    for _ in range(count):
        await peer.add()


async def _start(peer: Peer, shape: Shape, count: int) -> None:
    if shape == SINGLE:
        for first in range(0, count, CHUNK):
            await peer.add_many(min(CHUNK, count - first))
    else:
        await peer.start(shape, count)


if __name__ == "__main__":
    main(sys.argv[1:])
