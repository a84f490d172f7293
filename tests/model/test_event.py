"""Events: codes that never change, and names that handlers know."""

import msgspec

from redflow.model.event import EVENT_CODES, EVENT_TYPES, EventKind, EventRecord


def test_codes_and_names_never_change():
    assert EVENT_TYPES == {
        1: "workflow.started",
        2: "workflow.completed",
        3: "workflow.failed",
        4: "workflow.cancelled",
        5: "step.started",
        6: "step.completed",
        7: "step.failed",
        8: "step.retrying",
        9: "step.waiting_signal",
        10: "signal.received",
        11: "compensation.triggered",
        12: "step.skipped",
        13: "step.cancelled",
        14: "step.released",
        15: "step.reclaimed",
        16: "workflow.scheduled",
        17: "workflow.paused",
        18: "workflow.resumed",
        19: "step.waiting",
        20: "workflow.cancelling",
        21: "workflow.failing",
        22: "schedule.skipped",
        30: "epoch.changed",
    }
    assert all(EVENT_TYPES[code] == name for name, code in EVENT_CODES.items())
    assert EventKind.STEP_WAITING_SIGNAL.type == "step.waiting_signal"


def test_a_record_is_an_array():
    record = EventRecord(6, "x", 3, 2, ["a"])
    data = msgspec.msgpack.encode(record)
    assert msgspec.msgpack.decode(data) == [6, "x", 3, 2, ["a"]]
    assert msgspec.msgpack.decode(data, type=EventRecord) == record
    assert (
        msgspec.msgpack.decode(msgspec.msgpack.encode([1, "x", 1]), type=EventRecord).step is None
    )
