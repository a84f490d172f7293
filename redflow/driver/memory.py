"""Drivers over an in-process server (fakeredis): no Redis, no persistence, one process."""

from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio

from redflow.driver._async import AsyncDriver
from redflow.driver._sync import Driver
from redflow.driver.compiled import lend_interpreter
from redflow.driver.links import AsyncPool, Pool
from redflow.driver.single._async import AsyncSingle
from redflow.driver.single._sync import Single
from redflow.errors import Misconfigured

CONNECTIONS = 16
# redis-py has no types here; links.py states those we rely on.
_AsyncPool: Any = redis.asyncio.BlockingConnectionPool
_Pool: Any = redis.BlockingConnectionPool


class MemoryConnector:
    """Makes drivers that all share one in-process server; it ends with the last of them.

    It cannot block, so their `read_group` looks every 5 ms.
    """

    where = "memory"
    lasting = False

    def __init__(self) -> None:
        try:
            import fakeredis
        except ImportError:
            raise Misconfigured(
                "the in-process server needs fakeredis, which is not installed",
                hint="pip install 'redflow-engine[testing]'",
            ) from None
        self._fakeredis = fakeredis
        self._server = fakeredis.FakeServer()
        lend_interpreter(self._server)

    def async_driver(self) -> AsyncDriver:
        return AsyncSingle(self._async_pools(), where=self.where, can_block=False)

    def driver(self) -> Driver:
        return Single(self._pools(CONNECTIONS), where=self.where, can_block=False)

    def heartbeat_driver(self) -> Driver:
        """Make a synchronous driver with a single connection of its own, for one thread."""
        return Single(self._pools(1), where=self.where, can_block=False)

    def _async_pools(self) -> Callable[[float], AsyncPool]:
        kind = self._fakeredis.FakeAsyncRedisConnection

        def make_pool(_: float) -> AsyncPool:
            pool: AsyncPool = _AsyncPool(connection_class=kind, **self._settings(CONNECTIONS))
            return pool

        return make_pool

    def _pools(self, connections: int) -> Callable[[float], Pool]:
        kind = self._fakeredis.FakeRedisConnection

        def make_pool(_: float) -> Pool:
            pool: Pool = _Pool(connection_class=kind, **self._settings(connections))
            return pool

        return make_pool

    def _settings(self, connections: int) -> dict[str, Any]:
        return {
            "server": self._server,
            "protocol": 2,
            "driver_info": None,
            "socket_timeout": None,  # nothing to wait for, and each limit costs a task
            "max_connections": connections,
        }
