"""A resolver that answers from a table, a dialler that writes down, and a server of a few lines."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from redflow.egress import EgressRequest
from redflow.egress.backend import connect

if TYPE_CHECKING:
    from redflow.egress.dialling import Connect

# Any addresses of global unicast: what is dialled there ends at a server on loopback.
PUBLIC = "1.2.3.4"
OTHER = "1.2.3.5"
PUBLIC6 = "2a00::1"

NAMES = {
    "api.example.com": [PUBLIC],
    "other.example.com": [OTHER],
    "both.example.com": [PUBLIC6, PUBLIC],
    "mixed.example.com": [PUBLIC, "10.1.2.3"],
    "private.example.com": ["10.1.2.3"],
    "meta.example.com": ["169.254.169.254"],
    "localhost": ["127.0.0.1"],
}

JSON = b'{"ok": true}'


def answer(status: int = 200, body: bytes = JSON, **headers: str) -> bytes:
    """Make a response; `content_type="..."` is the header content-type."""
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def request(url: str, **changes: Any) -> EgressRequest:
    """Make a request that stands in a definition of the namespace "default"."""
    usual = {"namespace": "default", "method": "GET", "timeout": 30.0, "written": True}
    return EgressRequest(url=url, **(usual | changes))


class Names:
    """A resolver: each name has one answer, or a list of answers given one after the other."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.table = table
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        known = self.table.get(host)
        if known is None:
            raise OSError(-2, "Name or service not known")
        return known.pop(0) if isinstance(known[0], list) else known


@dataclass
class Dials:
    """A dialler: writes down where to, and leads every connection to one port of loopback."""

    port: int
    made: list[tuple[str, int]] = field(default_factory=list)
    connect: Connect = connect

    async def __call__(self, address: str, port: int, timeout: float | None) -> Any:
        self.made.append((address, port))
        return await self.connect("127.0.0.1", self.port, timeout)


@dataclass
class Received:
    """A request as the server saw it."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split()[1]


Answer = bytes | Callable[["StubServer", asyncio.StreamWriter], Any]


class StubServer:
    """Answers each path with its bytes, and keeps connections open."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self.silence = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self.silence.set()
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.wait_for(asyncio.gather(*self._tasks), 10)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            while (received := await _read(reader)) is not None:
                self.received.append(received)
                given = self.answers.get(received.path.partition("?")[0], answer())
                if callable(given):
                    await given(self, writer)
                else:
                    writer.write(given)
                await writer.drain()
        except OSError:
            pass  # the client went away in the middle, as it should in some tests
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.strip().split("\r\n")
        pairs = (one.partition(": ") for one in rest)
        headers = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    except (asyncio.IncompleteReadError, OSError):
        return None
    return Received(line, headers, body)
