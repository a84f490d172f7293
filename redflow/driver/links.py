"""What a driver needs of a connection and of a pool of them, in both colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from redflow.errors import Unavailable

if TYPE_CHECKING:
    from redflow.driver._async import AsyncDriver
    from redflow.driver._sync import Driver


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many replicas must have a write before it counts, and how many seconds they are given."""

    number: int = 0
    seconds: float = 1.0

    def check(self, acknowledged: int, name: str, where: str) -> None:
        """Raise Unavailable when fewer have acknowledged a write in time."""
        if acknowledged < self.number:
            raise Unavailable(
                f"{name}: {acknowledged} of {self.number} replicas of Redis at {where} had it after"
                f" {self.seconds:g} s",
                ambiguous=True,
                hint="unknown whether a failover keeps it, safe to repeat",
            )


class AsyncConnection(Protocol):
    """One conversation with a server: as many answers are read as commands were sent.

    `greeted` is what the driver knows of this very link; whoever connects it anew clears it.
    """

    greeted: object

    async def check_health(self) -> None: ...

    async def send_packed_command(
        self, command: Sequence[bytes], check_health: bool = True
    ) -> None: ...

    async def read_response(self, *, disconnect_on_error: bool = True) -> Any: ...

    async def disconnect(self) -> None: ...


class Connection(Protocol):
    """The synchronous form of AsyncConnection."""

    greeted: object

    def check_health(self) -> None: ...

    def send_packed_command(self, command: Sequence[bytes], check_health: bool = True) -> None: ...

    def read_response(self, *, disconnect_on_error: bool = True) -> Any: ...

    def disconnect(self) -> None: ...


class AsyncPool(Protocol):
    """Lends connections that are open and have no unread answer."""

    async def get_connection(self) -> AsyncConnection: ...

    async def release(self, connection: AsyncConnection) -> None: ...

    async def disconnect(self, inuse_connections: bool = True) -> None: ...

    async def aclose(self) -> None: ...


class Pool(Protocol):
    """The synchronous form of AsyncPool."""

    def get_connection(self) -> Connection: ...

    def release(self, connection: Connection) -> None: ...

    def disconnect(self, inuse_connections: bool = True) -> None: ...

    def close(self) -> None: ...


class Connector(Protocol):
    """One Redis, of one server or of several, that any number of drivers can be made for."""

    @property
    def where(self) -> str:
        """How errors name the server; holds no password."""
        ...

    @property
    def lasting(self) -> bool:
        """Whether its data should outlive the server; else its settings need no judgement."""
        ...

    def async_driver(self) -> AsyncDriver: ...

    def driver(self) -> Driver: ...

    def heartbeat_driver(self) -> Driver:
        """Make a synchronous driver for one thread: one connection of its own to each server."""
        ...
