"""Documents of parevo/flow: what they become, what is told of it, what cannot be converted."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidWorkflow
from redflow.model.parevo import convert_parevo
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Edge, Node, Workflow
from redflow.nodes.registry import Registry
from tests.model.workflows import junk, read_or_refused

SHOP = {
    "id": "shop-v1",
    "namespace": "default",
    "name": "Shop",
    "version": 3,
    "status": "ACTIVE",
    "labels": None,
    "metadata": {"team": "shop"},
    "createdAt": "2024-01-15T00:00:00Z",
    "nodes": [
        {"id": "check", "type": "condition", "name": "Paid?",
         "config": {"variable": "state", "operator": "equal", "value": "paid"}},
        {"id": "pack", "type": "function", "config": {"function": "Pack"},
         "retryPolicy": {"maxAttempts": 5, "initialInterval": 1_000_000_000,
                         "backoffCoefficient": 2, "maximumInterval": 60_000_000_000},
         "compensateNodeId": "unpack", "timeout": 90_000_000_000},
        {"id": "arrival", "type": "signal", "config": {"signal_name": "arrived",
                                                      "timeout": "14 days"}},
        {"id": "thanks", "type": "log", "config": {"message": "Thanks, {{.name}}"}},
        {"id": "sorry", "type": "log", "config": {"message": "no ${money}", "level": "warn"}},
        {"id": "unpack", "type": "function", "config": {"function": "Unpack"}},
    ],
    "edges": [
        {"id": "e1", "sourceId": "check", "targetId": "pack", "condition": "true"},
        {"id": "e2", "sourceId": "check", "targetId": "sorry", "condition": "false"},
        {"id": "e3", "sourceId": "pack", "targetId": "arrival"},
        {"id": "e4", "sourceId": "arrival", "targetId": "thanks"},
    ],
}  # fmt: skip
CONVERTED = Workflow(
    "shop-v1",
    "Shop",
    nodes=(
        Node("check", "condition", "Paid?",
             config={"variable": 'get(input, "state")', "operator": "==", "value": "paid"}),
        Node("pack", "function", config={"function": "Pack"},
             retry=RetryPolicy(5, 1.0, 2.0, 60.0), timeout=90.0,
             compensation="unpack", compensate_when="attempted"),
        Node("arrival", "signal", config={"name": "arrived", "timeout": "14d", "merge": True}),
        Node("thanks", "log", config={"message": "Thanks, ${input.name}"}),
        Node("sorry", "log", config={"message": "no $${money}", "level": "warning"}),
        Node("unpack", "function", config={"function": "Unpack"}),
    ),
    edges=(
        Edge("check", "pack", label="true"),
        Edge("pack", "arrival"),
        Edge("arrival", "thanks"),
        Edge("check", "sorry", label="false"),
    ),
    metadata={"team": "shop"},
)  # fmt: skip


def small(node=None, **changes) -> dict:
    """Return a document of two nodes; `node` changes the second."""
    nodes = [{"id": "a", "type": "log"}, {"id": "b", "type": "log", **(node or {})}]
    return {"id": "w", "nodes": nodes, "edges": [{"sourceId": "a", "targetId": "b"}], **changes}


def edge(source_type="function", **changes) -> dict:
    nodes = [{"id": "a", "type": source_type}, {"id": "b", "type": "log"}]
    return {"id": "w", "nodes": nodes, "edges": [{"sourceId": "a", "targetId": "b", **changes}]}


def notes(document) -> list[tuple[str, str]]:
    return [(one.pointer, one.message) for one in convert_parevo(document, Workflow).notes]


def refused(document) -> list[tuple[str, str]]:
    with pytest.raises(InvalidWorkflow) as caught:
        Workflow.from_parevo(document)
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


def test_a_document_is_converted():
    assert Workflow.from_parevo(SHOP) == CONVERTED
    assert Workflow.from_parevo(json.dumps(SHOP)) == CONVERTED
    assert Workflow.from_parevo(json.dumps(SHOP).encode()) == CONVERTED


def test_the_source_is_left_as_it_is():
    source = deepcopy(SHOP)
    Workflow.from_parevo(source)
    assert source == SHOP


def test_what_was_changed_or_dropped_is_told():
    assert list(map(str, convert_parevo(SHOP, Workflow).notes)) == [
        "/namespace: whoever registers the workflow chooses the namespace; dropped",
        "/version: registration counts versions; dropped",
        "/createdAt: registration notes the time; dropped",
        "/nodes: 5 of them say nothing of retries and run once; parevo/flow ran such nodes up to 3"
        " times",
        "/nodes/0/config/operator: it is == here",
        "/nodes/0/config/variable: 'state' is get(input, \"state\") here",
        "/nodes/2/config/signal_name: it is name here, and signals go to it; parevo/flow knew them"
        " by the node's id",
        "/nodes/2/config/timeout: '14 days' is 14d here",
        "/nodes/3/config/message: 'Thanks, {{.name}}' is 'Thanks, ${input.name}' here",
        "/nodes/4/config/message: 'no ${money}' is 'no $${money}' here: ${ would begin an"
        " expression, so it is written $${",
        "/nodes/4/config/level: warn is warning here",
        "/edges: edges have no ids here; dropped",
    ]


def test_types_of_its_examples_stay_and_registration_names_them():
    document = small({"type": "db_query", "config": {"query": "SELECT 1", "mode": "one"}})
    workflow = Workflow.from_parevo(document)
    assert workflow.nodes[1] == Node("b", "db_query", config={"query": "SELECT 1", "mode": "one"})
    found = [(p.pointer, p.code) for p in Registry().problems(workflow)]
    assert ("/nodes/b/type", "unknown_type") in found


def test_a_policy_without_a_field_has_what_it_had_there():
    made = Workflow.from_parevo(small({"retryPolicy": {"initialInterval": 600_000_000_000}}))
    assert made.nodes[1].retry == RetryPolicy(3, 600.0, 2.0, 600.0)
    assert (
        "/nodes/1/retryPolicy",
        "parevo/flow's defaults are written out: maxAttempts, backoffCoefficient, maximumInterval",
    ) in notes(small({"retryPolicy": {"initialInterval": 600_000_000_000}}))


def test_a_retry_count_is_the_number_of_runs_as_in_with_retry():
    assert Workflow.from_parevo(small({"retryCount": 4})).nodes[1].retry == RetryPolicy(4)
    assert Workflow.from_parevo(small({"retryCount": 0})).nodes[1].retry is None


def test_ids_that_cannot_be_ids_here_are_changed_everywhere():
    document = {
        "id": "w",
        "nodes": [
            {"id": "1", "type": "function", "compensateNodeId": "undo 1"},
            {"id": "_1", "type": "log"},
            {"id": "undo 1", "type": "log"},
        ],
        "edges": [{"sourceId": "1", "targetId": "_1"}],
    }
    workflow = Workflow.from_parevo(document)
    assert [(node.id, node.compensation) for node in workflow.nodes] == [
        ("_1", "undo_1"), ("_1_2", None), ("undo_1", None),
    ]  # fmt: skip
    assert workflow.edges == (Edge("_1", "_1_2"),)
    assert [at for at, said in notes(document) if "texts and code" in said] == [
        "/nodes/0/id", "/nodes/1/id", "/nodes/2/id",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (edge(), Edge("a", "b")),
        (edge(condition=""), Edge("a", "b")),
        (edge(condition="failure"), Edge("a", "b", on="failure")),
        (edge(condition="success"), Edge("a", "b")),
        (edge(condition="gold"), Edge("a", "b", when='get(output, "branch") == "gold"')),
        (edge(condition="output.n > 3"), Edge("a", "b", when="output.n > 3")),
        (edge("condition", condition="true"), Edge("a", "b", label="true")),
        (edge("switch", condition="gold"), Edge("a", "b", label="gold")),
        (edge("condition"), Edge("a", "b")),
    ],
)
def test_a_condition_of_an_edge(document, expected):
    assert Workflow.from_parevo(document).edges == (expected,)


def test_an_edge_that_is_there_twice_is_dropped():
    twice = small(edges=[{"sourceId": "a", "targetId": "b"}] * 2)
    assert Workflow.from_parevo(twice).edges == (Edge("a", "b"),)
    assert ("/edges/1", "the same edge is there before; dropped") in notes(twice)


def test_a_graph_of_parts_is_allowed():
    assert Workflow.from_parevo(small(edges=None)).allow_disconnected
    assert "allow_disconnected is set" in notes(small(edges=None))[-1][1]


def test_unknown_fields_are_dropped():
    document = small({"position": {"x": 1}}, theme="dark")
    document["edges"][0]["style"] = "bold"
    dropped = [
        at for at, said in notes(document) if said == "parevo/flow has no such field; dropped"
    ]
    assert dropped == ["/theme", "/nodes/1/position", "/edges/0/style"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{", [("", "bad_json")]),
        ('{"id": "w", "id": "x"}', [("/id", "duplicate_key")]),
        ([], [("", "not_an_object")]),
        ({}, [("/id", "missing_field"), ("/nodes", "no_nodes")]),
        (small(id="w w"), [("/id", "bad_id")]),
        (small(nodes={}), [("/nodes", "not_a_list"), ("/edges/0/sourceId", "unknown_node"),
                           ("/edges/0/targetId", "unknown_node")]),
        (small(edges={}), [("/edges", "not_a_list")]),
        (small(status="OFF"), [("/status", "bad_status")]),
        (small(labels={"a": 1}), [("/labels/a", "bad_labels")]),
        (small({"id": "a"}), [("/nodes/1/id", "duplicate_node"),
                              ("/edges/0/targetId", "unknown_node")]),
        (small({"type": ""}), [("/nodes/1/type", "bad_text")]),
        (small({"type": 5}), [("/nodes/1/type", "bad_text")]),
        (small({"name": 5}), [("/nodes/1/name", "bad_text")]),
        (small({"config": []}), [("/nodes/1/config", "bad_config")]),
        (small({"config": {"a": float("nan")}}), [("/nodes/1/config/a", "bad_config")]),
        (small({"config": {"a": ["{{if .b}}"]}}), [("/nodes/1/config/a/0", "bad_template")]),
        (small({"type": "wait", "config": {"duration": "soon"}}),
         [("/nodes/1/config/duration", "bad_duration")]),
        (small({"timeout": "soon"}), [("/nodes/1/timeout", "bad_duration")]),
        (small({"retryCount": "3"}), [("/nodes/1/retryCount", "bad_retry")]),
        (small({"retryPolicy": 3}), [("/nodes/1/retryPolicy", "bad_retry")]),
        (small({"retryPolicy": {"maxAttempts": -1}}),
         [("/nodes/1/retryPolicy/maxAttempts", "bad_retry")]),
        (small({"retryPolicy": {"initialInterval": 5}}),
         [("/nodes/1/retryPolicy/initialInterval", "bad_duration")]),
        (small({"compensateNodeId": "gone"}),
         [("/nodes/1/compensateNodeId", "orphan_compensation")]),
        (small({"compensateNodeId": "a"}), [("/edges/0", "compensation_edge")]),
        (small(edges=[{"sourceId": "b", "targetId": "b"}, {"sourceId": "a", "targetId": "b"}]),
         [("/edges/0", "self_edge")]),
        (edge("switch", condition="success"), [("/edges/0/condition", "bad_label")]),
        (edge("switch", condition="a b"), [("/edges/0", "bad_label")]),
        (edge("switch", condition=5), [("/edges/0/condition", "bad_label")]),
    ],
    ids=lambda one: str(one)[:60],
)  # fmt: skip
def test_what_cannot_be_converted_is_told_where_it_stands(document, expected):
    assert refused(document) == expected


def test_every_problem_is_told_at_once():
    document = small({"type": "wait", "config": {"duration": "soon", "x": "{{"}, "name": 5})
    document["edges"].append({"sourceId": "a", "targetId": "c"})
    assert {at for at, _ in refused(document)} == {
        "/nodes/1/config/duration", "/nodes/1/config/x", "/nodes/1/name", "/edges/1/targetId",
    }  # fmt: skip


fields = st.sampled_from(
    "id type name config retryPolicy retryCount compensateNodeId timeout sourceId targetId"
    " condition maxAttempts initialInterval".split()
)
things = st.lists(junk | st.dictionaries(fields, junk | st.dictionaries(fields, junk)), max_size=3)
documents = st.fixed_dictionaries(
    {}, optional={"id": junk, "nodes": things, "edges": things | junk, "labels": junk}
)


@given(documents | junk)
def test_anything_is_converted_or_refused(document):
    workflow, _ = read_or_refused(lambda: Workflow.from_parevo(document))
    if workflow is not None:
        assert Workflow.from_document(workflow.to_document()) == workflow
