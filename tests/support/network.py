"""Make every socket that would leave this machine an error, for the rest of the process."""

import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LOCAL_NAMES = {"localhost", "localhost.localdomain", "ip6-localhost"}
WITH_SOCKET = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}
WITH_NAME = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class OutsideLoopback(AssertionError):
    """A test tried to reach, resolve or listen on an address that is not loopback."""


class Guard:
    """An audit hook: sees what Python's socket module does, whoever calls it (not libuv)."""

    def __init__(self) -> None:
        self.active = False
        self.refused: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.active or not event.startswith("socket."):
            return
        if event in WITH_SOCKET and not _is_local_address(args[0], args[1]):
            self._refuse(event, args[1])
        if event in WITH_NAME and not is_local_host(args[0]):
            self._refuse(event, args[0])

    def _refuse(self, event: str, target: object) -> None:
        # Kept as well as raised: code under test may swallow the exception and try again.
        self.refused.append(f"{event} {target!r}")
        raise OutsideLoopback(f"{event} {target!r}: tests may only use loopback and unix sockets")


def is_local_host(host: object) -> bool:
    """Tell whether a host name or address text means this machine's loopback interface."""
    if host is None:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    if text.lower() in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_local_address(sock: Any, address: Any) -> bool:
    if getattr(sock, "family", None) not in (socket.AF_INET, socket.AF_INET6):
        return True
    return address is None or is_local_host(address[0])


@contextmanager
def loopback_only() -> Iterator[Guard]:
    """Refuse everything outside loopback while the block runs; audit hooks cannot be removed."""
    guard = Guard()
    guard.active = True
    try:
        yield guard
    finally:
        guard.active = False
