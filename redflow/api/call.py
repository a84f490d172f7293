"""One request in the hands of a route: whose it is, what it says, and the client to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.types import Receive, Scope, Send

from redflow.api.endpoints import Endpoint

if TYPE_CHECKING:
    from redflow.api.service import Service
    from redflow.client import AsyncClient


@dataclass(slots=True)
class Call:
    """What a route is handed; `client` is that of the namespace in its path."""

    service: Service
    endpoint: Endpoint
    scope: Scope
    receive: Receive
    path: Mapping[str, str]
    headers: Mapping[str, str]
    principal: Any = None
    query: Any = None
    body: Any = None
    namespace: AsyncClient | None = None

    @property
    def client(self) -> AsyncClient:
        """The client of the namespace; routes without one have none."""
        assert self.namespace is not None
        return self.namespace

    @property
    def root(self) -> str:
        """The path the app is mounted under."""
        root: str = self.scope.get("root_path", "")
        return root


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with a status or headers of its own."""

    body: Any
    status: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Stream:
    """An answer that is sent bit by bit; `run` sends all of it."""

    def __init__(self, run: Callable[[Send], Any]) -> None:
        self.run = run
