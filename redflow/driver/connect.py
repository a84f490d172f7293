"""From a URL to drivers: of one server, of the primary that sentinels name, or of a cluster."""

from redflow.driver._async import AsyncDriver
from redflow.driver._sync import Driver
from redflow.driver.cluster._async import AsyncCluster
from redflow.driver.cluster._sync import Cluster
from redflow.driver.cluster.node._async import AsyncNode
from redflow.driver.cluster.node._sync import Node
from redflow.driver.pools import async_pools, pools
from redflow.driver.single._async import AsyncSingle
from redflow.driver.single._sync import Single
from redflow.driver.urls import PORT, Place, parse_url, shown

CONNECTIONS = 16  # of one driver to one server; more callers wait for one to be free


class RedisConnector:
    """Makes drivers for what a URL names; connects to nothing by itself."""

    lasting = True

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self._address = parse_url(url)
        self._connections = connections

    @property
    def where(self) -> str:
        return self._address.where

    @property
    def addresses(self) -> tuple[str, ...]:
        """Host and port of every server the URL names; none of a socket in the file system."""
        address = self._address
        if address.places:
            return tuple(map(shown, address.places))
        host = address.options.get("host")
        return () if host is None else (shown((host, address.options.get("port", PORT))),)

    def async_driver(self) -> AsyncDriver:
        address = self._address
        if address.kind == "cluster":
            return AsyncCluster(self._async_node, address.places, where=self.where)
        return AsyncSingle(
            async_pools(address, self._connections),
            where=self.where,
            follows=address.kind == "sentinel",
            replicas=address.replicas,
        )

    def driver(self) -> Driver:
        return self._driver(self._connections)

    def heartbeat_driver(self) -> Driver:
        """Make a synchronous driver for one thread: a single connection of its own to a server."""
        return self._driver(1)

    def _driver(self, connections: int) -> Driver:
        address = self._address
        if address.kind == "cluster":
            return Cluster(
                lambda place: self._node(place, connections), address.places, where=self.where
            )
        return Single(
            pools(address, connections),
            where=self.where,
            follows=address.kind == "sentinel",
            replicas=address.replicas,
        )

    def _async_node(self, place: Place) -> AsyncNode:
        address = self._address.at(place)
        make_pool = async_pools(address, self._connections)
        return AsyncNode(make_pool, where=address.where, replicas=address.replicas)

    def _node(self, place: Place, connections: int) -> Node:
        address = self._address.at(place)
        make_pool = pools(address, connections)
        return Node(make_pool, where=address.where, replicas=address.replicas)
