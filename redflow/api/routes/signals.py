"""Signals: the seed's route; the body is the data itself."""

from __future__ import annotations

from typing import Any

from redflow.api.call import Call
from redflow.api.documents.executions import Delivered
from redflow.api.endpoints import Table

routes = Table()


@routes.post(
    "/api/{namespace}/executions/{id}/signal/{nodeID}",
    "Send a signal to an execution",
    Delivered,
    body=Any,
    optional=True,
    headers=("Idempotency-Key",),
    missing="execution or namespace",
    also=(409, 413),
)
async def signal_execution(call: Call) -> Delivered:
    """To a node that waits for it, or will: its id, or the name it waits for.

    The body is the data, any JSON. Repeated with one Idempotency-Key it counts once.
    """
    delivery = await call.client.signal_execution(
        call.path["id"],
        call.path["nodeID"],
        call.body,
        signal_id=call.headers.get("idempotency-key"),
    )
    return Delivered(delivery)
