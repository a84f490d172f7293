"""Plans: undo steps behind the forward ones, and the fields that Lua reads of them."""

import msgspec
import pytest
from hypothesis import given

from redflow.model.compiling import compile_plan
from redflow.model.plan import DEFAULT_TIMEOUT, decode_plan
from redflow.model.plan_fields import plan_fields
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow
from tests.model.workflows import few, workflows

REFUND = Node(
    "refund",
    "function",
    config={"function": "refund"},
    retry=RetryPolicy(5),
    timeout=9.0,
    queue="q2",
)
ORDER = Workflow(
    "order",
    nodes=(
        REFUND,
        Node("ship", "log", compensation="refund", compensate_when="attempted", deadline=90.0),
        Node("charge", "log", compensation="refund", compensate_when="completed", queue="q1"),
        Node("reserve", "log", deadline=0.0004),
    ),
    edges=(Edge("reserve", "charge"), Edge("charge", "ship")),
    on_cancel="abandon",
)
PLAN = compile_plan(ORDER, 3)


def test_undo_steps_stand_behind_the_forward_ones_in_their_order():
    assert [step.id for step in PLAN.steps] == [
        "reserve", "charge", "ship", "charge~undo", "ship~undo",
    ]  # fmt: skip
    assert [(s.undo, s.undo_when, s.undo_of) for s in PLAN.steps] == [
        (0, "s", 0), (4, "c", 0), (5, "a", 0), (0, "s", 2), (0, "s", 3),
    ]  # fmt: skip
    assert PLAN.forward == 3
    assert PLAN.roots == [1]
    assert PLAN.sinks == [3]
    assert PLAN.numbers["ship~undo"] == 5
    assert PLAN.queues == ["default", "q1", "q2"]


def test_an_undo_step_runs_its_compensation_node():
    undo = PLAN.step(4)
    assert (undo.type, undo.config) == ("function", {"function": "refund"})
    assert (undo.retry, undo.timeout, undo.queue) == (RetryPolicy(5), 9.0, "q2")
    assert (undo.edges, undo.parents, undo.finalizer, undo.deadline) == ([], [], False, None)


def test_the_fields_that_lua_reads():
    fields = plan_fields(PLAN)
    assert fields["n"] == 5
    assert fields["deadlines"] == ",1:1,3:90000,"
    assert fields["undo"] == ",2:4:c:q2,3:5:a:q2,"
    assert fields["on_cancel"] == "a"
    assert fields["o4"] == fields["o5"] == "0,0\n"
    assert fields["o0"] == "1,0\n1,1,n,default,,p"
    assert "in4" not in fields


def test_a_plan_without_any_of_it_says_so():
    fields = plan_fields(compile_plan(Workflow("w", nodes=(Node("a", "log"),)), 1))
    assert [fields[name] for name in ("deadlines", "undo", "on_cancel")] == ["", "", ""]


def test_a_plan_of_an_earlier_version_is_read():
    plan = compile_plan(Workflow("w", nodes=(Node("a", "log"),)), 1)
    content = msgspec.msgpack.decode(plan.encode())
    old = [*content[:3], [step[:11] for step in content[3]]]
    assert decode_plan(msgspec.msgpack.encode(old)) == plan
    assert plan.step(1).timeout == DEFAULT_TIMEOUT


def test_an_output_is_made_by_a_hidden_last_step_behind_every_root_and_sink():
    """The roots lead there in any case, so that it runs whatever was skipped."""
    workflow = Workflow(
        "w",
        nodes=(Node("e", "log"), *(Node(id, "log") for id in "abcd")),
        edges=(Edge("a", "b"), Edge("a", "c", label="x"), Edge("a", "d", on="always")),
        output="${input}",
    )
    plan = compile_plan(workflow, 1)
    last = plan.step(plan.forward)
    assert (last.id, last.type, last.config) == ("~output", "transform", {"mapping": "${input}"})
    assert (last.any_outcome, last.finalizer, last.edges) == (True, False, [])
    assert [(plan.step(p.step).id, p.kind) for p in last.parents] == [
        ("a", "a"), ("b", "n"), ("c", "n"), ("e", "a"), ("e", "n"),
    ]  # fmt: skip
    assert plan.sinks == [6]
    for parent in last.parents:
        assert plan.step(parent.step).edges[parent.position - 1].child == 6


@few
@given(workflows())
def test_a_plan_read_back_is_the_one_that_was_stored(workflow):
    assert decode_plan(compile_plan(workflow, 2).encode()) == compile_plan(workflow, 2)


@few
@given(workflows())
def test_every_compensated_node_has_an_undo_step_and_no_node_stands_twice(workflow):
    plan = compile_plan(workflow, 1)
    undoing = {node.compensation for node in workflow.nodes if node.compensation}
    forward = [step.id for step in plan.steps[: plan.forward]]
    hidden = set() if workflow.output is DEFAULT else {"~output"}
    assert sorted(forward) == sorted({node.id for node in workflow.nodes} - undoing | hidden)
    for number, step in enumerate(plan.steps, 1):
        if step.undo:
            undo = plan.step(step.undo)
            assert (undo.id, undo.undo_of) == (f"{step.id}~undo", number)
        assert bool(step.undo_of) == (number > plan.forward)
    assert len(plan.numbers) == len(plan.steps)


@few
@given(workflows())
def test_no_edge_leads_to_or_from_an_undo_step(workflow):
    plan = compile_plan(workflow, 1)
    for step in plan.steps[plan.forward :]:
        assert not step.edges
        assert not step.parents
        assert step.deadline is None
    ends = {edge.child for step in plan.steps for edge in step.edges} | set(plan.roots)
    assert ends == set(range(1, plan.forward + 1))
    assert all(number <= plan.forward for number in plan.sinks)


@pytest.mark.parametrize(
    ("seconds", "ms"), [(1, 1000), (1.0004, 1000), (0.0001, 1), (86400, 86400000)]
)
def test_deadlines_are_whole_milliseconds_above_zero(seconds, ms):
    plan = compile_plan(Workflow("w", nodes=(Node("a", "log", deadline=seconds),)), 1)
    assert plan_fields(plan)["deadlines"] == f",1:{ms},"
