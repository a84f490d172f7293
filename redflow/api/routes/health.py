"""Probes and metrics: liveness that survives an outage of Redis, readiness, and the whole state."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec

from redflow.api.call import Answer, Call
from redflow.api.endpoints import Table
from redflow.client._async.queues import load_of
from redflow.errors import RedflowError, StoreError
from redflow.version import VERSION

routes = Table()

PATIENCE = 0.8
"""Seconds that Redis has for its sign of life: the answer is to come within one."""
METRICS_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Live(msgspec.Struct, frozen=True):
    """The event loop turns: it has just answered."""

    status: Literal["ok"] = "ok"


class Ready(msgspec.Struct, frozen=True):
    """Whether it takes requests; an outage of Redis is no reason against it."""

    status: Literal["ready", "draining"]


class Health(msgspec.Struct, frozen=True):
    """How it stands: `status` is `ok` when all of it is."""

    status: Literal["ok", "failing"]
    redis: Literal["up", "down"]
    draining: bool
    version: str = VERSION


@routes.get("/livez", "Say that the process lives", Live, open=True, probe=True)
async def livez(call: Call) -> Live:
    """Asks nobody: a restart mends no outage of Redis."""
    return Live()


@routes.get(
    "/readyz", "Say whether requests are taken", Ready, open=True, probe=True, unready=Ready
)
async def readyz(call: Call) -> Answer:
    """503 while it shuts down, and only then."""
    if call.service.draining:
        return Answer(Ready("draining"), status=503)
    return Answer(Ready("ready"))


@routes.get("/healthz", "Show the state", Health, open=True, probe=True, unready=Health)
async def healthz(call: Call) -> Answer:
    """503 when Redis gives no sign of life within a second."""
    return await _health(call)


@routes.get("/health", "Show the state", Health, open=True, probe=True, unready=Health)
async def health(call: Call) -> Answer:
    """The same as /healthz, by the name that is known from elsewhere."""
    return await _health(call)


async def _health(call: Call) -> Answer:
    try:
        async with asyncio.timeout(PATIENCE):
            await call.service.ping()
        up = True
    except (StoreError, TimeoutError):
        up = False
    draining = call.service.draining
    document = Health("ok" if up else "failing", "up" if up else "down", draining)
    return Answer(document, status=200 if up else 503)


@routes.get(
    "/metrics", "Show the metrics to Prometheus", kind="text", check=("system:{ns}:metrics", "view")
)
async def metrics(call: Call) -> Answer:
    """In its text format, with what stands in the namespace that is served, as it is now."""
    home, gauges = call.service.namespaces.home, call.service.metrics.load
    try:
        async with asyncio.timeout(PATIENCE):
            gauges.show(home.namespace, await load_of(home._namespace))
    except (RedflowError, TimeoutError):
        gauges.forget(home.namespace)
    return Answer(call.service.metrics.expose(), headers=(METRICS_TYPE,))
