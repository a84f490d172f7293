"""States: what may follow what, and where everything ends."""

import pytest

from redflow.model.status import (
    EXECUTION_NEXT,
    PHASE_NEXT,
    STEP_NEXT,
    ExecutionStatus,
    Phase,
    StepStatus,
    WorkflowStatus,
)

TABLES = [(ExecutionStatus, EXECUTION_NEXT), (StepStatus, STEP_NEXT), (Phase, PHASE_NEXT)]


@pytest.mark.parametrize(("kind", "table"), TABLES)
def test_every_state_is_in_the_table_and_leads_somewhere_or_is_terminal(kind, table):
    assert set(table) == set(kind)
    assert {state for state in kind if state.terminal} == {s for s in kind if not table[s]}
    for state in kind:
        assert state not in table[state]


@pytest.mark.parametrize(("kind", "table"), TABLES)
def test_every_state_can_reach_an_end(kind, table):
    reaching = {state for state in kind if state.terminal}
    for _ in kind:
        reaching |= {state for state in kind if table[state] & reaching}
    assert reaching == set(kind)


@pytest.mark.parametrize(("kind", "table"), TABLES)
def test_every_state_can_be_reached(kind, table):
    reached = {next(iter(kind))}
    for _ in kind:
        reached |= {after for state in reached for after in table[state]}
    assert reached == set(kind)


def test_terminal_states():
    assert {s.value for s in ExecutionStatus if s.terminal} == {"COMPLETED", "FAILED", "CANCELLED"}
    ended = {"COMPLETED", "FAILED", "SKIPPED", "CANCELLED"}
    assert {s.value for s in StepStatus if s.terminal} == ended
    assert [s.value for s in Phase if s.terminal] == ["done"]


def test_only_a_running_step_completes():
    assert [s for s in StepStatus if StepStatus.COMPLETED in STEP_NEXT[s]] == [StepStatus.RUNNING]


def test_names_are_the_values():
    for kind in (WorkflowStatus, ExecutionStatus, StepStatus):
        assert all(state.name == state.value == str(state) for state in kind)
    assert all(phase.name.lower() == phase.value for phase in Phase)
