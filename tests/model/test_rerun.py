"""Reruns: what is kept of an ended execution, what runs again, and what a failure would undo."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.model.compiling import compile_plan
from redflow.model.rerun import Copy, EndedStep, plan_compensation, plan_rerun
from redflow.model.workflow import Edge, Node, Workflow
from tests.model.workflows import few, workflows

ORDER = Workflow(
    "order",
    nodes=(
        Node("reserve", "log", compensation="undo"),
        Node("charge", "log", compensation="undo", compensate_when="attempted"),
        Node("ship", "log"),
        Node("sorry", "log"),
        Node("undo", "log"),
    ),
    edges=(
        Edge("reserve", "charge"),
        Edge("charge", "ship"),
        Edge("charge", "sorry", on="failure"),
    ),
)
PLAN = compile_plan(ORDER, 1)
RESERVE, CHARGE, SHIP, SORRY = (PLAN.numbers[n] for n in ("reserve", "charge", "ship", "sorry"))
UNDO_RESERVE, UNDO_CHARGE = PLAN.numbers["reserve~undo"], PLAN.numbers["charge~undo"]
DONE, SKIPPED, FAILED = EndedStep("C"), EndedStep("S"), EndedStep("F")
COMPLETED = {RESERVE: DONE, CHARGE: DONE, SHIP: DONE, SORRY: SKIPPED}


def rerun(records, plan=PLAN, new=None, **options):
    made = plan_rerun(plan, new or plan, records, **options)
    return set(made.keep), set(made.run)


def test_what_completed_before_the_failure_is_kept():
    records = {RESERVE: DONE, CHARGE: FAILED, SHIP: SKIPPED, SORRY: FAILED}
    made = plan_rerun(PLAN, PLAN, records)
    assert (made.keep, made.run) == (("reserve",), ("charge", "ship", "sorry"))
    assert made.copies == (Copy(RESERVE, RESERVE, ""),)
    assert (made.undo, made.undos) == (("reserve",), (RESERVE,))
    assert (made.version, made.id) == (1, "")


def test_what_was_undone_runs_again_whether_that_succeeded_or_not():
    for letter in "CF":
        records = {RESERVE: DONE, CHARGE: FAILED, UNDO_RESERVE: EndedStep(letter)}
        assert rerun(records)[0] == set()


def test_a_completed_execution_runs_again_as_a_whole():
    assert rerun(COMPLETED) == (set(), {"reserve", "charge", "ship", "sorry"})


def test_it_runs_again_from_a_node_on():
    assert rerun(COMPLETED, from_node="charge") == ({"reserve"}, {"charge", "ship", "sorry"})
    assert rerun(COMPLETED, from_node="ship") == ({"reserve", "charge", "sorry"}, {"ship"})


def test_another_input_makes_everything_run_unless_it_says_from_where():
    failed = {**COMPLETED, SHIP: FAILED}
    assert rerun(failed, with_input=True)[0] == set()
    assert rerun(failed, with_input=True, from_node="ship")[1] == {"ship"}


def test_what_an_operator_skipped_is_kept():
    records = {RESERVE: DONE, CHARGE: EndedStep("C", attempt=0), SHIP: FAILED, SORRY: SKIPPED}
    assert rerun(records) == ({"reserve", "charge", "sorry"}, {"ship"})


@pytest.mark.parametrize("node", ["gone", "undo", "reserve~undo", ""])
def test_an_unknown_node_is_refused_with_those_there_are(node):
    with pytest.raises(InvalidInput, match=r"no node .* it has reserve, charge, ship, sorry$") as e:
        plan_rerun(PLAN, PLAN, COMPLETED, from_node=node)
    assert e.value.field == "from_node"


def test_a_long_list_of_nodes_is_cut():
    nodes = tuple(Node(f"n{i:02}", "log") for i in range(12))
    plan = compile_plan(Workflow("w", nodes=nodes, allow_disconnected=True), 1)
    with pytest.raises(InvalidInput, match="n09 and 2 more"):
        plan_rerun(plan, plan, {}, from_node="x")


# What a later failure undoes


def test_kept_steps_are_undone_in_the_order_they_settled():
    plan = compile_plan(
        Workflow(
            "w",
            nodes=(
                *(Node(n, "log", compensation="u") for n in "abc"),
                Node("d", "log"),
                Node("u", "log"),
            ),
            allow_disconnected=True,
        ),
        1,
    )
    records = {
        1: EndedStep("C", settled=30),
        2: EndedStep("C", settled=10),
        3: EndedStep("C", settled=20),
    }
    assert plan_rerun(plan, plan, records).undo == ("b", "c", "a")
    assert plan_rerun(plan, plan, records, undo_list=[3, 1, 2]).undo == ("c", "a", "b")
    assert plan_rerun(plan, plan, records, undo_list=[2, 1]).undo == ("b", "c", "a")


@pytest.mark.parametrize(
    ("undo_list", "expected"),
    [([RESERVE, CHARGE], ("reserve", "charge")), ([RESERVE], ("reserve",))],
)
def test_a_step_skipped_by_an_operator_is_undone_if_it_had_begun(undo_list, expected):
    records = {RESERVE: DONE, CHARGE: EndedStep("C", attempt=0), SHIP: FAILED, SORRY: SKIPPED}
    assert plan_rerun(PLAN, PLAN, records, undo_list=undo_list).undo == expected


def test_a_step_skipped_by_an_operator_is_not_undone_where_only_completed_ones_are():
    plan = compile_plan(
        replace(
            ORDER, nodes=(replace(ORDER.nodes[0], compensate_when="completed"), *ORDER.nodes[1:])
        ),
        2,
    )
    records = {RESERVE: EndedStep("C", attempt=0), CHARGE: FAILED}
    assert plan_rerun(PLAN, PLAN, records, undo_list=[RESERVE]).undo == ("reserve",)
    assert plan_rerun(PLAN, plan, records, undo_list=[RESERVE]).undo == ()


# Another version


def test_a_changed_node_and_what_hangs_on_it_run_again():
    reserve, charge, *others = ORDER.nodes
    changed = replace(ORDER, nodes=(reserve, replace(charge, config={"message": "x"}), *others))
    assert rerun(COMPLETED, new=compile_plan(changed, 2))[0] == {"reserve"}


def test_how_a_node_is_run_is_no_change_of_what_it_gave():
    reserve, *others = ORDER.nodes
    changed = replace(
        ORDER,
        nodes=(replace(reserve, queue="q", timeout=5.0, deadline=9.0, compensation=None), *others),
    )
    new = compile_plan(changed, 2)
    made = plan_rerun(PLAN, new, {**COMPLETED, SHIP: FAILED}, undo_list=[RESERVE, CHARGE])
    assert made.keep == ("reserve", "charge", "sorry")
    assert made.undo == ("charge",)


@pytest.mark.parametrize(
    "edges",
    [
        (Edge("reserve", "charge"), Edge("reserve", "ship")),
        (Edge("reserve", "charge"), Edge("charge", "ship", on="always")),
        (Edge("reserve", "charge"), Edge("charge", "ship"), Edge("reserve", "ship")),
    ],
    ids=["another parent", "another kind", "one more"],
)
def test_a_node_that_other_edges_lead_to_runs_again(edges):
    changed = compile_plan(replace(ORDER, edges=(*edges, ORDER.edges[2])), 2)
    assert rerun(COMPLETED, new=changed) == ({"reserve", "charge", "sorry"}, {"ship"})


def test_one_is_not_true():
    one, true = (
        compile_plan(Workflow("w", nodes=(Node("a", "log", config={"x": x}), Node("b", "log")),
                              allow_disconnected=True), 1)
        for x in (1, True)
    )  # fmt: skip
    assert rerun({1: DONE}, one, one) == ({"a"}, {"b"})
    assert rerun({1: DONE}, one, true) == (set(), {"a", "b"})


def test_only_new_nodes_run_where_all_old_ones_are_as_they_were():
    more = replace(
        ORDER, nodes=(*ORDER.nodes, Node("bill", "log")), edges=(*ORDER.edges, Edge("ship", "bill"))
    )
    assert rerun(COMPLETED, new=compile_plan(more, 2)) == (
        {"reserve", "charge", "ship", "sorry"}, {"bill"},
    )  # fmt: skip


def branching(*targets):
    """A node that chooses among labels, and what each leads to."""
    nodes = (Node("a", "log", labels=("x", "y", "z")), *(Node(n, "log") for n, _ in targets))
    return compile_plan(
        Workflow("w", nodes=nodes, edges=tuple(Edge("a", n, label=label) for n, label in targets)),
        len(targets),
    )


OLD = branching(("m", "x"), ("n", "y"))


@pytest.mark.parametrize(
    ("not_taken", "targets", "expected"),
    [
        (",2,", (("b", "y"), ("m", "x"), ("n", "y")), ",1,3,"),
        (",2,", (("b", "z"), ("m", "x"), ("n", "y")), ",1,3,"),
        (",2,", (("b", "x"), ("m", "x"), ("n", "y")), ",3,"),
        (",2,", (("b", None), ("m", "x")), ""),
        (",1,2,", (("b", "y"), ("m", "x")), ",1,2,"),
    ],
)
def test_edges_not_taken_are_found_again_by_their_labels(not_taken, targets, expected):
    records = {1: EndedStep("C", not_taken=not_taken), 2: FAILED, 3: FAILED}
    made = plan_rerun(OLD, branching(*targets), records)
    assert made.copies[0] == Copy(1, 1, expected)


def test_a_choice_the_record_cannot_tell_is_made_again():
    records = {1: EndedStep("C", not_taken=",1,2,"), 2: FAILED, 3: FAILED}
    assert plan_rerun(OLD, branching(("b", "z"), ("m", "x")), records).keep == ()


# Compensation again


def test_failed_compensations_run_again_and_all_else_is_kept():
    records = {
        **COMPLETED, SHIP: FAILED, UNDO_RESERVE: FAILED, UNDO_CHARGE: EndedStep("C", settled=9),
    }  # fmt: skip
    made = plan_compensation(PLAN, records, undo_list=[RESERVE, CHARGE])
    assert made.undos == (RESERVE,)
    assert made.run == ("reserve~undo",)
    assert [copy.step for copy in made.copies] == [RESERVE, CHARGE, SHIP, SORRY, UNDO_CHARGE]
    assert "charge~undo" in made.keep


def test_several_failed_compensations_run_in_reverse_order():
    records = {**COMPLETED, SHIP: FAILED, UNDO_RESERVE: FAILED, UNDO_CHARGE: FAILED}
    made = plan_compensation(PLAN, records, undo_list=[CHARGE, RESERVE])
    assert (made.undo, made.run) == (("charge", "reserve"), ("reserve~undo", "charge~undo"))


def test_without_a_failed_compensation_there_is_nothing_to_run():
    with pytest.raises(InvalidInput, match="no compensation"):
        plan_compensation(PLAN, {**COMPLETED, SHIP: FAILED, UNDO_RESERVE: DONE})


# Properties

letters = st.sampled_from(["C", "C", "C", "S", "F", "X", None])


@st.composite
def ended(draw):
    """Draw a workflow, its plan, records of one run and a node to run again from."""
    workflow = draw(workflows())
    plan = compile_plan(workflow, 1)
    drawn = [(i, draw(letters)) for i in range(1, len(plan.steps) + 1)]
    records = {i: EndedStep(letter, draw(st.integers(0, 2))) for i, letter in drawn if letter}
    ids = plan.nodes
    return workflow, plan, records, draw(st.none() | st.sampled_from(ids))


@st.composite
def versions(draw):
    """Draw the same, and another version that lacks edges or has another config or type."""
    workflow, plan, records, from_node = draw(ended())
    edges = tuple(edge for edge in workflow.edges if draw(st.sampled_from([True, True, False])))
    changes = st.sampled_from([{}, {}, {"config": {"new": 1}}, {"type": "other"}, {"queue": "new"}])
    nodes = tuple(replace(node, **draw(changes)) for node in workflow.nodes)
    return plan, compile_plan(replace(workflow, nodes=nodes, edges=edges), 2), records, from_node


def ruined(plan, number, records):
    """Whether a step cannot be kept for its own record."""
    record, undo = records.get(number), records.get(plan.step(number).undo)
    if record is None or record.letter in "FX":
        return True
    return undo is not None and undo.letter in "CF"


@few
@given(ended())
def test_exactly_ruined_steps_and_their_descendants_run_again(drawn):
    _, plan, records, from_node = drawn
    again = set()
    for number in range(1, plan.forward + 1):
        step = plan.step(number)
        after = any(parent.step in again for parent in step.parents)
        if after or step.id == from_node or ruined(plan, number, records):
            again.add(number)
    expected = {plan.step(number).id for number in again or range(1, plan.forward + 1)}
    made = plan_rerun(plan, plan, records, from_node=from_node)
    assert set(made.run) == expected
    assert [copy.not_taken for copy in made.copies] == ["" for _ in made.keep]


@few
@given(ended() | versions())
def test_a_rerun_is_sound(drawn):
    first, second, records, from_node = drawn
    old = second if isinstance(first, Workflow) else first
    made = plan_rerun(old, second, records, from_node=from_node)
    forward = [step.id for step in second.steps[: second.forward]]
    assert sorted((*made.keep, *made.run)) == sorted(forward)
    assert from_node is None or from_node in made.run
    kept = {copy.step for copy in made.copies}
    assert list(kept) == sorted(kept)
    for copy in made.copies:
        assert {parent.step for parent in second.step(copy.step).parents} <= kept
        assert not ruined(old, copy.old, records)
        assert records[copy.old].letter in "CS"
    assert {second.numbers[node] for node in made.keep} == kept
    assert set(made.undos) <= {number for number in kept if second.step(number).undo}


@few
@given(versions())
def test_of_another_version_only_identical_nodes_are_kept(drawn):
    old, new, records, from_node = drawn
    made = plan_rerun(old, new, records, from_node=from_node)
    for copy in made.copies:
        before, after = old.step(copy.old), new.step(copy.step)
        assert (before.id, before.type, before.config) == (after.id, after.type, after.config)
        assert sources(old, before) == sources(new, after)


def sources(plan, step):
    return {(plan.step(edge.step).id, edge.kind, edge.label) for edge in step.parents}


@few
@given(ended())
def test_completed_steps_with_a_compensation_stay_to_be_undone(drawn):
    _, plan, records, from_node = drawn
    made = plan_rerun(plan, plan, records, from_node=from_node)
    certain = {
        copy.step
        for copy in made.copies
        if plan.step(copy.step).undo
        and records[copy.old].letter == "C"
        and records[copy.old].attempt
    }
    assert set(made.undos) == certain
