# GENERATED from redflow/client/_async/namespace.py by tests/tools/unasync.py: change that file.
"""One namespace on one server: its driver, made when first used, and its keys once known."""

import os

from redflow.auth.provider import AuthProvider
from redflow.client._sync.door import Door
from redflow.client.arguments import check_partitions, check_prefix, connector_of, crypto_of
from redflow.crypto.crypto import Crypto
from redflow.crypto.values import Values
from redflow.defaults import LEASE, PARTITIONS
from redflow.driver import Connector, Driver
from redflow.errors import Conflict, NotFound, VersionMismatch
from redflow.model.ids import check_namespace
from redflow.payloads.payloads import Store, payloads_of
from redflow.store.epoch import Fence
from redflow.store.keys import SCHEMA, Keys, PartitionKeys
from redflow.store.space import Limits, Space
from redflow.store.workflows import put_namespace


class Namespace:
    """Knows a namespace; nothing is connected before the driver is used."""

    def __init__(
        self,
        server: str | Connector,
        namespace: str,
        prefix: str,
        limits: Limits,
        crypto: Crypto | None = None,
        *,
        payloads: Store | None = None,
        auth: AuthProvider | None = None,
    ) -> None:
        self.name = check_namespace(namespace)
        self.crypto = crypto_of(crypto)
        self.values = Values(self.name, self.crypto, payloads_of(payloads, os.environ))
        self.prefix = check_prefix(prefix)
        self.limits = limits
        self.connector = connector_of(server)
        self._driver: Driver | None = None
        self._space: Space | None = None
        self.door = Door(self, auth)

    @property
    def driver(self) -> Driver:
        """The one driver of the client."""
        if self._driver is None:
            self._driver = self.connector.driver()
            if self._space is not None:
                self._know(self._space)
        return self._driver

    def space(self) -> Space:
        """Return the namespace's keys and limits, asked for once; raises NotFound."""
        if self._space is not None:
            return self._space
        space = self._ask(0)
        if not space.keys.partitions:
            raise NotFound(
                f"namespace {self.name!r} does not exist on {self.connector.where}",
                hint="register a workflow in it, or call create_namespace",
            )
        return self._know(space)

    def unknown_space(self) -> Space:
        """Return the namespace's own keys, those of no partition; asks nothing."""
        return Space(Keys(self.name, 0, self.prefix), self.limits)

    def create(self, partitions: int | None) -> Space:
        """Return the namespace, made if it is missing; raises Conflict over its partitions."""
        wanted = PARTITIONS if partitions is None else check_partitions(partitions)
        space = self._know(self._ask(wanted))
        if partitions is not None and space.keys.partitions != wanted:
            raise Conflict(
                f"namespace {self.name!r} has {space.keys.partitions} partitions, not {wanted}",
                hint="their number is fixed for good: leave it out, or take another namespace",
            )
        return space

    def partition_of(self, execution: str) -> PartitionKeys:
        """Return the keys of the partition that an execution lives in."""
        return (self.space()).keys.partition_of(execution)

    def forget(self) -> None:
        """Ask again when next used: the namespace may have been deleted and made anew."""
        self._space = None

    def close(self) -> None:
        """Close every connection; a later call opens new ones, in another event loop if need be."""
        driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()

    def _know(self, space: Space) -> Space:
        self._space = space
        self.driver.guard(Fence(space, round(LEASE * 1000)))
        return space

    def _ask(self, partitions: int) -> Space:
        """Create the namespace, or only look with 0 partitions; it has none if it is missing."""
        op = put_namespace(self.unknown_space(), partitions)
        found, schema = self.driver.run(op)
        if found and schema != SCHEMA:
            raise VersionMismatch(
                f"namespace {self.name!r} holds data model {schema}, this redflow knows {SCHEMA}",
                hint="run the same version of redflow everywhere",
            )
        return Space(Keys(self.name, found, self.prefix), self.limits)
