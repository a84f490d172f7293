"""A Redis of our own, with a directory of its own, on a free port of loopback."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from bench.servers import started


class Server:
    """A server that runs, and what it tells of itself."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = redis.Redis(port=port, protocol=2)

    def flush(self) -> None:
        """Forget all data and scripts."""
        self.client.flushall()
        self.client.script_flush()

    def info(self) -> dict[str, float]:
        """The numbers of INFO."""
        return {k: v for k, v in self.client.info().items() if isinstance(v, (int, float))}

    def memory(self) -> float:
        """Bytes in use, connections left out."""
        info = self.info()
        return info["used_memory"] - info["mem_clients_normal"]

    def bytes_of(self, endings: tuple[str, ...]) -> float:
        """Bytes of the keys that end with one of these."""
        if not endings:
            return 0.0
        known = tuple(ending.encode() for ending in endings)
        keys = [key for key in self.client.scan_iter(count=1000) if key.endswith(known)]
        return float(sum(self.client.memory_usage(key, samples=0) or 0 for key in keys))

    def watch(self, seconds: float) -> tuple[int, int]:
        """Count the commands of everybody else: those that were sent, those inside scripts."""
        lines, end = b"", time.monotonic() + seconds
        with socket.create_connection(("127.0.0.1", self.port)) as watcher:
            watcher.sendall(b"MONITOR\r\n")
            while (left := end - time.monotonic()) > 0:
                watcher.settimeout(left)
                with contextlib.suppress(TimeoutError):
                    lines += watcher.recv(65_536)
        inside = lines.count(b" lua] ")
        return lines.count(b'] "') - inside, inside

    @property
    def version(self) -> str:
        """Name and version."""
        info = self.client.info("server")
        number = info.get("valkey_version", info["redis_version"])
        return f"{info.get('server_name', 'redis')} {number}"


@contextmanager
def own_server() -> Iterator[Server]:
    """Start a server and end it with the block."""
    with started() as port:
        server = Server(port)
        try:
            yield server
        finally:
            server.client.close()
