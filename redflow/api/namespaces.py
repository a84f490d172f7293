"""The clients of the namespaces that requests name: one each, made when first asked for."""

from __future__ import annotations

from collections import OrderedDict

from redflow.auth import AuthProvider
from redflow.client import AsyncClient
from redflow.errors import NotFound
from redflow.store.keys import Keys
from redflow.store.space import Space
from redflow.store.workflows import put_namespace


class Namespaces:
    """Clients by namespace on one server; the one not asked for longest is closed first."""

    def __init__(self, home: AsyncClient, most: int, provider: AuthProvider | None) -> None:
        """`provider` judges what `home` lets everybody do; None leaves it at that."""
        self._given = home
        self._provider = home._door.gate.provider or provider
        judged = home._door.gate.provider is self._provider
        self.home = home if judged else sibling(home, home.namespace, self._provider)
        self._most = most
        self._others: OrderedDict[str, AsyncClient] = OrderedDict()

    async def client(self, name: str, *, founds: bool = False) -> AsyncClient:
        """Return the client of a namespace; raises NotFound without it, unless the call `founds`
        it."""
        known = self.home if name == self.home.namespace else self._others.get(name)
        if known is None:
            if not founds and not await self._exists(name):
                raise no_namespace(name)
            return await self._open(name)
        if known is self.home:
            if not founds:
                await known._namespace.space()
        else:
            self._others.move_to_end(name)
        return known

    async def close(self) -> None:
        """Close the clients that were made here; the first one is its owner's."""
        while self._others:
            await self._others.popitem()[1].close()
        if self.home is not self._given:
            await self.home.close()

    async def _exists(self, name: str) -> bool:
        """Look for a namespace, without connections for each name that anybody tries."""
        own = self.home._namespace
        partitions, _ = await own.driver.run(put_namespace(Space(Keys(name, 0, own.prefix)), 0))
        return bool(partitions)

    async def _open(self, name: str) -> AsyncClient:
        client = self._others.setdefault(name, sibling(self.home, name, self._provider))
        if len(self._others) > self._most:
            _, oldest = self._others.popitem(last=False)
            await oldest.close()
        return client


def sibling(client: AsyncClient, name: str, provider: AuthProvider | None) -> AsyncClient:
    """Make a client like another one, of a namespace and with a provider of its own."""
    own = client._namespace
    return AsyncClient(
        own.connector,
        namespace=name,
        prefix=own.prefix,
        limits=own.limits,
        crypto=own.crypto,
        payloads=own.values.payloads,
        auth=provider,
    )


def no_namespace(name: str) -> NotFound:
    """Return the error of a namespace that is absent, or somebody else's."""
    return NotFound(f"namespace {name!r} is not known here")
