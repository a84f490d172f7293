"""What a run asks: a fake in this process, or a real server; both synchronously."""

from collections.abc import Callable
from typing import Any

import fakeredis
import redis

from redflow.driver.compiled import lend_interpreter

Connect = Callable[[], Any]
"""Makes a synchronous connection."""

# redis-py has no types here.
_Pool: Any = redis.ConnectionPool


def memory() -> Connect:
    """A fake of its own."""
    server = fakeredis.FakeServer()
    lend_interpreter(server)
    kind = fakeredis.FakeRedisConnection
    pool = _Pool(
        connection_class=kind, server=server, protocol=2, driver_info=None, max_connections=10**9
    )
    return pool.make_connection


def real(url: str) -> Connect:
    """A real server, whose database runs empty."""
    pool = _Pool.from_url(url, protocol=2, driver_info=None, max_connections=10**9)
    return pool.make_connection
