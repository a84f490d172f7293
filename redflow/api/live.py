"""Events as server-sent events: one stream for each client, behind the one reader of a namespace.

What a client holds here is one page of events at most: who is slow reads on from Redis, and who
takes nothing for a while is dropped. Rights are judged anew while a stream lasts.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Send

from redflow.api.problems import Refused
from redflow.api.settings import ApiSettings
from redflow.api.values import plain, to_json
from redflow.auth import Principal
from redflow.errors import AccessDenied, RedflowError, StoreError, Unauthenticated
from redflow.events import Event, Following, cloud_event
from redflow.metrics import Metrics

LOGGER = logging.getLogger("redflow.api")

HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),  # proxies that buffer would hold events back
)
BEGIN = b"retry: 1000\n\n"

Recheck = Callable[[], Awaitable[float]]
"""Judges anew whether a client may go on; answers the time, since 1970, at which it may no more."""


async def _always() -> float:
    return math.inf


@dataclass(slots=True)
class Watch:
    """What one client follows, and until when it may; `first` was read before the answer began."""

    following: Following
    first: Event | None = None
    recheck: Recheck = _always
    expires: float = math.inf


def expiry_of(principal: Principal | None) -> float:
    """Return the time, since 1970, from which a principal no longer counts."""
    said = None if principal is None else principal.claims.get("expires")
    return said if isinstance(said, (int, float)) else math.inf


class Live:
    """The event streams of one app."""

    def __init__(self, settings: ApiSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._clients = metrics.sse_clients.labels()
        self._ended = metrics.sse_ended
        self._count = 0
        self._closing = asyncio.Event()

    def _check_room(self) -> None:
        """Raise Refused when there is no place for one more."""
        if self._count >= self._settings.streams or self._closing.is_set():
            raise Refused(
                503,
                "TooManyStreams",
                f"this process has {self._count} event streams open, as many as it may",
                hint="come again later, or follow several executions by the namespace's events",
                headers=((b"retry-after", b"5"),),
            )

    def close(self) -> None:
        """End all streams; clients come again elsewhere."""
        self._closing.set()

    def _change(self, by: int) -> None:
        self._count += by
        self._clients.set(self._count)

    async def run(self, watch: Watch, receive: Receive, send: Send) -> None:
        """Send events until the execution or the client's right ends, or the client leaves."""
        self._check_room()
        self._change(1)
        stream = _Stream(self._settings, watch, send)
        left = asyncio.create_task(_left(receive))
        closing = asyncio.create_task(self._closing.wait())
        try:
            reason = await stream.run(left, closing)
        except TimeoutError:
            reason = "slow"
            LOGGER.warning("a client took no events for %g s", self._settings.patience)
        finally:
            for task in (left, closing):
                task.cancel()
            await asyncio.gather(left, closing, return_exceptions=True)
            await watch.following.aclose()
            self._change(-1)
        self._ended.labels(reason).inc()


async def _left(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


class _Stream:
    """One client's stream."""

    def __init__(self, settings: ApiSettings, watch: Watch, send: Send) -> None:
        self._settings = settings
        self._watch = watch
        self._send_message = send

    async def run(self, left: asyncio.Task[None], closing: asyncio.Task[Any]) -> str:
        """Return why it ended."""
        start = {"type": "http.response.start", "status": 200, "headers": [*HEADERS]}
        await self._send_message(start)
        await self._send(BEGIN)
        reason = await self._events(left, closing)
        if reason != "left":
            await self._send(b'event: end\ndata: {"reason":"%s"}\n\n' % reason.encode())
            await self._send_message({"type": "http.response.body", "body": b""})
        return reason

    async def _events(self, left: asyncio.Task[None], closing: asyncio.Task[Any]) -> str:
        loop = asyncio.get_running_loop()
        said = checked = loop.time()
        following, settings = self._watch.following, self._settings
        if self._watch.first is not None:
            await self._send(message_of(self._watch.first, following.position))
        coming = asyncio.ensure_future(anext(following, None))
        try:
            while True:
                due = min(
                    said + settings.keep_alive,
                    checked + settings.recheck,
                    loop.time() + self._watch.expires - time.time(),
                )
                await asyncio.wait(
                    (coming, left, closing),
                    timeout=max(0.0, due - loop.time()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if left.done():
                    return "left"
                if closing.done():
                    return "closing"
                if loop.time() >= checked + settings.recheck or time.time() >= self._watch.expires:
                    checked = loop.time()
                    if refusal := await self._refusal():
                        return refusal
                if coming.done():
                    event = coming.result()
                    if event is None:
                        return "ended"
                    await self._send(message_of(event, following.position))
                    said = loop.time()
                    coming = asyncio.ensure_future(anext(following, None))
                elif loop.time() >= said + settings.keep_alive:
                    await self._send(b": alive\nid: %s\n\n" % following.position.encode())
                    said = loop.time()
        finally:
            coming.cancel()
            with suppress(asyncio.CancelledError, RedflowError):
                await coming

    async def _refusal(self) -> str:
        """Say why the client may not go on, "" when it may; an outage of Redis is no reason."""
        if time.time() >= self._watch.expires:
            return "expired"
        try:
            self._watch.expires = await self._watch.recheck()
        except Unauthenticated:
            return "unauthenticated"
        except AccessDenied:
            return "denied"
        except StoreError as error:
            LOGGER.warning("the right to a stream could not be judged anew: %s", error)
        return ""

    async def _send(self, data: bytes) -> None:
        async with asyncio.timeout(self._settings.patience):
            await self._send_message(
                {"type": "http.response.body", "body": data, "more_body": True}
            )


def message_of(event: Event, position: str) -> bytes:
    """Return an event as a message whose id is where a later stream goes on."""
    data = to_json(plain(cloud_event(event)))
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (position.encode(), event.type.encode(), data)
