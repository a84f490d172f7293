"""What Redis and its client can do at the moment: no queue can be faster than these.

`STEP` does what recording one step needs, `START` what starting one execution needs; both write as
a queue would that keeps nothing else.
"""

from __future__ import annotations

import asyncio
import csv
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio

from bench.compare import loops
from bench.compare.server import Server

STEP = """
redis.call('HGET', KEYS[1], 'state')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[1], 'left', -1)
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', 1000, '*', 'step', ARGV[2])
redis.call('XACK', KEYS[2], 'workers', id)
return redis.call('HGET', KEYS[1], 'left')
"""
START = """
for _ = 1, tonumber(ARGV[3]) do
  local n = redis.call('INCR', KEYS[1])
  redis.call('HSET', KEYS[2] .. n, 'workflow', ARGV[1], 'state', 'running', 'at', ARGV[2])
  redis.call('ZADD', KEYS[3], n, n)
  redis.call('XADD', KEYS[4], '*', 'id', n)
end
return 1
"""
STEP_ARGUMENTS = (2, "limit:run", "limit:ready", "n0", "00000000000000000001")
START_KEYS = (4, "limit:id", "limit:run:", "limit:live", "limit:ready")
START_ARGUMENTS = (*START_KEYS, "noop", "1760000000", 1)
BATCH = 100
BATCH_ARGUMENTS = (*START_KEYS, "noop", "1760000000", BATCH)

ROUND_TRIP = "one EVALSHA of a step, redis.asyncio, back to back, ms"
ROUND_TRIP_IDLE = "one EVALSHA of a step, redis.asyncio, 0.1 s after the last, ms"
PAUSE = 0.1
IDLE_CALLS = 30
STEPS = "EVALSHA of a step, redis-benchmark -c 50 -P 16, per s"
STEPS_PIPELINED = "EVALSHA of a step, redis-py, 50 pipelined, per s"
STARTS = {
    "sync": "EVALSHA of a start, redis-py, one by one, per s",
    "async": "EVALSHA of a start, redis.asyncio, one by one, per s",
    "50 concurrent": "EVALSHA of a start, redis.asyncio, 50 tasks, per s",
    "batched": "EVALSHA of 100 starts, redis-py, starts per s",
}
LANES = 50


def limits_of(server: Server, workload: str, count: int) -> dict[str, float]:
    """Measure what limits a workload, about so many calls each; leaves an empty server."""
    server.flush()
    server.client.xgroup_create("limit:ready", "workers", mkstream=True)
    found = MEASURES[workload](server, count) if workload in MEASURES else {}
    server.flush()
    return found


def benchmark_line(output: str) -> float:
    """The requests a second in what `redis-benchmark --csv` prints."""
    *_, last = csv.reader(output.strip().splitlines())
    return float(last[1])


def _steps(server: Server, count: int) -> dict[str, float]:
    sha = _load(server, STEP)
    found = {STEPS_PIPELINED: _pipelined(server, sha, count)}
    program = shutil.which("redis-benchmark") or shutil.which("valkey-benchmark")
    if program:
        options = ["-p", str(server.port), "-n", str(count * 10), "-c", "50", "-P", "16", "--csv"]
        command = [program, *options, "EVALSHA", sha, *map(str, STEP_ARGUMENTS)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        found[STEPS] = benchmark_line(done.stdout)
    return found


def _starts(server: Server, count: int) -> dict[str, float]:
    sha = _load(server, START)
    found = {STARTS["sync"]: _sync(server, sha, START_ARGUMENTS, count)}
    found |= loops.run(_async_starts(server, sha, count))
    calls = max(1, count * 4 // BATCH)
    found[STARTS["batched"]] = _sync(server, sha, BATCH_ARGUMENTS, calls) * BATCH
    return found


def _round_trip(server: Server, count: int) -> dict[str, float]:
    return {ROUND_TRIP: loops.run(_one_by_one(server, _load(server, STEP), count, pause=0))}


def _round_trips(server: Server, count: int) -> dict[str, float]:
    found = _round_trip(server, count)
    calls = _one_by_one(server, _load(server, STEP), min(count, IDLE_CALLS), pause=PAUSE)
    return found | {ROUND_TRIP_IDLE: loops.run(calls)}


def _sync(server: Server, sha: str, arguments: tuple[Any, ...], count: int) -> float:
    begun = time.perf_counter()
    for _ in range(count):
        server.client.evalsha(sha, *arguments)
    return count / (time.perf_counter() - begun)


def _pipelined(server: Server, sha: str, count: int) -> float:
    begun, rounds = time.perf_counter(), max(1, count // LANES)
    for _ in range(rounds):
        pipeline = server.client.pipeline(transaction=False)
        for _ in range(LANES):
            pipeline.evalsha(sha, *STEP_ARGUMENTS)
        pipeline.execute()
    return rounds * LANES / (time.perf_counter() - begun)


async def _async_starts(server: Server, sha: str, count: int) -> dict[str, float]:
    async with _client(server) as client:
        await client.ping()
        begun = time.perf_counter()
        await _calls(client, sha, START_ARGUMENTS, count)
        alone = count / (time.perf_counter() - begun)
        each = max(1, count // LANES)
        for again in (False, True):  # the first round opens the connections
            begun = time.perf_counter()
            lanes = (
                _calls(client, sha, START_ARGUMENTS, each if again else 1) for _ in range(LANES)
            )
            await asyncio.gather(*lanes)
        together = each * LANES / (time.perf_counter() - begun)
    return {STARTS["async"]: alone, STARTS["50 concurrent"]: together}


async def _one_by_one(server: Server, sha: str, count: int, *, pause: float) -> float:
    took = []
    async with _client(server) as client:
        await client.ping()
        for _ in range(count):
            if pause:  # an idle core has to wake up first
                await asyncio.sleep(pause)
            begun = time.perf_counter()
            await _calls(client, sha, STEP_ARGUMENTS, 1)
            took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1000


async def _calls(client: Any, sha: str, arguments: tuple[Any, ...], count: int) -> None:
    for _ in range(count):
        await client.evalsha(sha, *arguments)


def _client(server: Server) -> redis.asyncio.Redis:
    return redis.asyncio.Redis(port=server.port, protocol=2)


def _load(server: Server, script: str) -> str:
    return str(server.client.script_load(script))


MEASURES: dict[str, Callable[[Server, int], dict[str, float]]] = {
    "W1": _steps,
    "W2": _starts,
    "W3": _round_trip,
    "W4": _round_trip,
    "W5": _round_trips,
}
