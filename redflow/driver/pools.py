"""Makes pools of connections that never retry alone; nothing is left to redis-py's defaults."""

from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.retry import Retry

from redflow.driver.links import AsyncPool, Pool
from redflow.driver.sentinel import _async as async_sentinel
from redflow.driver.sentinel import _sync as sentinel
from redflow.driver.single._async import ANSWER_SECONDS
from redflow.driver.urls import Address

CONNECT_SECONDS = 3.0  # long enough for one lost SYN
HEALTH_SECONDS = 15.0  # idle connections are asked for a sign of life before they are used again
READS = 1024  # at once at one node of a cluster, where each partition has a read of its own
# Shown by CLIENT LIST. It is also the one answer read while connecting over TLS 1.3: without it the
# server's session tickets lie unread, and a synchronous pool takes them for a leftover answer.
LIBRARY = DriverInfo(name="redflow", lib_version=None)
# redis-py has no types here; links.py states those we rely on.
_AsyncPool: Any = redis.asyncio.BlockingConnectionPool
_Pool: Any = redis.BlockingConnectionPool
ASYNC_KINDS: dict[str, Any] = {
    "redis": redis.asyncio.Connection,
    "rediss": redis.asyncio.SSLConnection,
    "unix": redis.asyncio.UnixDomainSocketConnection,
}
KINDS: dict[str, Any] = {
    "redis": redis.Connection,
    "rediss": redis.SSLConnection,
    "unix": redis.UnixDomainSocketConnection,
}


def async_pools(address: Address, connections: int) -> Callable[[float], AsyncPool]:
    """Return what makes pools for a longest wait in seconds; the driver itself limits that wait."""
    kind, connected = ASYNC_KINDS[address.scheme], _async_connected
    if address.kind == "sentinel":
        pools = {place: async_pools(address.sentinel(place), 1) for place in address.places}
        find = async_sentinel.AsyncPrimary(pools, address.service).find
        kind, connected = async_sentinel.following(kind, find), async_sentinel.met_primary

    def make_pool(seconds: float) -> AsyncPool:
        pool: AsyncPool = _AsyncPool(
            connection_class=kind,
            retry=AsyncRetry(NoBackoff(), 0),
            redis_connect_func=connected,
            **_settings(address, connections, seconds, None),
        )
        return pool

    return make_pool


def pools(address: Address, connections: int) -> Callable[[float], Pool]:
    """Return what makes synchronous pools, whose connections wait so long and no longer."""
    kind, connected = KINDS[address.scheme], _connected
    if address.kind == "sentinel":
        asked = {place: pools(address.sentinel(place), 1) for place in address.places}
        find = sentinel.Primary(asked, address.service).find
        kind, connected = sentinel.following(kind, find), sentinel.met_primary

    def make_pool(seconds: float) -> Pool:
        pool: Pool = _Pool(
            connection_class=kind,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=connected,
            **_settings(address, connections, seconds, seconds),
        )
        return pool

    return make_pool


async def _async_connected(connection: Any) -> None:
    connection.greeted = None
    await connection.on_connect()


def _connected(connection: Any) -> None:
    connection.greeted = None
    connection.on_connect()


def _settings(
    address: Address, connections: int, seconds: float, limit: float | None
) -> dict[str, Any]:
    tcp = {} if address.scheme == "unix" else {"socket_keepalive": True}
    reads = address.one_of_several and seconds > ANSWER_SECONDS
    return {
        "max_connections": max(connections, READS) if reads else connections,
        "timeout": CONNECT_SECONDS,
        "protocol": 2,
        "decode_responses": False,
        "socket_timeout": limit,
        "socket_connect_timeout": min(CONNECT_SECONDS, seconds),
        "health_check_interval": HEALTH_SECONDS,
        "driver_info": LIBRARY,
        **tcp,
        **address.options,
    }
