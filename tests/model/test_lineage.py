"""Who comes before whom, and which nodes never both run."""

import pytest
from hypothesis import given

from redflow.model.lineage import Lineage
from redflow.model.workflow import Edge, Node, Workflow
from tests.model.workflows import few, workflows


def lineage(*edges: Edge) -> Lineage:
    ids = dict.fromkeys(end for edge in edges for end in (edge.source, edge.target))
    return Lineage(Workflow("w", nodes=tuple(Node(id, "log") for id in ids), edges=edges))


def before(found: Lineage, node_id: str) -> set[str]:
    return {other for other in found.incoming if found.comes_before(other, node_id)}


def test_what_comes_before():
    found = lineage(Edge("a", "b"), Edge("b", "c"), Edge("x", "c"), Edge("c", "d"))
    assert before(found, "c") == {"a", "b", "x"}
    assert before(found, "d") == {"a", "b", "c", "x"}
    assert before(found, "a") == set()
    assert not found.comes_before("nobody", "a")


def test_finalizers_are_reached_through_always_alone():
    found = lineage(
        Edge("a", "b", on="always"), Edge("b", "c"), Edge("a", "d"), Edge("b", "d")
    )  # fmt: skip
    assert found.finalizers == {"b", "c"}


def test_a_cycle_has_no_place_in_the_order():
    found = lineage(Edge("a", "b"), Edge("b", "c"), Edge("c", "b"))
    assert found.order == ["a"]
    assert before(found, "b") == set()


@pytest.mark.parametrize(("node", "source", "answers"), [
    ("after", "ask", {"yes"}),
    ("no", "ask", {"no"}),
    ("join", "ask", {"yes", "no"}),
    ("handler", "ask", {"yes"}),
    ("handler", "yes", {"failure"}),
    ("mixed", "ask", set()),
    ("aside", "ask", set()),
])  # fmt: skip
def test_which_answers_a_node_needs(node: str, source: str, answers: set[str]):
    found = lineage(
        Edge("ask", "yes", label="yes"),
        Edge("ask", "no", label="no"),
        Edge("yes", "after"),
        Edge("yes", "join"),
        Edge("no", "join"),
        Edge("yes", "handler", on="failure"),
        Edge("ask", "aside"),
        Edge("aside", "mixed"),
        Edge("yes", "mixed"),
    )
    assert found.answers(node, source) == answers


@few
@given(workflows())
def test_an_ancestor_is_whoever_an_edge_leads_from_and_its_ancestors(workflow):
    found = Lineage(workflow)
    for node in workflow.nodes:
        parents = {edge.source for edge in workflow.edges if edge.target == node.id}
        expected = parents.union(*(before(found, parent) for parent in parents))
        assert before(found, node.id) == expected
