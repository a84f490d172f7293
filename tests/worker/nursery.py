"""Worker processes that cost little to kill: `python -m tests.worker.nursery URL NAMESPACE N FILE`.

It imports everything once and forks a worker for every line it reads, answering its pid. Steps of
the worker and their compensations append to FILE when they begin and when they end.
"""

import asyncio
import os
import signal
import sys
from typing import Any

from redflow.driver import RedisConnector
from redflow.metrics import Metrics
from redflow.model.workflow import Workflow
from redflow.nodes.registry import Registry
from redflow.store.keys import Keys
from redflow.store.space import Space
from redflow.worker.settings import WorkerSettings
from redflow.worker.worker import Worker
from tests.worker.victim import fate

LEASES = {"lease": 1.0, "beat": 0.3, "sweep": 0.5, "interval": 0.5, "deliveries": 100}
STEP = 0.02
"""Longest time of a step, in seconds."""


def trip() -> Workflow:
    """Book, in parallel and one after the other, what is cancelled when the last step fails."""
    builder = Workflow.builder("trip")
    for node in ("flight", "hotel", "car", "seat"):
        builder.add_node(node, "function", function="book").with_saga("cancel")
    builder.add_node("pay", "function", function="pay")
    builder.add_node("cancel", "function", function="cancel")
    for source, target in (("flight", "hotel"), ("flight", "car"), ("hotel", "seat")):
        builder.connect(source, target)
    return builder.connect("seat", "pay").connect("car", "pay").build()


class Witness:
    """Writes what runs; lines of several processes do not mix."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(self, word: str, ctx: Any) -> None:
        os.write(self._file, f"{word} {ctx.execution_id} {ctx.node_id}\n".encode())

    async def book(self, ctx: Any, value: Any) -> Any:
        """Take some milliseconds."""
        self.say("begin", ctx)
        await asyncio.sleep(STEP * fate(ctx.execution_id, ctx.node_id))
        self.say("end", ctx)
        return ctx.node_id

    async def pay(self, ctx: Any, value: Any) -> Any:
        """Fail three times in four."""
        if fate(ctx.execution_id, "pay") < 0.75:
            raise ValueError("the card was refused")
        return "paid"

    async def cancel(self, ctx: Any, undo: Any) -> Any:
        """Undo what may have been done."""
        self.say("begin", ctx)
        await asyncio.sleep(STEP * fate(ctx.execution_id, ctx.node_id))
        self.say("end", ctx)
        return undo["certain"]


async def work(url: str, namespace: str, partitions: str, path: str) -> None:
    """Be one worker until killed, or asked to stop."""
    witness, registry = Witness(path), Registry()
    space = Space(Keys(namespace, int(partitions)))
    for name in ("book", "pay", "cancel"):
        registry.register_function(name, getattr(witness, name))

    async def known() -> Space:
        return space

    settings = WorkerSettings(concurrency=8, drain=5.0, **LEASES)  # type: ignore[arg-type]
    worker = Worker(RedisConnector(url), known, registry, settings, Metrics())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.request_stop)
    await worker.run()


def main() -> None:
    """Fork a worker for each line; the end of the input is the end of all."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps who is killed
    children = []
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            os.close(0)
            asyncio.run(work(*sys.argv[1:]))
            os._exit(0)
        children.append(child)
        print(child, flush=True)
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
