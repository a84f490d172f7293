"""How much work waits: for KEDA's metrics-api scaler and the like."""

from __future__ import annotations

from redflow.api.call import Call
from redflow.api.documents.operations import Load
from redflow.api.endpoints import Table
from redflow.api.load import load_of
from redflow.api.requests import AutoscaleQuery

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
    return await load_of(call.client, call.query.queue, call.query.concurrency)
