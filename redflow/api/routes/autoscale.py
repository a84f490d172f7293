"""How much work waits: for KEDA's metrics-api scaler and the like."""

from __future__ import annotations

from redflow.api.call import Call
from redflow.api.documents.operations import Load
from redflow.api.endpoints import Table
from redflow.api.requests import AutoscaleQuery
from redflow.client._async.queues import load_of

routes = Table()


@routes.get(
    "/api/{namespace}/autoscale",
    "Tell how much work waits for workers",
    Load,
    query=AutoscaleQuery,
    check=("namespace:{ns}", "view"),
)
async def autoscale(call: Call) -> Load:
    """`desired` is (ready + in flight + due timers) / concurrency, rounded up."""
    concurrency = call.query.concurrency
    found = await load_of(call.client._namespace, concurrency)
    named = [one for one in found.queues if one.name == call.query.queue]
    ready, in_flight = sum(one.ready for one in named), sum(one.in_flight for one in named)
    # For whom timers are due nobody knows before they fire, and without a worker nobody fires them.
    wanted = -(-(ready + in_flight + found.timers_due) // concurrency)
    return Load(ready, in_flight, found.timers_due, wanted)
