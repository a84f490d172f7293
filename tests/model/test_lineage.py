"""Who comes before whom, and which nodes never both run."""

from hypothesis import given

from redflow.model.lineage import Lineage
from redflow.model.workflow import Edge, Node, Workflow
from tests.model.workflows import few, workflows


def lineage(*edges: Edge) -> Lineage:
    ids = dict.fromkeys(end for edge in edges for end in (edge.source, edge.target))
    return Lineage(Workflow("w", nodes=tuple(Node(id, "log") for id in ids), edges=edges))


def test_ancestors_are_all_that_comes_before():
    found = lineage(Edge("a", "b"), Edge("b", "c"), Edge("x", "c"), Edge("c", "d"))
    assert found.ancestors("c") == {"a", "b", "x"}
    assert found.ancestors("a") == set()
    assert found.comes_before("a", "d")
    assert not found.comes_before("d", "a")
    assert not found.comes_before("a", "x")


def test_finalizers_are_reached_through_always_alone():
    found = lineage(
        Edge("a", "b", on="always"), Edge("b", "c"), Edge("a", "d"), Edge("b", "d")
    )  # fmt: skip
    assert found.finalizers == {"b", "c"}


def test_a_cycle_has_no_place_in_the_order():
    found = lineage(Edge("a", "b"), Edge("b", "c"), Edge("c", "b"))
    assert found.order == ["a"]
    assert found.ancestors("b") == set()


def test_guards_say_which_answers_a_node_needs():
    found = lineage(
        Edge("ask", "yes", label="yes"),
        Edge("ask", "no", label="no"),
        Edge("yes", "after"),
        Edge("yes", "join"),
        Edge("no", "join"),
        Edge("yes", "handler", on="failure"),
    )
    assert found.guards(["after", "no", "join", "handler", "ask"]) == {
        "after": {"ask": {"yes"}},
        "no": {"ask": {"no"}},
        "join": {"ask": {"yes", "no"}},
        "handler": {"ask": {"yes"}, "yes": {"failure"}},
        "ask": {},
    }


@few
@given(workflows())
def test_an_ancestor_is_whoever_an_edge_leads_from_and_its_ancestors(workflow):
    found = Lineage(workflow)
    for node in workflow.nodes:
        parents = {edge.source for edge in workflow.edges if edge.target == node.id}
        expected = parents.union(*(found.ancestors(parent) for parent in parents))
        assert found.ancestors(node.id) == expected
