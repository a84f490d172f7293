"""The limits of the HTTP API; sizes are bytes, times seconds."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from redflow.defaults import (
    API_BODY,
    API_DEPTH,
    API_FAILED_LOGINS,
    API_KEEP_ALIVE,
    API_PATIENCE,
    API_RECHECK,
    API_STREAMS,
)
from redflow.errors import InvalidInput

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """How much one request may ask for, and whom the API believes."""

    body_limit: int = API_BODY
    """Of one body, counted while it comes in."""
    depth_limit: int = API_DEPTH
    """Arrays and objects of a body within each other."""
    hosts: tuple[str, ...] = ()
    """Names that `Host` may have, `*` for any; without any, those of loopback when nobody has to
    log in, else any."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks of proxies whose X-Forwarded-For tells the client's address."""
    failed_logins: int = API_FAILED_LOGINS
    """Of one address in a minute; after that it gets 429."""
    open_metrics: bool = False
    """Whether /metrics answers without credentials."""
    namespaces: int = 64
    """Namespaces whose connections are kept open."""
    streams: int = API_STREAMS
    """Event streams at once."""
    patience: float = API_PATIENCE
    """For a client of an event stream that takes nothing; after that it is dropped."""
    keep_alive: float = API_KEEP_ALIVE
    """Between comments on a silent event stream."""
    recheck: float = API_RECHECK
    """Between looks at the rights of an event stream's client: a revoked key ends it so soon."""

    def __post_init__(self) -> None:
        self.networks()

    def networks(self) -> tuple[Network, ...]:
        """Return the networks of trusted proxies; raises InvalidInput for what is none."""
        try:
            return tuple(ipaddress.ip_network(one) for one in self.trusted_proxies)
        except ValueError as error:
            raise InvalidInput(
                f"trusted_proxies: {error}",
                field="trusted_proxies",
                hint="write addresses or networks, such as 10.0.0.0/8",
            ) from error
