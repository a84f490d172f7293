"""What events are read with: a client's connection, and the names behind numbers in records."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from redflow.client import AsyncClient
from redflow.driver import AsyncDriver
from redflow.model.plan import Plan
from redflow.store.events import Named, read_named
from redflow.store.keys import PartitionKeys
from redflow.store.space import Space

MOST_EXECUTIONS = 10_000
"""Executions whose workflow is kept in mind; some 300 bytes each."""


class Source:
    """A namespace as readers of its events see it."""

    def __init__(self, client: AsyncClient) -> None:
        # The package reads what clients hold and have no public word for.
        self._namespace = client._namespace
        self._plans = client._rooms.plans
        self._door = client._door
        self._known: OrderedDict[str, Named] = OrderedDict()

    @property
    def namespace(self) -> str:
        """Its name."""
        return self._namespace.name

    @property
    def driver(self) -> AsyncDriver:
        """The client's own."""
        return self._namespace.driver

    async def space(self) -> Space:
        """Return its keys; raises NotFound when it does not exist."""
        return await self._namespace.space()

    async def ask(self, resource: str, action: str) -> None:
        """Ask the auth provider of the client, if it has one; raises AccessDenied."""
        if not self._door.open:
            await self._door.check(resource, action)

    async def ask_to_read(self, execution: str | None) -> None:
        """Ask whether the events of an execution, or of all, may be read; raises AccessDenied."""
        action = "list" if execution is None else "view"
        await self.ask(f"execution:{self.namespace}:{execution or '*'}", action)

    async def learn(self, partition: PartitionKeys, executions: Iterable[str]) -> dict[str, Named]:
        """Return what executions run, all that are not known yet in one round trip."""
        found: dict[str, Named] = {}
        unknown: list[str] = []
        for execution in executions:
            known = self._known.get(execution)
            if known is None:
                unknown.append(execution)
            else:
                self._known.move_to_end(execution)
                found[execution] = known
        asked = [read_named(partition, execution) for execution in unknown]
        for execution, named in zip(unknown, await self.driver.run_many(asked), strict=True):
            if named is not None:
                found[execution] = self._known[execution] = named
        while len(self._known) > MOST_EXECUTIONS:
            self._known.popitem(last=False)
        return found

    def forget(self, execution: str) -> None:
        """Ask again: the id may be that of a new execution by now."""
        self._known.pop(execution, None)

    async def plan(self, content_hash: str) -> Plan | None:
        """Return a plan; None when it is stored nowhere any more."""
        return await self._plans.find(content_hash)
