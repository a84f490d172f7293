"""Dials what was judged: a name is resolved once, every address is checked, one of them is used.

httpcore asks for a connection by host name and does TLS by that name afterwards, so certificates
are checked as always, and a name that answers differently the second time is not asked twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import ip_address

import httpcore

from redflow.egress.addresses import Address
from redflow.egress.dialling import Connect, Resolve
from redflow.egress.errors import EgressFailed
from redflow.egress.hosts import literal
from redflow.egress.policy import Policy

_system = httpcore.AnyIOBackend()


async def connect(address: str, port: int, timeout: float | None) -> httpcore.AsyncNetworkStream:
    """Open a TCP connection to an address."""
    return await _system.connect_tcp(address, port, timeout)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """The network of one pool of connections: all of them were allowed by the same policy."""

    def __init__(self, policy: Policy, resolve: Resolve, connect: Connect) -> None:
        self._policy = policy
        self._resolve = resolve
        self._connect = connect

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host that the policy allows; raises EgressDenied or EgressFailed.

        `timeout` is seconds for each of its addresses, which are tried in turn.
        """
        self._policy.check_host(host, port)
        texts = [host] if literal(host) else await self._addresses(host, port)
        barred = await self._barred(port)
        failure: Exception | None = None
        for address in self._policy.check_addresses(host, port, texts, barred):
            try:
                return await self._connect(address, port, timeout)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = failure or error
        assert failure is not None
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no URL leads to a unix socket, so nothing may ask for one."""
        raise httpcore.UnsupportedProtocol("unix sockets are not for requests")

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = list(await self._resolve(host, port))
        except OSError as error:
            text = error.strerror or type(error).__name__
            raise EgressFailed(
                f"the name {host} was not resolved: {text}", kind="resolve", host=host
            ) from error
        if not found:
            raise EgressFailed(f"the name {host} has no address", kind="resolve", host=host)
        return found

    async def _barred(self, port: int) -> set[Address]:
        """The addresses that redflow's own servers have now; unknown ones let nothing pass."""
        names = self._policy.denied_names(port)
        found = [await self._addresses(name, port) for name in names]
        return {ip_address(text) for texts in found for text in texts}
