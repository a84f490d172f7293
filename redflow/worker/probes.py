"""Answers probes and scrapes of a worker by HTTP, in threads: a loop that hangs is told as well.

Nothing here asks Redis. While Redis is away a worker lives, and is as ready as any other one: to
restart it would help nobody.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST

from redflow.model.operations import ALIVE_BEATS

if TYPE_CHECKING:
    from redflow.metrics import Metrics
    from redflow.worker.worker import Worker

TEXT, JSON = "text/plain; charset=utf-8", "application/json"
PATIENCE = 10.0
"""Seconds a client may take for its request: no thread waits longer."""

Answer = tuple[int, str, bytes]


class Probes:
    """What is answered, of the worker that it is given."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.worker: Worker | None = None
        """None until there is one: the process lives, and is not ready."""

    def answer(self, path: str) -> Answer:
        """Return status, type and body for a path."""
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, self._metrics.expose()
        if path == "/livez":
            return _word(self.live, "the loop or the blocking read stands still")
        if path == "/readyz":
            return _word(self.ready, "not started, stopping, or not reading")
        if path == "/healthz":
            return self._health()
        return 404, TEXT, b"not found: there are /metrics, /livez, /readyz, /healthz\n"

    @property
    def live(self) -> bool:
        """Whether its loop and its blocking read come round; also before it starts."""
        worker = self.worker
        if worker is None:
            return True
        health = worker.health()
        if health.loop_age is None:
            return True
        turns = health.reader_age is None or health.reader_age <= worker.watchdog.limit
        return turns and health.loop_age <= ALIVE_BEATS * worker.settings.beat

    @property
    def ready(self) -> bool:
        """Whether it claims."""
        return self.worker is not None and self.worker.health().ready

    def listening(self, host: str, port: int) -> Listening:
        """Listen on a port, 0 for a free one, and answer while that is entered; raises OSError."""
        return Listening(_Server((host, port), _handler_of(self)))

    def _health(self) -> Answer:
        worker = self.worker
        state: dict[str, Any] = {"live": self.live, "ready": self.ready}
        if worker is not None:
            state |= {"worker": worker.id, **asdict(worker.health())}
        status = 200 if state["live"] else 503
        return status, JSON, json.dumps(state).encode() + b"\n"


class _Server(ThreadingHTTPServer):
    """One thread for each request; none of them keeps the process from ending."""

    daemon_threads = True


class Listening:
    """A port that is taken; requests are answered while this is entered."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self.port: int = server.server_address[1]
        self._thread = threading.Thread(
            target=server.serve_forever, name="redflow-probes", daemon=True
        )

    def __enter__(self) -> Listening:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler_of(probes: Probes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = PATIENCE
        server_version = "redflow"
        sys_version = ""

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, *_: object) -> None:
            """Say nothing: probes come every few seconds."""

        def _answer(self, *, with_body: bool) -> None:
            status, kind, body = probes.answer(self.path.partition("?")[0])
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    return Handler


def _word(good: bool, otherwise: str) -> Answer:
    return (200, TEXT, b"ok\n") if good else (503, TEXT, f"{otherwise}\n".encode())
