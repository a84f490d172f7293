"""Queues: what waits in them, and whether workers may claim it."""

from __future__ import annotations

from redflow.api.call import Call
from redflow.api.documents.operations import Queues, queue_of
from redflow.api.endpoints import Table
from redflow.api.requests import Why

routes = Table()

ALL = "/api/{namespace}/queues"
ONE = ALL + "/{name}"
MISSING = "queue or namespace"


@routes.get(ALL, "List queues", Queues)
async def list_queues(call: Call) -> Queues:
    """By name; what waits and runs is counted over all partitions."""
    return Queues([queue_of(one) for one in await call.client.queues.list()])


@routes.post(ONE + "/pause", "Pause a queue", status=204, body=Why, optional=True, missing=MISSING)
async def pause_queue(call: Call) -> None:
    """No worker claims from it; steps that run may finish."""
    await call.client.queues.pause(call.path["name"], call.body.reason)


@routes.post(ONE + "/resume", "Let workers claim from a queue again", status=204, missing=MISSING)
async def resume_queue(call: Call) -> None:
    """What waits in it is claimed again."""
    await call.client.queues.resume(call.path["name"])
