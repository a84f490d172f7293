"""A server to be loaded: `python -m bench.api_server bare|api URL NAMESPACE` prints its port."""

from __future__ import annotations

import asyncio
import socket
import sys
from secrets import token_hex

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from redflow.api import create_app
from redflow.cli.serve import fastest_loop
from redflow.client import AsyncClient


async def start(request: Request) -> JSONResponse:
    """Read a body and answer an id: as little as a start can be."""
    await request.json()
    return JSONResponse({"id": token_hex(13)}, 201)


def app_of(kind: str, url: str, namespace: str) -> ASGIApp:
    """Return what is served."""
    if kind == "bare":
        return Starlette(routes=[Route("/", start, methods=["POST"])])
    return create_app(AsyncClient(url, namespace=namespace))


def main(kind: str, url: str, namespace: str) -> None:
    """Serve on a free port until terminated."""
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app_of(kind, url, namespace), log_config=None, access_log=False, ws="none", lifespan="off"
    )
    with asyncio.Runner(loop_factory=fastest_loop()) as runner:
        runner.run(uvicorn.Server(config).serve([listening]))


if __name__ == "__main__":
    main(*sys.argv[1:])
