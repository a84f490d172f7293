"""What tests of events share: handlers that note what they get, and streams that are cut."""

import asyncio
from typing import Any

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver
from redflow.events import Event, EventBus, Following
from redflow.metrics import Metrics
from redflow.store.events import Place, read_place
from tests.client.kit import chain
from tests.worker.kit import until

SECONDS = 10.0


class Heard:
    """A handler: notes events, and fails or hangs when told to."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failing = 0
        self.held: asyncio.Event | None = None
        self.calls = 0

    async def __call__(self, event: Event) -> None:
        self.calls += 1
        if self.held is not None:
            await self.held.wait()
        if self.failing:
            self.failing -= 1
            raise ValueError("not now")
        self.events.append(event)

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def of(self, execution: str) -> list[str]:
        return [event.type for event in self.events if event.execution_id == execution]


def bus_of(client: AsyncClient, **options: Any) -> EventBus:
    """Make a bus with metrics of its own."""
    return EventBus(client, **{"metrics": Metrics(), **options})


async def take(following: Following, count: int) -> list[Event]:
    """Take so many events."""
    async with asyncio.timeout(SECONDS):
        return [await anext(following) for _ in range(count)]


async def register(client: AsyncClient, *nodes: str, partitions: int | None = None) -> None:
    """Register the workflow `order`."""
    await client.register_workflow(chain("order", *nodes), partitions=partitions)


async def trim(client: AsyncClient, driver: AsyncDriver, execution: str, keep: int) -> None:
    """Cut the events of an execution's partition to the newest entries."""
    partition = (await client._namespace.space()).keys.partition_of(execution)
    await driver.raw("XTRIM", partition.permanent["events"], "MAXLEN", keep)


async def begun(bus: EventBus) -> None:
    """Wait until this bus leads all its consumers and they read."""
    await until(lambda: all(one._subscription is not None for one in bus._consumers.values()))


async def places(client: AsyncClient, name: str) -> list[Place | None]:
    """How far a consumer has come, by partition."""
    space = await client._namespace.space()
    ops = [read_place(one, name) for one in space.keys]
    return await client._namespace.driver.run_many(ops)
