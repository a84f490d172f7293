"""Every kind of record says what it carries, and which of them imply that a step had started."""

from datetime import UTC, datetime, timedelta

import pytest

from redflow.events.event import EVENT_TYPES, GAP, SEED_TYPES
from redflow.events.mapping import Told, implies_start, tell, time_of
from redflow.model.event import EventKind, EventRecord

META = "2,1,3,mail,1500,250"
COUNTS = {
    "queue": "mail",
    "wait_seconds": 1.5,
    "run_seconds": 0.25,
    "lost_leases": 1,
    "releases": 3,
}
COUNTED = Told(COUNTS, 2, timedelta(milliseconds=250))
SKIPPED = {
    "schedule": "nightly",
    "reason": "overlap",
    "ticks": 3,
    "first": "1970-01-01T00:00:10+00:00",
    "last": "1970-01-01T00:00:30+00:00",
}
CASES = {
    EventKind.WORKFLOW_STARTED: ("order 7", Told({"version": 7})),
    EventKind.WORKFLOW_COMPLETED: (None, Told()),
    EventKind.WORKFLOW_FAILED: (None, Told()),
    EventKind.WORKFLOW_CANCELLED: (None, Told()),
    EventKind.STEP_STARTED: ([3, "1-0", "w1"], Told({"worker": "w1"}, 3)),
    EventKind.STEP_COMPLETED: (META, COUNTED),
    EventKind.STEP_FAILED: (META, COUNTED),
    EventKind.STEP_RETRYING: (META, COUNTED),
    EventKind.STEP_WAITING_SIGNAL: ("approve", Told({"signal": "approve"})),
    EventKind.SIGNAL_RECEIVED: ("approve", Told({"signal": "approve"})),
    EventKind.COMPENSATION_TRIGGERED: (4, Told({"compensates": "node-4"})),
    EventKind.STEP_SKIPPED: ("b", Told({"reason": "upstream_failed"})),
    EventKind.STEP_CANCELLED: (None, Told()),
    EventKind.STEP_RELEASED: ("shutdown", Told({"reason": "shutdown"})),
    EventKind.STEP_RECLAIMED: (META, COUNTED),
    EventKind.WORKFLOW_SCHEDULED: ("order 7", Told({"version": 7})),
    EventKind.WORKFLOW_PAUSED: (None, Told()),
    EventKind.WORKFLOW_RESUMED: (None, Told()),
    EventKind.STEP_WAITING: ("e1.pay", Told({"child": "e1.pay"})),
    EventKind.WORKFLOW_CANCELLING: (None, Told()),
    EventKind.WORKFLOW_FAILING: (None, Told()),
    EventKind.SCHEDULE_SKIPPED: (["nightly", "overlap", 10, 30, 3], Told(SKIPPED)),
    EventKind.EPOCH_CHANGED: (5, Told({"epoch": 5})),
}


def record_of(kind, extra):
    return EventRecord(kind, "e1", 1, 2, extra)


def test_every_kind_has_a_case():
    assert set(CASES) == set(EventKind)


@pytest.mark.parametrize("kind", CASES)
def test_a_record_says_what_it_carries(kind):
    extra, expected = CASES[kind]
    assert tell(record_of(kind, extra), "node-{}".format) == expected


@pytest.mark.parametrize(
    ("mode", "reason"), [("s", "branch_not_taken"), ("o", "operator"), ("z", "z")]
)
def test_why_a_step_was_skipped(mode, reason):
    assert tell(record_of(EventKind.STEP_SKIPPED, mode), str).data == {"reason": reason}


def test_a_step_that_sleeps_names_no_child():
    assert tell(record_of(EventKind.STEP_WAITING, None), str) == Told()


def test_which_records_imply_a_start():
    implied = {
        kind
        for kind, (extra, _) in CASES.items()
        if implies_start(record_of(kind, extra), tell(record_of(kind, extra), str))
    }
    assert implied == {
        EventKind.STEP_COMPLETED,
        EventKind.STEP_FAILED,
        EventKind.STEP_RETRYING,
        EventKind.STEP_WAITING,
        EventKind.STEP_WAITING_SIGNAL,
    }


def test_the_seed_has_eleven_types():
    assert len(SEED_TYPES) == 11
    assert SEED_TYPES == (
        "workflow.started", "workflow.completed", "workflow.failed", "workflow.cancelled",
        "step.started", "step.completed", "step.failed", "step.retrying", "step.waiting_signal",
        "signal.received", "compensation.triggered",
    )  # fmt: skip


def test_gaps_are_a_type_as_well():
    assert (*(kind.type for kind in EventKind), GAP) == EVENT_TYPES


def test_times_are_of_redis():
    assert time_of(1_500) == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)
