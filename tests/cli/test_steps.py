"""Steps as the command line shows them: why they wait, and the order of what is undone."""

from datetime import UTC, datetime, timedelta

import pytest

from redflow.cli.steps import step_detail, undo_steps, waits_for
from redflow.model.execution import Step, StepReason
from redflow.model.status import StepStatus

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def step(node_id="a", **own):
    fields = {"type": "function", "status": StepStatus.PENDING, "queue": "default"}
    return Step(node_id=node_id, **(fields | own))


def resting(reason, waiting_for=None, due_at=NOON + HOUR):
    return step(
        status=StepStatus.WAITING, reason=reason, waiting_for=waiting_for, due_at=due_at, attempt=1
    )


@pytest.mark.parametrize(
    ("shown", "detail"),
    [
        (resting(StepReason.SLEEPING), "waits for its time, 1h00m left"),
        (resting(StepReason.SIGNAL, "approve"), "waits for signal approve, 1h00m left"),
        (resting(StepReason.SIGNAL, "approve", None), "waits for signal approve"),
        (resting(StepReason.CHILD, "e.a", None), "waits for execution e.a"),
        (step(reason=StepReason.RETRY, attempt=2, due_at=NOON + HOUR), "attempt 2 in 1h00m"),
        (step(reason=StepReason.HELD, attempt=1), "held by a pause"),
        (step(reason=StepReason.OPERATOR, status=StepStatus.SKIPPED), "by an operator"),
        (step(reason=StepReason.UPSTREAM_FAILED), "upstream failed"),
    ],
)
def test_the_detail_says_what_a_step_waits_for(shown, detail):
    assert step_detail(shown, now=NOON) == detail


def test_what_is_waited_for():
    assert waits_for(resting(StepReason.SLEEPING)) == "its time"


def test_undo_steps_stand_in_the_order_they_run():
    later = step("a~undo", started_at=NOON + HOUR)
    first = step("b~undo", started_at=NOON)
    ready = step("c~undo", ready_at=NOON + 2 * HOUR)
    parked = step("d~undo", due_at=NOON)
    assert undo_steps([step("a"), later, first, ready, parked]) == [first, later, ready, parked]
