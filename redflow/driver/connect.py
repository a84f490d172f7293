"""From a URL to drivers: checks every part of it, and makes connections that never retry alone."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.retry import Retry

from redflow.driver._async import AsyncDriver
from redflow.driver._sync import Driver
from redflow.driver.links import AsyncPool, Pool, Replicas
from redflow.errors import Misconfigured

EXAMPLE = "redis://[user:password@]host[:port][/database]"
LATER = {
    "redis+sentinel": "Sentinel",
    "redis+cluster": "Redis Cluster",
    "rediss+sentinel": "Sentinel",
    "rediss+cluster": "Redis Cluster",
}
TLS_FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
TLS_CHECKS = {"none", "optional", "required"}
CONNECT_SECONDS = 3.0  # long enough for one lost SYN
HEALTH_SECONDS = 15.0  # idle connections are asked for a sign of life before they are used again
LONGEST_WAIT = 4.0  # for replicas: within the time that any answer is given
CONNECTIONS = 16  # of one driver; more callers wait for one to be free
# Shown by CLIENT LIST. It is also the one answer read while connecting over TLS 1.3: without it the
# server's session tickets lie unread, and a synchronous pool takes them for a leftover answer.
LIBRARY = DriverInfo(name="redflow", lib_version=None)
# redis-py has no types here; links.py states those we rely on.
_AsyncPool: Any = redis.asyncio.BlockingConnectionPool
_Pool: Any = redis.BlockingConnectionPool
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")
_HOST = re.compile(r"[\w.:%-]+")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is and how to log in; its text form holds no secret."""

    where: str
    options: dict[str, Any] = field(repr=False)
    scheme: str = "redis"
    replicas: Replicas = field(default_factory=Replicas)


class RedisConnector:
    """Makes drivers for the server of one URL; connects to nothing by itself."""

    lasting = True

    def __init__(self, url: str, *, connections: int = CONNECTIONS) -> None:
        self._address = parse_url(url)
        self._connections = connections

    @property
    def where(self) -> str:
        return self._address.where

    def async_driver(self) -> AsyncDriver:
        return AsyncDriver(self._async_pools(), where=self.where, replicas=self._address.replicas)

    def driver(self) -> Driver:
        return self._driver(self._connections)

    def heartbeat_driver(self) -> Driver:
        """Make a synchronous driver with a single connection of its own, for one thread."""
        return self._driver(1)

    def _driver(self, connections: int) -> Driver:
        return Driver(self._pools(connections), where=self.where, replicas=self._address.replicas)

    def _async_pools(self) -> Callable[[float], AsyncPool]:
        classes = {
            "redis": redis.asyncio.Connection,
            "rediss": redis.asyncio.SSLConnection,
            "unix": redis.asyncio.UnixDomainSocketConnection,
        }

        def make_pool(_: float) -> AsyncPool:  # the driver itself limits: see AsyncLimit
            pool: AsyncPool = _AsyncPool(
                connection_class=classes[self._address.scheme],
                retry=AsyncRetry(NoBackoff(), 0),
                redis_connect_func=_async_connected,
                **_settings(self._address, self._connections, None),
            )
            return pool

        return make_pool

    def _pools(self, connections: int) -> Callable[[float], Pool]:
        classes = {
            "redis": redis.Connection,
            "rediss": redis.SSLConnection,
            "unix": redis.UnixDomainSocketConnection,
        }

        def make_pool(seconds: float) -> Pool:
            pool: Pool = _Pool(
                connection_class=classes[self._address.scheme],
                retry=Retry(NoBackoff(), 0),
                redis_connect_func=_connected,
                **_settings(self._address, connections, seconds),
            )
            return pool

        return make_pool


async def _async_connected(connection: Any) -> None:
    connection.greeted = None
    await connection.on_connect()


def _connected(connection: Any) -> None:
    connection.greeted = None
    connection.on_connect()


def _settings(address: Address, connections: int, seconds: float | None) -> dict[str, Any]:
    """Return what every connection gets: nothing is left to redis-py's defaults, which retry."""
    tcp = {} if address.scheme == "unix" else {"socket_keepalive": True}
    return {
        "max_connections": connections,
        "timeout": CONNECT_SECONDS,
        "protocol": 2,
        "decode_responses": False,
        "socket_timeout": seconds,
        "socket_connect_timeout": CONNECT_SECONDS,
        "health_check_interval": HEALTH_SECONDS,
        "driver_info": LIBRARY,
        **tcp,
        **address.options,
    }


def parse_url(url: object) -> Address:
    """Check a URL and take it apart.

    Raises Misconfigured naming the part that is wrong; no message repeats a password.
    """
    if not isinstance(url, str) or not url:
        raise _wrong("URL", f"is {'empty' if url == '' else type(url).__name__}, not text")
    if _UNPRINTABLE.search(url):
        raise _wrong("URL", "holds a space or control character: percent-encode it")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _wrong("host", "has brackets or characters that no host has") from None
    scheme = parts.scheme
    if scheme in LATER:
        raise Misconfigured(
            f"the Redis URL asks for {LATER[scheme]} ({scheme}://), which this version cannot do",
            hint="name a single server with redis://, rediss:// or unix://",
        )
    if scheme not in ("redis", "rediss", "unix"):
        raise _wrong("scheme", "is not one of redis://, rediss://, unix://")
    if parts.fragment or url.endswith("#"):
        raise _wrong("fragment", "is not allowed: write # in a password as %23")
    options = _login(parts) | _query(parts)
    replicas = _replicas(options)
    address = _unix(parts, options) if scheme == "unix" else _tcp(parts, options)
    return replace(address, replicas=replicas)


def _tcp(parts: SplitResult, options: dict[str, Any]) -> Address:
    host = parts.hostname
    if not host:
        raise _wrong("host", "is missing")
    if not _HOST.fullmatch(host):
        raise _wrong("host", "has a character that no host name has")
    try:
        port = parts.port
    except ValueError:
        raise _wrong("port", "is not a number from 1 to 65535") from None
    if port == 0 or (port is None and parts.netloc.endswith(":")):
        raise _wrong("port", "is not a number from 1 to 65535")
    port = port or 6379
    if "db" in options:
        raise _wrong("query", "names the database, which goes into the path: /0")
    path = parts.path.removeprefix("/")
    options |= {"host": host, "port": port, "db": _database(path, "path")}
    shown = f"[{host}]" if ":" in host else host
    return Address(f"{shown}:{port}/{options['db']}", options, parts.scheme)


def _unix(parts: SplitResult, options: dict[str, Any]) -> Address:
    if parts.netloc.rpartition("@")[2]:
        raise _wrong("host", "is not allowed: a socket is written unix:///path/to.sock")
    if "@" in parts.path:  # a login in the wrong place: its password would show as a path
        raise _wrong("path", "holds a @: write it as %40")
    path = _decoded(parts.path, "path")
    if not path.startswith("/") or "\0" in path:
        raise _wrong("path", "is not that of a socket: unix:///path/to.sock")
    options |= {"path": path, "db": _database(options.get("db", ""), "query")}
    return Address(f"{path} db {options['db']}", options, "unix")


def _login(parts: SplitResult) -> dict[str, Any]:
    given = {"username": parts.username, "password": parts.password}
    return {name: _decoded(text, name) for name, text in given.items() if text}


def _query(parts: SplitResult) -> dict[str, Any]:
    known = {"ssl_cert_reqs", *TLS_FILES} if parts.scheme == "rediss" else {"db"}
    known |= {"replicas", "replica_timeout"}
    options: dict[str, Any] = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        if name not in known:
            # Not repeated: a "?" in a password makes what follows look like an option.
            raise _wrong("query", f"has an option that is not {' or '.join(sorted(known))}")
        if name in TLS_FILES and not Path(text).is_file():
            raise _wrong("query", f"names a file in {name} that does not exist: {text}")
        if name == "ssl_cert_reqs" and text not in TLS_CHECKS:
            raise _wrong("query", f"sets {name}, which is one of {', '.join(sorted(TLS_CHECKS))}")
        options[name] = text
    if options.get("ssl_cert_reqs") == "none":
        options["ssl_check_hostname"] = False
    return options


def _replicas(options: dict[str, Any]) -> Replicas:
    """Take what is asked of replicas out of the options: it is no setting of a connection."""
    number, seconds = options.pop("replicas", "0"), options.pop("replica_timeout", "1")
    if not re.fullmatch(r"[0-9]{1,2}", number):
        raise _wrong("query", "sets replicas, which is a number, such as 1")
    timed = re.fullmatch(r"[0-9](\.[0-9]{1,3})?", seconds)
    if not timed or not 0 < float(seconds) <= LONGEST_WAIT:
        raise _wrong("query", f"sets replica_timeout, which is seconds up to {LONGEST_WAIT:g}")
    return Replicas(int(number), float(seconds))


def _database(text: str, part: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise _wrong(part, "is not a database number, such as /0")
    return int(text or 0)


def _decoded(text: str, part: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise _wrong(part, "has a percent-encoding that is not UTF-8") from None


def _wrong(part: str, reason: str) -> Misconfigured:
    return Misconfigured(f"the {part} of the Redis URL {reason}", hint=f"expected {EXAMPLE}")
