"""How a name becomes addresses and an address a connection: the two seams of the client."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from httpcore import AsyncNetworkStream

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses as text; raises OSError."""

Connect = Callable[[str, int, float | None], "Awaitable[AsyncNetworkStream]"]
"""Address, port and seconds to a connection; raises what httpcore raises."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the resolver of the system for the addresses of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
