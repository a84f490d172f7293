"""Starts over HTTP, beside a bare POST route of the same framework: what the API itself costs."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from secrets import token_hex

from bench.measuring import chain
from bench.servers import own_server
from redflow import Engine

CONNECTIONS = 64
GATE = 0.6
"""Starts a second, of what a route that does nothing answers."""

BODY = json.dumps({"workflow": "chain", "input": {"order": 12345, "amount": 42.5}}).encode()


def main(arguments: Sequence[str]) -> int:
    """Measure both in turn and print medians; exit 1 when the gate is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench api", description=__doc__)
    parser.add_argument("--redis", help="URL of a server nobody else uses; default: its own")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (default 5)")
    parser.add_argument("--runs", type=int, default=3, help="runs of each (default 3)")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        url = options.redis or stack.enter_context(own_server())
        namespace = f"b{token_hex(3)}"
        asyncio.run(_prepare(url, namespace))
        ports = {
            kind: stack.enter_context(served(kind, url, namespace)) for kind in ("bare", "api")
        }
        path = {"bare": "/", "api": f"/api/{namespace}/executions"}
        found: dict[str, list[float]] = {"bare": [], "api": []}
        for _ in range(options.runs):
            for kind, rates in found.items():
                rates.append(asyncio.run(load(ports[kind], path[kind], options.seconds)))
    ratio = statistics.median(a / b for a, b in zip(found["api"], found["bare"], strict=True))
    for kind, rates in found.items():
        print(f"{kind:34} {statistics.median(rates):10,.0f} requests/s")
    print(f"{'share of the bare route':34} {ratio:10.2f} (gate {GATE})")
    return 0 if ratio >= GATE else 1


async def _prepare(url: str, namespace: str) -> None:
    async with Engine(url, namespace=namespace) as engine:
        engine.registry.register_function("noop", lambda value: value)
        await engine.register_workflow(chain("chain", 1))


@contextmanager
def served(kind: str, url: str, namespace: str) -> Iterator[int]:
    """Serve one of the two apps in a process of its own; yield its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.api_server", kind, url, namespace],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


async def load(port: int, path: str, seconds: float) -> float:
    """Send requests over a few connections, one at a time on each; return answers a second."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(BODY)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Asking(head.encode() + BODY), "127.0.0.1", port)
        for _ in range(CONNECTIONS)
    ]
    clients = [client for _, client in made]
    await asyncio.sleep(seconds / 5)  # until the processes are warm
    before, began = sum(one.answers for one in clients), time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (sum(one.answers for one in clients) - before) / (time.perf_counter() - began)
    for transport, _ in made:
        transport.close()
    wrong = {status for one in clients for status in one.others}
    if wrong:
        raise RuntimeError(f"not all were answered by 201: {wrong}")
    return rate


class _Asking(asyncio.Protocol):
    """Sends the same request as soon as the one before was answered."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._read = b""
        self.answers = 0
        self.others: set[bytes] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._read[:end].lower()
        at = head.index(b"content-length: ") + 16
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(self._read) < end + 4 + length:
            return
        if not head.startswith(b"http/1.1 201"):
            self.others.add(self._read[:200])
        self._read = b""
        self.answers += 1
        self._transport.write(self._request)
