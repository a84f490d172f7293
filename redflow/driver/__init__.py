"""Asks Redis what the store wants to know: connections, retries, error classes, embedded servers.

The only package that imports redis-py. It may import `store` (the Op it runs) and `errors`;
nothing in it knows what a script means. `_async.py` is what every driver does; `single/` asks one
server, `cluster/` the nodes of a cluster, and `sentinel/` asks where the primary is; each
`_sync.py` is the generated twin of the `_async.py` beside it. `urls.py` reads a URL, `pools.py`
makes its connections, `connect.py` its drivers; `memory.py` is an in-process server, `embedded.py`
starts a real one that ends with this process, `failures.py` says what an error of Redis means.
Read first: `_async.py`, then `single/_async.py`.
"""

from redflow.driver._async import AsyncDriver
from redflow.driver._sync import Driver
from redflow.driver.connect import RedisConnector
from redflow.driver.embedded import EmbeddedServer
from redflow.driver.links import Connector
from redflow.driver.memory import MemoryConnector

__all__ = [
    "AsyncDriver",
    "Connector",
    "Driver",
    "EmbeddedServer",
    "MemoryConnector",
    "RedisConnector",
]
