"""What tests of the API share: an app in this process, asked over ASGI, and who may do what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import httpx

from redflow.api.app import Api
from redflow.auth import Authenticator, Credentials, Principal
from redflow.auth.authenticator import bearer_of
from redflow.client import AsyncClient
from redflow.errors import Unauthenticated
from redflow.metrics import Metrics
from redflow.model.workflow import Workflow

ORDER = (
    Workflow.builder("order", "Order")
    .add_node("reserve", "function", function="reserve")
    .add_node("approve", "signal")
    .connect("reserve", "approve")
    .build()
)
FOLLOWED = Workflow.builder("followed").add_node("wait", "signal").build()


def api_of(client: AsyncClient, **options: Any) -> Api:
    """Return an app with metrics of its own."""
    options.setdefault("metrics", Metrics())
    return Api(client, **options)


@asynccontextmanager
async def asking(
    app: Any, *, token: str | None = None, client: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client that asks an app in this process; no socket is opened."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app, client=(client, 40000))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=headers
    ) as asked:
        yield asked


class Tokens(Authenticator):
    """Recognises a few fixed tokens; any other one is refused."""

    def __init__(self, known: Mapping[str, Principal]) -> None:
        self.known = dict(known)

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        token = bearer_of(credentials)
        if token is None:
            return None
        if token not in self.known:
            raise Unauthenticated("the token is not valid, or no longer")
        return self.known[token]


def principals(namespace: str, roles: Sequence[str] = ()) -> dict[str, Principal]:
    """Return one principal of each role in a namespace, and one who is elsewhere."""
    found = {
        role: Principal(role, namespaces=(namespace,), roles=(role,), method="test")
        for role in roles
    }
    found["foreign"] = Principal("foreign", namespaces=("elsewhere",), roles=("admin",))
    return found


class Listening:
    """A client of an event stream in this process: messages as they are sent, and a way out."""

    def __init__(self, app: Any, path: str, headers: Mapping[str, str] | None = None) -> None:
        path, _, query = path.partition("?")
        given = {"host": "localhost"} | dict(headers or {})
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 40000),
            "root_path": "",
        }
        self._app = app
        self._left = asyncio.Event()
        self._begun = False
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.taking = asyncio.Event()
        self.taking.set()
        self.status = 0

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._app(self._scope, self._receive, self._send))
        first = await self._sent.get()
        self.status = first["status"]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._left.set()
        await asyncio.wait_for(self.task, 5)

    async def _receive(self) -> dict[str, Any]:
        if not self._begun:
            self._begun = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.taking.wait()
        self._sent.put_nowait(message)

    async def chunk(self) -> bytes:
        """Return what was sent next; b"" is the end."""
        message = await asyncio.wait_for(self._sent.get(), 5)
        body: bytes = message.get("body", b"")
        return body

    async def event(self) -> dict[str, Any]:
        """Return the next event; comments and the beginning are passed over."""
        while True:
            lines = (await self.chunk()).decode().strip().splitlines()
            found = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
            if "event" in found:
                return found | {"data": json.loads(found["data"])}

    async def until(self, type: str) -> list[dict[str, Any]]:
        """Return events up to one of a type."""
        events = [await self.event()]
        while events[-1]["event"] != type:
            events.append(await self.event())
        return events
