"""CloudEvents: the attributes that the format demands, and the names of redflow in the data."""

import json
from dataclasses import replace
from datetime import UTC, datetime

from redflow.events import Event, cloud_event

EVENT = Event(
    id="3.1700-0.12",
    type="step.completed",
    namespace="shop",
    execution_id="order-1",
    workflow="order",
    node_id="charge",
    attempt=2,
    time=datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC),
    sequence=9,
    data={"queue": "default"},
)


def test_a_step():
    assert cloud_event(EVENT) == {
        "specversion": "1.0",
        "id": "3.1700-0.12",
        "source": "/redflow/shop",
        "type": "dev.redflow.step.completed",
        "time": "2026-01-02T03:04:05.678Z",
        "datacontenttype": "application/json",
        "subject": "order-1/charge",
        "sequence": "0000000000000009",
        "data": {
            "namespace": "shop",
            "execution_id": "order-1",
            "workflow": "order",
            "node_id": "charge",
            "attempt": 2,
            "queue": "default",
        },
    }


def test_what_an_event_has_not_is_left_out():
    gap = replace(
        EVENT, type="events.gap", execution_id=None, workflow=None, node_id=None, attempt=None,
        sequence=None, data={"missed": 4},
    )  # fmt: skip
    document = cloud_event(gap)
    assert document["data"] == {"namespace": "shop", "missed": 4}
    assert not {"subject", "sequence"} & set(document)
    assert json.loads(json.dumps(document)) == document
