"""W8: one, two and four worker processes, with steps that take CPU time of their own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from bench.measuring import chain, cost, mark, new_engine, start_executions, until_finished
from bench.scale.running import Row
from bench.servers import own_server

DEPTH = 10
PROCESSES = (1, 2, 4)
STEPS = {0: 120_000, 20: 100_000, 100: 40_000, 1000: 5_000}
"""Of a run, by microseconds of CPU in each step: some seconds for one process."""


async def processes(scale: float) -> list[Row]:
    """Chains of ten that are queued before the workers start."""
    rows: list[Row] = []
    for microseconds, steps in STEPS.items():
        one = 0.0
        for count in PROCESSES:
            executions = max(20, round(steps * scale) // DEPTH)
            row = await _drained(count, microseconds, executions)
            one = one or float(row["steps/s"])
            rows.append({**row, "to one process": round(float(row["steps/s"]) / one, 2)})
    return rows


async def _drained(count: int, microseconds: int, executions: int) -> Row:
    with own_server() as url, ExitStack() as stack:
        async with new_engine(url) as engine:
            await engine.register_workflow(chain("chain", DEPTH))
            await start_executions(engine, "chain", executions)
            words = (url, engine.namespace, str(microseconds))
            workers = [stack.enter_context(_worker(*words)) for _ in range(count)]
            before = await mark(engine)
            for told in workers:
                told.write("go\n")
                told.flush()
            await asyncio.wait_for(until_finished(engine, executions), 600)
            found = cost(before, await mark(engine), executions * DEPTH)
    seconds = executions * DEPTH / found["steps/s"]
    redis = found["Redis CPU us/step"] * executions * DEPTH / 1e6
    return {
        "us of CPU/step": microseconds,
        "processes": count,
        "steps/s": round(found["steps/s"], 1),
        "Redis CPU us/step": round(found["Redis CPU us/step"], 1),
        "Redis CPU": f"{redis / seconds:.0%}",
    }


@contextmanager
def _worker(*words: str) -> Iterator[IO[str]]:
    """Start a worker's process; yield its standard input once it is ready to start."""
    command = [sys.executable, "-m", "bench.scale.worker_process", *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("a worker's process has ended before it was ready")
            yield process.stdin
            process.stdin.close()
            process.wait(30)
        finally:
            process.kill()
