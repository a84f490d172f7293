"""Compensations and subworkflows in a graph: what is wrong with them, all of it at once."""

from dataclasses import replace

import pytest

from redflow.model.graph import problems
from redflow.model.workflow import Edge, Node, Workflow

CHARGE = Node("charge", "function", compensation="refund")
SHIP = Node("ship", "function")
REFUND = Node("refund", "function")


CHAIN = (Edge("charge", "ship"),)


def order(*nodes, edges=CHAIN, **changes):
    return Workflow("order", nodes=nodes, edges=edges, **changes)


def found(workflow):
    return [(problem.pointer, problem.code) for problem in problems(workflow)]


def test_nodes_that_undo_others_are_no_part_of_the_graph():
    both = replace(SHIP, compensation="refund")
    assert found(order(CHARGE, both, REFUND)) == []
    apart = order(CHARGE, SHIP, REFUND, edges=())
    assert found(apart) == [("/nodes", "disconnected")]
    assert "falls into 2 parts (with 'charge', 'ship')" in problems(apart)[0].message


def test_a_node_that_undoes_nothing_is_an_ordinary_one():
    assert found(order(replace(CHARGE, compensation=None), SHIP, REFUND)) == [
        ("/nodes", "disconnected")
    ]


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (order(CHARGE, SHIP), [("/nodes/charge/compensation/node", "orphan_compensation")]),
        (
            order(replace(CHARGE, compensation="charge"), SHIP),
            [("/nodes/charge/compensation/node", "bad_compensation")],
        ),
        (
            order(replace(CHARGE, compensation=None, compensate_when="completed"), SHIP),
            [("/nodes/charge/compensation/node", "bad_compensation")],
        ),
        (
            order(replace(CHARGE, compensate_when="never"), SHIP, REFUND),
            [("/nodes/charge/compensation/when", "bad_compensation")],
        ),
        (
            order(CHARGE, SHIP, REFUND, edges=(*CHAIN, Edge("ship", "refund"))),
            [("/nodes/refund/needs/0", "compensation_edge")],
        ),
        (
            order(CHARGE, SHIP, REFUND, edges=(*CHAIN, Edge("refund", "ship"))),
            [("/nodes/ship/needs/1", "compensation_edge")],
        ),
        (
            order(CHARGE, SHIP, replace(REFUND, compensation="again"), Node("again", "log")),
            [("/nodes/refund/compensation", "compensation_of_compensation")],
        ),
        (
            order(CHARGE, SHIP, replace(REFUND, deadline=5.0)),
            [("/nodes/refund/timeouts/step", "compensation_deadline")],
        ),
        *(
            (
                order(CHARGE, SHIP, replace(REFUND, type=kind)),
                [("/nodes/refund/type", "compensation_type")],
            )
            for kind in ("signal", "wait", "subworkflow")
        ),
        (
            order(CHARGE, SHIP, replace(REFUND, type="signal", deadline=5.0, compensation="gone")),
            [
                ("/nodes/refund/compensation/node", "orphan_compensation"),
                ("/nodes/refund/type", "compensation_type"),
                ("/nodes/refund/compensation", "compensation_of_compensation"),
                ("/nodes/refund/timeouts/step", "compensation_deadline"),
            ],
        ),
        (
            order(Node("a", "log", compensation="b"), Node("b", "log", compensation="a"), edges=()),
            [
                ("/nodes/a/compensation", "compensation_of_compensation"),
                ("/nodes/b/compensation", "compensation_of_compensation"),
            ],
        ),
    ],
    ids=lambda value: value[0][1] if isinstance(value, list) else "",
)
def test_every_problem_of_a_compensation_is_found(workflow, expected):
    assert found(workflow) == expected


@pytest.mark.parametrize("key", ["workflow", "workflowId"])
def test_a_workflow_that_starts_itself_is_refused(key):
    nested = Node("ship", "subworkflow", config={key: "order"})
    workflow = order(Node("charge", "function"), nested)
    assert found(workflow) == [(f"/nodes/ship/config/{key}", "self_nesting")]
    assert found(replace(workflow, id="other")) == []


def test_messages_name_both_nodes():
    message = problems(order(CHARGE, SHIP, replace(REFUND, type="wait")))[0].message
    assert "node 'refund' undoes 'charge'" in message
