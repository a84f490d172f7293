"""The HTTP API: an ASGI app over a client, to be mounted or served by `redflow serve`.

It asks a client and nothing else, so it may do what a client may; who may do what is decided by the
client's gate, never by a route. May import everything below the engine; the packages of the extra
`api` are imported by `app`, not here. Read first: `app.py` for how a request travels, then one file
of `routes/`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from redflow.extras import extra

if TYPE_CHECKING:
    from redflow.api.app import Api
    from redflow.client import AsyncClient


def create_app(client: AsyncClient, **options: Any) -> Api:
    """Make the ASGI app of a client's server; options are those of `redflow.api.app.Api`.

    Raises Misconfigured when the extra `api` is not installed.
    """
    extra("starlette", "api", "the HTTP API")
    app: Api = import_module("redflow.api.app").Api(client, **options)
    return app
