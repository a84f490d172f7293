"""A TCP proxy before a server that cuts, loses replies, delays, swallows or refuses on demand."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"
CHUNK = 1 << 18
SECONDS = 10.0
"""Longest wait for the proxy's own thread."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Cut:
    """Replies to throw away: to requests that match, so many times."""

    match: Callable[[bytes], bool]
    times: int


class Proxy:
    """Stands before a server on a port or at a URL, in a thread of its own; a context manager.

    It reads the protocol, so that a reply is lost as a whole, behind the replies before it.
    """

    def __init__(self, target: int | str) -> None:
        self._target = f"redis://{HOST}:{target}/0" if isinstance(target, int) else target
        self.port = 0
        self.connections = 0
        """Made since the start."""
        self.cuts = 0
        """Replies thrown away, each with its connection."""
        self.thrown: list[tuple[bytes, bytes]] = []
        """Requests whose reply was thrown away, and the reply."""
        self.wait = 0.0
        self._rules: list[Cut] = []
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self.flowing = asyncio.Event()
        self.flowing.set()

    @property
    def url(self) -> str:
        """Where clients connect; the database is that of the target."""
        path = urlsplit(self._target).path if self._target.startswith("redis:") else "/0"
        return f"redis://{HOST}:{self.port}{path}"

    @property
    def open(self) -> int:
        """Connections that stand now."""
        return len(self._links)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    # --- faults

    def cut(self) -> None:
        """End every connection that stands now."""
        self._do(self._cut_all())

    def cut_reply(self, match: Callable[[bytes], bool], times: int = 1) -> None:
        """Pass the next matching requests on, throw each reply away and end its connection."""
        self._rules.append(Cut(match, times))

    def spare(self) -> None:
        """Cut no more replies."""
        self._rules.clear()

    def delay(self, seconds: float) -> None:
        """Hold everything that is sent to the server for so long; 0 ends it."""
        self.wait = seconds

    def black_hole(self, on: bool) -> None:
        """Pass nothing on, either way, and tell nobody; what was held arrives once it ends."""

        async def switch() -> None:
            self.flowing.clear() if on else self.flowing.set()

        self._do(switch())

    def refuse(self, on: bool) -> None:
        """Refuse new connections; those that stand go on."""
        self._do(self._deafen() if on else self._listen())

    # --- in the proxy's own thread

    def is_doomed(self, request: bytes) -> bool:
        """Whether the reply to a request is to be thrown away; counts it off."""
        for rule in self._rules:
            if rule.match(request):
                rule.times -= 1
                if rule.times == 0:
                    self._rules.remove(rule)
                return True
        return False

    def _do(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, HOST, self.port, limit=CHUNK, backlog=512
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def _deafen(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            upstream = await self._reach()
        except OSError:
            writer.transport.abort()
            return
        link = _Link(self, (reader, writer), upstream)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)

    async def _reach(self) -> Streams:
        parts = urlsplit(self._target)
        if parts.scheme == "unix":
            return await asyncio.open_unix_connection(parts.path, limit=CHUNK)
        return await asyncio.open_connection(parts.hostname, parts.port, limit=CHUNK)

    async def _cut_all(self) -> None:
        for link in list(self._links):
            link.end()

    async def _end(self) -> None:
        await self._deafen()
        await self._cut_all()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if left:
            await asyncio.wait(left, timeout=SECONDS / 2)


class _Link:
    """One client's connection and the one made for it."""

    def __init__(self, proxy: Proxy, client: Streams, server: Streams) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._asked: deque[bytes | None] = deque()  # a request to whose reply the link ends
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Pass on until either side ends."""
        self._tasks = [
            asyncio.ensure_future(self._pump(self._client[0], self._server[1], self._request)),
            asyncio.ensure_future(self._pump(self._server[0], self._client[1], self._reply)),
        ]
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.end()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def end(self) -> None:
        """End both connections at once; what is still unsent is lost."""
        for _, writer in (self._client, self._server):
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        may_pass: Callable[[bytes], bool],
    ) -> None:
        """Pass whole messages on; the end of a stream too is not passed through a black hole."""
        kept = bytearray()
        with suppress(OSError):
            while data := await source.read(CHUNK):
                kept += data
                if may_pass == self._request and self._proxy.wait:
                    await asyncio.sleep(self._proxy.wait)
                await self._proxy.flowing.wait()
                while (end := end_of(kept)) > 0:
                    message = bytes(kept[:end])
                    del kept[:end]
                    if not may_pass(message):
                        return
                    sink.write(message)
                await sink.drain()
        await self._proxy.flowing.wait()

    def _request(self, message: bytes) -> bool:
        self._asked.append(message if self._proxy.is_doomed(message) else None)
        return True

    def _reply(self, message: bytes) -> bool:
        request = self._asked.popleft() if self._asked else None  # a push answers nothing
        if request is None:
            return True
        self._proxy.cuts += 1
        self._proxy.thrown.append((request, message))
        return False


def end_of(data: bytes | bytearray) -> int:
    """Where the first whole message ends; 0 when it has not all arrived."""
    at, left = 0, 1
    while left:
        line = data.find(b"\r\n", at)
        if line < 0:
            return 0
        kind, left = data[at : at + 1], left - 1
        size = int(data[at + 1 : line]) if kind in (b"*", b"$") else -1
        at = line + 2
        if kind == b"*":
            left += max(size, 0)
        elif size >= 0:
            at += size + 2
    return at if at <= len(data) else 0
