"""A worker process that tests kill: `python -m tests.worker.victim URL NAMESPACE PARTITIONS FILE`.

Every attempt appends a line to FILE when it begins and when it ends, so what ran is known without
asking Redis.
"""

import asyncio
import hashlib
import os
import signal
import sys
from dataclasses import replace
from random import Random
from typing import Any

from redflow.driver import RedisConnector
from redflow.metrics import Metrics
from redflow.model.outcome import Branch
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from redflow.nodes.registry import Registry
from redflow.store.keys import Keys
from redflow.store.space import Space
from redflow.worker.settings import WorkerSettings
from redflow.worker.worker import Worker
from tests.store.dags import random_workflow

QUEUES = ("default", "mail", "slow-2")
LEASES = {"lease": 1.0, "beat": 0.3, "sweep": 0.5, "interval": 0.5, "deliveries": 100}
SEED = 20_240_607
WORKFLOWS = 8


def workflows() -> list[Workflow]:
    """Some workflows with every kind of edge; the same in every process."""
    rng, retry = Random(SEED), RetryPolicy(2, initial_interval=0.02, jitter="none")
    sizes = [rng.choice([2, 5, 8, 12]) for _ in range(WORKFLOWS)]
    made = [random_workflow(rng, f"w{n}", size, reading=False) for n, size in enumerate(sizes)]
    return [
        replace(one, nodes=tuple(replace(node, retry=retry) for node in one.nodes)) for one in made
    ]


def fate(execution: str, node: str) -> float:
    """A number from 0 up to 1 that decides what becomes of a step, in every process alike."""
    digest = hashlib.sha256(f"{execution}/{node}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


class Witness:
    """Writes what runs to the file; lines of several processes do not mix."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._labels = {(one.id, node.id): node.labels for one in workflows() for node in one.nodes}

    def say(self, word: str, ctx: Any) -> None:
        line = f"{word} {ctx.execution_id} {ctx.node_id} {ctx.fence} {ctx.attempt} {os.getpid()}\n"
        os.write(self._file, line.encode())

    async def work(self, ctx: Any, value: Any) -> Any:
        """Run for some milliseconds, then answer, fail, or fail once."""
        self.say("begin", ctx)
        chance = fate(ctx.execution_id, ctx.node_id)
        await asyncio.sleep(0.01 * chance)
        if chance < 0.04 or (chance < 0.1 and ctx.attempt == 1):
            self.say("raise", ctx)
            raise ValueError(f"fate {chance}")
        self.say("end", ctx)
        output, labels = [ctx.execution_id, ctx.node_id], self._labels[ctx.workflow, ctx.node_id]
        return Branch(labels[int(chance * 1000) % len(labels)], output) if labels else output


async def main(url: str, namespace: str, partitions: str, path: str) -> None:
    registry, space = Registry(), Space(Keys(namespace, int(partitions)))
    registry.register_function("work", Witness(path).work)

    async def known() -> Space:
        return space

    settings = WorkerSettings(queues=QUEUES, concurrency=8, **LEASES)  # type: ignore[arg-type]
    worker = Worker(RedisConnector(url), known, registry, settings, Metrics())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.request_stop)
    print("ready", os.getpid(), flush=True)
    await worker.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
