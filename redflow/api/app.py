"""The app: routes behind the edge, and what it may be made with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from redflow.api.call import Answer, Call
from redflow.api.edge import Edge, unknown_path
from redflow.api.endpoints import Table
from redflow.api.openapi import describe
from redflow.api.routes import ROUTES
from redflow.api.service import Checker, MakeReceiver, Service
from redflow.api.serving import JSON_TYPE, Served
from redflow.api.settings import ApiSettings
from redflow.api.values import to_json
from redflow.auth import Authenticator
from redflow.client import AsyncClient
from redflow.metrics import Metrics, default_metrics


class Api:
    """An ASGI app over a client: mount it, or serve it.

    It connects when first asked. Nothing has to be started, so it may be mounted in an app that
    runs no lifespans; `close` gives its connections back, not those of the client.
    """

    def __init__(
        self,
        client: AsyncClient,
        *,
        authenticators: Sequence[Authenticator] = (),
        metrics: Metrics | None = None,
        registry: Checker | None = None,
        receiver: MakeReceiver | None = None,
        settings: ApiSettings | None = None,
    ) -> None:
        """Without `authenticators` everybody who reaches it may do what the client may.

        With them the client's provider judges, and one that goes by roles where it has none.
        `registry` knows node types, for checks of workflows; `receiver` makes what takes in
        deliveries, with the secrets to verify them.
        """
        self.service = Service(
            client,
            authenticators=authenticators,
            metrics=metrics if metrics is not None else default_metrics(),
            registry=registry,
            receiver=receiver,
            settings=settings or ApiSettings(),
        )
        routes = [
            Route(one.path, Served(one, self.service), methods=[one.method])
            for one in (*ROUTES, *OWN.endpoints)
        ]
        router = Router(routes, redirect_slashes=False, default=unknown_path)
        self._edge = Edge(router, self.service)

    @property
    def needs_login(self) -> bool:
        """Whether anybody has to say who they are."""
        return self.service.login.required

    def drain(self) -> None:
        """Be ready no more, and end event streams: a server that stops waits for them."""
        self.service.drain()

    async def close(self) -> None:
        """Close what was opened here."""
        await self.service.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope.setdefault("app", self)  # has the router raise what it refuses
            await self._edge(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


OWN = Table()


@OWN.get("/openapi.json", "Show this description", Any, open=True, probe=True)
async def describe_api(call: Call) -> Answer:
    """In OpenAPI 3.1."""
    return Answer(description(), headers=(JSON_TYPE,))


@cache
def description() -> bytes:
    """Return the description of the API as JSON, the same for every app."""
    document = describe([*ROUTES, *OWN.endpoints])
    return msgspec.json.format(to_json(document), indent=2) + b"\n"
