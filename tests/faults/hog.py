"""A worker whose steps hold the interpreter's lock: `python -m tests.faults.hog URL NAMESPACE N`.

No other thread of the process runs meanwhile, as in a slow regular expression or the power of large
numbers; but it ends after an exact time, and leaves the processor to the test.
"""

import asyncio
import ctypes
import signal
import sys
import time
from typing import Any

from redflow.driver import RedisConnector
from redflow.metrics import Metrics
from redflow.nodes.registry import Registry
from redflow.store.keys import Keys
from redflow.store.space import Space
from redflow.worker.settings import WorkerSettings
from redflow.worker.worker import Worker

LEASES = {"lease": 3.0, "beat": 1.0, "sweep": 0.25, "interval": 0.5}
LOCKED = ctypes.PyDLL(None)
"""The C library, called without letting go of the lock."""


def hold(seconds: float) -> float:
    """Hold the lock, and answer for how long."""
    begun = time.monotonic()
    print("begin", flush=True)
    LOCKED.usleep(round(seconds * 1e6))
    return time.monotonic() - begun


async def main(url: str, namespace: str, partitions: str) -> None:
    """Be a worker until asked to stop, and say what became of its outcomes."""
    registry, space = Registry(), Space(Keys(namespace, int(partitions)))
    registry.register_function("hold", hold)

    async def known() -> Space:
        return space

    settings = WorkerSettings(worker_id="hog", **LEASES)  # type: ignore[arg-type]
    worker = Worker(RedisConnector(url), known, registry, settings, Metrics())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.request_stop)
    running = asyncio.create_task(worker.run())
    print("ready", flush=True)
    await running
    health: Any = worker.health()
    print("fenced", health.fenced, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
