"""A web server on loopback that answers what a test says, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Web:
    """What is answered to every request, and the requests so far."""

    url: str = ""
    place: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    value: Any = None
    statuses: list[int] = field(default_factory=list)
    """Of the first replies; then `status`."""
    asked: list[Asked] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(Asked(method, path, headers, body))
        content = json.dumps(self.value).encode()
        own = {"content-type": "application/json", "content-length": str(len(content))}
        status = self.statuses.pop(0) if self.statuses else self.status
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in (own | self.headers).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def web() -> AsyncIterator[Web]:
    """Serve while the block runs, at `url`."""
    made = Web()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    made.url = f"http://{made.place}"
    async with server:
        yield made
