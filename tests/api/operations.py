"""Every operation of the description, with a request that it would accept."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from redflow.api.app import description

DOCUMENT: dict[str, Any] = json.loads(description())
METHODS = ("get", "post", "put", "delete")

IDS = {
    "id": "order",
    "nodeID": "approve",
    "name": "default",
    "version": "1",
    "workflow": "order",
}
BODIES: dict[str, Any] = {
    "start_execution": {"workflow": "order"},
    "fail_execution": {"message": "no"},
    "register_workflow": {"id": "order", "nodes": {"a": {"type": "log", "config": {}}}},
    "validate_workflow": {"id": "order", "nodes": {"a": {"type": "log", "config": {}}}},
    "activate_version": {"version": 1},
    "set_status": {"status": "ACTIVE"},
    "put_schedule": {"workflow": "order", "cron": "0 2 * * *"},
    "put_webhook": {"workflow": "order", "secrets": ["s"]},
}


@dataclass(frozen=True)
class Operation:
    """One route of the description."""

    id: str
    method: str
    template: str
    open: bool
    body: Any = field(default=None, hash=False)

    @property
    def of_namespace(self) -> bool:
        return "{namespace}" in self.template

    def path(self, namespace: str, **ids: str) -> str:
        return self.template.format(namespace=namespace, **(IDS | ids))


def operations() -> list[Operation]:
    """Return all of them."""
    return [
        Operation(
            found["operationId"],
            method.upper(),
            path,
            not found["security"],
            BODIES.get(found["operationId"]),
        )
        for path, methods in DOCUMENT["paths"].items()
        for method, found in methods.items()
        if method in METHODS
    ]


ALL = operations()
CLOSED = [one for one in ALL if not one.open]
STREAMS = {"follow_execution", "follow_namespace"}
