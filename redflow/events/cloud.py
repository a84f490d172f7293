"""Events for the outside, in the JSON form of CloudEvents 1.0."""

from __future__ import annotations

from typing import Any

from redflow.events.event import Event

PREFIX = "dev.redflow."
SPEC_VERSION = "1.0"


def cloud_event(event: Event) -> dict[str, Any]:
    """Return an event as the value of a CloudEvents JSON document.

    `source` and `id` together are unique; `subject` is the execution, and behind a slash its node.
    """
    source = f"/redflow/{event.namespace}"
    document: dict[str, Any] = {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": source,
        "type": PREFIX + event.type,
        "time": event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
    }
    if event.execution_id is not None:
        node = f"/{event.node_id}" if event.node_id is not None else ""
        document["subject"] = event.execution_id + node
    if event.sequence is not None:
        document["sequence"] = f"{event.sequence:016d}"  # of the extension of this name: as text
    named = {
        "namespace": event.namespace,
        "execution_id": event.execution_id,
        "workflow": event.workflow,
        "node_id": event.node_id,
        "attempt": event.attempt,
    }
    document["data"] = {name: value for name, value in named.items() if value is not None} | dict(
        event.data
    )
    return document
