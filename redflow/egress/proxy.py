"""Reads the URL of a proxy that all requests go through."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from redflow.egress.hosts import normal_host
from redflow.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy is, and its login."""

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = field(default=None, repr=False)


def parse_proxy(url: str) -> Proxy:
    """Read http(s)://[user:password@]host:port; raises InvalidInput, which repeats no password."""
    try:
        parts = urlsplit(url)
        host, port = normal_host(parts.hostname or ""), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not port:
        raise InvalidInput(
            "the proxy is not a URL with a host and a port",
            field="proxy",
            hint="write http://[user:password@]host:port",
        )
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(parts.scheme, host, port, login)
