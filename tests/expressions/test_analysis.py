"""What the expressions of a workflow read, and what is wrong with them, before it is registered."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from redflow.errors import Problem
from redflow.expressions.analysis import Analysis, compile_workflow, every_problem
from redflow.model.compiling import Reads
from redflow.model.plan_fields import inline_needs, plan_fields
from redflow.model.workflow import Edge, Node, Workflow


def flow(*nodes: Node, edges: str = "", **fields: Any) -> Workflow:
    """A workflow whose edges are written `a>b b>c`."""
    pairs = [edge.split(">") for edge in edges.split()]
    return Workflow(
        "w", nodes=nodes, edges=tuple(Edge(a, b) for a, b in pairs), allow_disconnected=True,
        **fields,
    )  # fmt: skip


def node(id: str, **options: Any) -> Node:
    return Node(id, "log", **{"config": {"message": "x"}, **options})


def setter(id: str, *names: str) -> Node:
    return Node(id, "setvariable", config={"variables": dict.fromkeys(names, 1)})


def told(workflow: Workflow) -> list[tuple[str, str]]:
    return [(one.pointer, one.code) for one in every_problem(workflow)]


def message(workflow: Workflow) -> str:
    (problem,) = every_problem(workflow)
    return problem.message


def test_a_workflow_without_expressions_reads_nothing():
    assert Analysis(flow(node("a"), node("b"), edges="a>b")).reads() == {}


def test_what_a_node_reads_in_its_config_its_input_and_behind_it():
    workflow = flow(
        node("a"), node("b"),
        node("c", config={"message": ["${steps.a.output}"]}, input={"x": "${execution.labels.y}"}),
        node("d"), edges="a>b b>c",
    )  # fmt: skip
    workflow = Workflow(
        "w", nodes=workflow.nodes,
        edges=(*workflow.edges, Edge("c", "d", when="steps.b.output and execution.input")),
    )  # fmt: skip
    assert Analysis(workflow).reads() == {
        "c": Reads(frozenset("ab"), {}, frozenset({"meta", "input"}), takes_input=False)
    }


def test_what_is_read_travels_with_the_claim_beside_what_the_edges_give():
    workflow = flow(
        node("a"), node("b"), node("c", input="${input + steps.a.output}"), edges="a>b b>c"
    )
    plan = compile_workflow(workflow, 1)
    assert [plan.numbers[one] for one in "abc"] == [1, 2, 3]
    assert inline_needs(plan.step(3)) == ["s2", "s1"]
    fields = plan_fields(plan)
    assert fields["in3"] == "s2 s1"
    assert str(fields["o2"]).endswith("3,1,n,default,,l")


def test_labels_of_the_execution_do_not_travel():
    plan = compile_workflow(flow(node("a", input="${execution.metadata.x}")), 1)
    assert inline_needs(plan.step(1)) is None


def test_an_input_that_does_not_ask_for_what_the_edges_give_goes_without():
    plan = compile_workflow(flow(node("a"), node("b", input=1), edges="a>b"), 1)
    assert inline_needs(plan.step(2)) == []
    assert str(plan_fields(plan)["o1"]).endswith("2,1,n,default,,l")


@pytest.mark.parametrize(("reads", "expected"), [
    ("steps.nope.output", "there is no node 'nope'"),
    ("steps.aa.output", "there is no node 'aa'; did you mean 'a'?"),
    ("steps.c.output", "node 'c' does not run before 'b' on every way; connect them"),
    ("steps.b.output", "node 'b' does not run before 'b' on every way; connect them"),
    ("vars.x", "no node before 'b' sets the variable 'x'; add a setvariable node"),
])  # fmt: skip
def test_a_reference_leads_to_what_has_settled_before(reads: str, expected: str):
    workflow = flow(node("a"), node("b", input=f"${{{reads}}}"), node("c"), edges="a>b b>c")
    assert message(workflow) == expected


def test_every_problem_is_told_with_its_place():
    workflow = Workflow(
        "w",
        nodes=(
            node("a", config={"message": {"deep": ["${1 +}"]}}),
            node("b", input="${nope}"),
            Node("c", "condition", config={"expression": "input.x >"}),
        ),
        edges=(Edge("a", "b", when="output >"), Edge("b", "c")),
        output={"x": "${steps.z}"},
    )
    assert sorted(told(workflow)) == [
        ("/nodes/a/config/message/deep/0", "bad_expression"),
        ("/nodes/b/input", "bad_expression"),
        ("/nodes/b/needs/0/when", "bad_expression"),
        ("/nodes/c/config/expression", "bad_expression"),
        ("/output", "bad_reference"),
    ]


def test_an_undo_reads_what_the_node_it_undoes_might_have_read():
    workflow = flow(
        node("a"), node("b", compensation="undo"), node("c"),
        node("undo", input="${steps.a.output + steps.b.output}"), edges="a>b b>c",
    )  # fmt: skip
    assert told(workflow) == []
    assert set(Analysis(workflow).reads()) == {"b~undo"}
    behind = flow(
        node("a", compensation="undo"), node("b"), node("undo", input="${steps.b.output}"),
        edges="a>b",
    )  # fmt: skip
    assert [one.code for one in every_problem(behind)] == ["bad_reference"]


# Variables


def test_the_nearest_setter_hides_those_before_it():
    workflow = flow(
        setter("one", "x", "y"), setter("two", "x"), node("end", input="${vars.x + vars.y}"),
        edges="one>two two>end",
    )  # fmt: skip
    assert Analysis(workflow).reads()["end"].variables == {"x": ["two"], "y": ["one"]}
    plan = compile_workflow(workflow, 1)
    assert plan.step(plan.numbers["end"]).variables == {
        "x": [plan.numbers["two"]], "y": [plan.numbers["one"]],
    }  # fmt: skip


def test_two_setters_side_by_side_are_refused():
    workflow = flow(
        setter("one", "x"), setter("two", "x"), node("join", input="${vars.x}"),
        edges="one>join two>join",
    )  # fmt: skip
    assert "is set by" in message(workflow)
    assert "run side by side" in message(workflow)


def test_setters_on_branches_that_never_both_run_are_fine():
    ask = Node("ask", "log", labels=("yes", "no"), config={"message": "x"})
    workflow = Workflow(
        "w",
        nodes=(ask, setter("one", "x"), setter("two", "x"), node("join", input="${vars.x}")),
        edges=(
            Edge("ask", "one", label="yes"), Edge("ask", "two", label="no"),
            Edge("one", "join"), Edge("two", "join"),
        ),
    )  # fmt: skip
    assert told(workflow) == []
    assert sorted(Analysis(workflow).reads()["join"].variables["x"]) == ["one", "two"]


def test_an_unset_variable_lists_the_known_ones():
    workflow = flow(setter("one", "x", "y"), node("end", input="${vars.z}"), edges="one>end")
    assert message(workflow).endswith("known are x, y")


def test_problems_carry_a_caret():
    (problem,) = every_problem(flow(node("a", input="${input.x +}")))
    assert isinstance(problem, Problem)
    assert "^" in problem.message


# The largest workflows


def largest(first: Node, node_of: Any, **fields: Any) -> Workflow:
    ids = [f"n{i}" for i in range(10_000)]
    nodes = (first, *(node_of(id) for id in ids[1:]))
    edges = tuple(Edge(a, b) for a, b in pairwise(ids))
    return Workflow("w", nodes=nodes, edges=edges, **fields)


LARGEST: dict[str, tuple[Callable[[], Workflow], int]] = {
    "step": (lambda: largest(node("n0"), lambda id: node(id, input="${steps.n0.output}")), 0),
    "variable": (lambda: largest(setter("n0", "x"), lambda id: node(id, input="${vars.x}")), 0),
    "set again": (lambda: largest(setter("n0", "x"), lambda id: Node(
        id, "setvariable", config={"variables": {"x": "${vars.x}"}})), 0),
    "unset": (lambda: largest(node("n0"), lambda id: node(id, input=f"${{vars.{id}}}")), 9_999),
    "unknown": (
        lambda: largest(node("n0"), lambda id: node(id, input=f"${{steps.x{id}.output}}")), 9_999),
    "output": (lambda: largest(
        node("n0"), node, output=[f"${{steps.n{i}.output}}" for i in range(10_000)]), 0),
}  # fmt: skip


@pytest.mark.parametrize("which", LARGEST)
def test_the_largest_workflow_is_analysed_in_linear_time(which: str):
    make, count = LARGEST[which]
    workflow = make()
    started = time.process_time()
    assert len(Analysis(workflow).problems) == count
    assert time.process_time() - started < 15  # 2 s here; a square of the size takes minutes
