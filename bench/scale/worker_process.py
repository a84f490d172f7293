"""A worker in a process of its own: it says `ready`, starts when told to, ends with its input."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import Any

from bench.measuring import SLOTS
from redflow import Engine


def burning(microseconds: int) -> Any:
    """A step that takes so much CPU time."""

    async def burn(value: Any) -> dict[str, Any]:
        if microseconds:
            end = time.thread_time_ns() + microseconds * 1000
            while time.thread_time_ns() < end:
                pass
        return {"ok": True, "n": 1}

    return burn


async def main(url: str, namespace: str, microseconds: str) -> None:
    """Run until standard input closes."""
    async with Engine(url, namespace=namespace) as engine:
        engine.registry.register_function("noop", burning(int(microseconds)))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        async with engine.worker(concurrency=SLOTS):
            await asyncio.to_thread(sys.stdin.read)
        print(time.process_time(), flush=True)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(main(*sys.argv[1:]))
