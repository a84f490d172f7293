"""Workers, as their heartbeats tell."""

from __future__ import annotations

from redflow.api.call import Call
from redflow.api.documents.operations import Workers, worker_of
from redflow.api.endpoints import Table

routes = Table()


@routes.get("/api/{namespace}/workers", "List workers", Workers)
async def list_workers(call: Call) -> Workers:
    """Those that beat lately; `alive` says which still do."""
    return Workers([worker_of(one) for one in await call.client.workers.list()])
