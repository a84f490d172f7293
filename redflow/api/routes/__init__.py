"""One file for each resource; `ROUTES` is all of them, what is asked most often first.

A route takes a call apart, asks the client and shows the answer: no route decides who may do what.
"""

from redflow.api.endpoints import Endpoint
from redflow.api.routes import (
    autoscale,
    events,
    executions,
    health,
    queues,
    schedules,
    secrets,
    signals,
    webhooks,
    workers,
    workflows,
)

ROUTES: tuple[Endpoint, ...] = tuple(
    endpoint
    for module in (
        executions,
        signals,
        health,
        webhooks,
        workflows,
        autoscale,
        queues,
        workers,
        events,
        schedules,
        secrets,
    )
    for endpoint in module.routes.endpoints
)
