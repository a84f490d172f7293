"""A process with a handler that prints what it gets: `leader.py URL NAMESPACE LEASE`."""

import asyncio
import sys

from redflow.client import AsyncClient
from redflow.events import Event, EventBus


async def main(url: str, namespace: str, lease: str) -> None:
    async def say(event: Event) -> None:
        print(event.execution_id, flush=True)

    async with AsyncClient(url, namespace=namespace) as client:
        bus = EventBus(client, lease=float(lease))
        bus.register_handler("workflow.started", say, name="say", start="oldest")
        await bus.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
