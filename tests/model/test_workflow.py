"""Workflow: what equality and the content hash mean."""

import pickle
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput
from redflow.model.retry import RetryPolicy
from redflow.model.status import WorkflowStatus
from redflow.model.workflow import DEFAULT, Edge, Node, When, Workflow
from tests.model.workflows import few, workflows

ORDER = Workflow(
    "order",
    nodes=(Node("a", "function", config={"function": "f", "n": 1}), Node("b", "log")),
    edges=(Edge("a", "b"),),
)


@few
@given(workflows(), st.randoms(use_true_random=False))
def test_the_order_of_nodes_and_edges_is_no_content(workflow, random):
    nodes, edges = list(workflow.nodes), list(workflow.edges)
    random.shuffle(nodes)
    random.shuffle(edges)
    other = replace(workflow, nodes=tuple(nodes), edges=tuple(edges))
    assert other.content_hash == workflow.content_hash


@few
@given(workflows())
def test_names_and_labels_are_no_content(workflow):
    other = replace(
        workflow,
        name="other",
        description="other",
        labels={"a": "b"},
        metadata={"c": [1]},
        status=WorkflowStatus.INACTIVE,
        allow_disconnected=True,
        nodes=tuple(replace(node, name="other", ui={"x": 1}) for node in workflow.nodes),
    )
    assert other != workflow
    assert other.content_hash == workflow.content_hash
    assert len(workflow.content_hash) == 26


A, B = ORDER.nodes


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "order2"},
        {"nodes": (A,), "edges": ()},
        {"edges": ()},
        {"edges": (Edge("b", "a"),)},
        {"edges": (Edge("a", "b", on="failure"),)},
        {"edges": (Edge("a", "b", label="x"),)},
        {"nodes": (replace(A, config={"function": "g", "n": 1}), B)},
        {"nodes": (replace(A, config={"function": "f", "n": 1.5}), B)},
        {"nodes": (replace(A, config={"function": "f", "n": True}), B)},
        {"nodes": (replace(A, config={"function": "f", "n": "1"}), B)},
        {"nodes": (replace(A, type="log"), B)},
        {"nodes": (replace(A, timeout=None), B)},
        {"nodes": (replace(A, timeout=1.5), B)},
        {"nodes": (replace(A, queue="gpu"), B)},
        {"nodes": (replace(A, deadline=5), B)},
        {"nodes": (replace(A, compensation="b"), B)},
        {"on_cancel": "abandon"},
        {"nodes": (A, replace(B, join="any_outcome"))},
        {"nodes": (replace(A, labels=("x",)), B)},
        {"nodes": (replace(A, retry=RetryPolicy()), B)},
        {"nodes": (replace(A, retry=RetryPolicy(max_attempts=4)), B)},
        {"nodes": (replace(A, retry=RetryPolicy(non_retryable=("E",))), B)},
    ],
    ids=str,
)
def test_everything_that_executions_follow_is_content(changes):
    assert replace(ORDER, **changes).content_hash != ORDER.content_hash


def test_when_a_node_is_compensated_is_content():
    whens: tuple[When, ...] = ("started", "completed", "attempted")
    nodes = [replace(A, compensation="b", compensate_when=when) for when in whens]
    assert len({replace(ORDER, nodes=(node, B)).content_hash for node in nodes}) == 3


def test_numbers_that_json_writers_change_are_the_same_content():
    same = replace(ORDER, nodes=(replace(A, config={"n": 1.0, "function": "f"}), B))
    assert same.content_hash == ORDER.content_hash
    timeouts = [replace(ORDER, nodes=(replace(A, timeout=t), B)).content_hash for t in (30, 30.0)]
    assert timeouts[0] == timeouts[1]
    limits = [replace(ORDER, nodes=(replace(A, deadline=t), B)).content_hash for t in (30, 30.0)]
    assert limits[0] == limits[1]


def test_the_hash_never_changes():
    # It names stored plans: another hash for old content would store every plan again.
    assert ORDER.content_hash == "e7mkqckug4go6o6lmsb36przc6"


def test_content_that_is_not_json_is_refused():
    deep: dict[str, object] = {}
    for _ in range(200):
        deep = {"a": deep}
    for config in ({"a": {1}}, {"a": deep}):
        with pytest.raises(InvalidInput, match="config"):
            replace(ORDER, nodes=(replace(A, config=config),)).content_hash  # noqa: B018


def test_edges_stand_in_the_order_of_their_targets():
    edges = (Edge("x", "gone"), Edge("a", "b"), Edge("b", "a"), Edge("a", "b", on="always"))
    kept = Workflow("w", nodes=[A, B], edges=edges)  # type: ignore[arg-type]
    assert kept.edges == (edges[2], edges[1], edges[3], edges[0])
    assert kept.nodes == (A, B)


def test_a_workflow_is_frozen_and_crosses_processes():
    workflow = replace(ORDER, nodes=(A, replace(B, timeout=None)))
    again = pickle.loads(pickle.dumps(workflow))
    assert again == workflow
    assert again.nodes[0].timeout is DEFAULT
    with pytest.raises(FrozenInstanceError):
        workflow.id = "other"  # type: ignore[misc]
    assert not hasattr(workflow, "__dict__")
