"""Documents: what is written is read back equal, and every wrong document is refused in full."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidWorkflow
from redflow.model.retry import RetryPolicy
from redflow.model.status import WorkflowStatus
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow
from tests.model.workflows import few, json_values, junk, read_or_refused, workflows

FULL = {
    "id": "order",
    "name": "Order",
    "description": "from basket to parcel",
    "status": "INACTIVE",
    "labels": {"team": "shop"},
    "metadata": {"owner": {"id": 7}},
    "on_cancel": "abandon",
    "nodes": {
        "reserve": {
            "type": "function",
            "name": "Reserve",
            "config": {"function": "reserve", "items": [1, 2.5, None, True]},
            "retry": {"max_attempts": 5, "initial_interval": "500ms", "non_retryable": ["Gone"]},
            "timeouts": {"attempt": "1m", "step": "2h"},
            "compensation": {"node": "free", "when": "attempted"},
            "queue": "stock",
            "labels": ["full", "partial"],
            "ui": {"x": 10, "y": 20},
        },
        "ship": {
            "type": "function",
            "needs": ["reserve", {"node": "reserve", "label": "full"}],
            "timeouts": {"attempt": None},
        },
        "sorry": {
            "type": "log",
            "needs": [{"node": "reserve", "on": "failure"}, {"node": "ship", "on": "always"}],
            "join": "any_outcome",
        },
        "free": {"type": "function", "timeouts": {"step": None}, "compensation": None},
    },
}


def refused(document) -> list[tuple[str, str]]:
    with pytest.raises(InvalidWorkflow) as caught:
        Workflow.from_document(document)
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


def with_node(**changes) -> dict:
    return {
        "id": "w",
        "nodes": {"a": {"type": "log"}, "b": {"type": "log", "needs": ["a"], **changes}},
    }


def test_a_full_document_is_read():
    workflow = Workflow.from_document(FULL)
    assert workflow == Workflow(
        "order",
        "Order",
        "from basket to parcel",
        nodes=(
            Node(
                "reserve",
                "function",
                "Reserve",
                config={"function": "reserve", "items": [1, 2.5, None, True]},
                retry=RetryPolicy(5, initial_interval=0.5, non_retryable=("Gone",)),
                timeout=60.0,
                queue="stock",
                labels=("full", "partial"),
                ui={"x": 10, "y": 20},
                deadline=7200.0,
                compensation="free",
                compensate_when="attempted",
            ),
            Node("ship", "function", timeout=None),
            Node("sorry", "log", join="any_outcome"),
            Node("free", "function"),
        ),
        edges=(
            Edge("reserve", "ship"),
            Edge("reserve", "ship", label="full"),
            Edge("reserve", "sorry", on="failure"),
            Edge("ship", "sorry", on="always"),
        ),
        labels={"team": "shop"},
        metadata={"owner": {"id": 7}},
        status=WorkflowStatus.INACTIVE,
        on_cancel="abandon",
    )


def test_what_is_at_its_default_is_not_written():
    workflow = Workflow("w", nodes=(Node("a", "log", retry=RetryPolicy(3)),))
    assert workflow.to_document() == {
        "id": "w",
        "nodes": {"a": {"type": "log", "retry": {"max_attempts": 3}}},
    }
    assert Workflow.from_document(workflow.to_document()).nodes[0].timeout is DEFAULT


@few
@given(workflows())
def test_a_document_read_back_is_the_workflow_that_was_written(workflow):
    assert Workflow.from_document(workflow.to_document()) == workflow
    assert Workflow.from_json(workflow.to_json()) == workflow
    assert Workflow.from_json(workflow.to_json(indent=2).encode()) == workflow
    again = Workflow.from_json(workflow.to_json())
    assert again.content_hash == workflow.content_hash
    assert again.to_json() == workflow.to_json()


@few
@given(workflows())
def test_a_document_shares_nothing_with_the_workflow(workflow):
    before = workflow.to_json()
    document = workflow.to_document()
    for node in document["nodes"].values():
        node.setdefault("config", {})["changed"] = 1
    document.setdefault("metadata", {})["changed"] = 1
    assert workflow.to_json() == before


def test_an_invalid_workflow_is_not_written():
    for nodes, edges in [
        ((Node("a", "log"), Node("a", "log")), ()),
        ((Node("a", "log"),), (Edge("a", "b"),)),
        ((Node("a", "log", config={"a": {1}}),), ()),
    ]:
        with pytest.raises(InvalidWorkflow):
            Workflow("w", nodes=nodes, edges=edges).to_json()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, [("", "not_an_object")]),
        ([], [("", "not_an_object")]),
        ({}, [("/id", "missing_field"), ("/nodes", "missing_field")]),
        ({"id": "w", "nodes": {}}, [("/nodes", "no_nodes")]),
        ({"id": "w", "nodes": []}, [("/nodes", "not_an_object")]),
        ({"id": "w", "nodes": {"a": []}}, [("/nodes/a", "not_an_object")]),
        ({"id": "w", "nodes": {"a": {}}}, [("/nodes/a/type", "missing_field")]),
        ({"id": "w", "nodes": {"a/b~": {"type": "log"}}}, [("/nodes/a~1b~0", "bad_id")]),
        ({"id": 5, "nodes": {"a": {"type": "log"}}}, [("/id", "bad_id")]),
        (with_node(typ="x"), [("/nodes/b/typ", "unknown_field")]),
        (with_node(type=5), [("/nodes/b/type", "bad_text")]),
        (with_node(name=None), [("/nodes/b/name", "bad_text")]),
        (with_node(config=[]), [("/nodes/b/config", "bad_config")]),
        (with_node(ui="x"), [("/nodes/b/ui", "bad_ui")]),
        (with_node(queue="a b"), [("/nodes/b/queue", "bad_queue")]),
        (with_node(join="any"), [("/nodes/b/join", "bad_join")]),
        (with_node(labels="yes"), [("/nodes/b/labels", "bad_label")]),
        (with_node(labels=["yes", "always"]), [("/nodes/b/labels/1", "bad_label")]),
        (with_node(retry=3), [("/nodes/b/retry", "not_an_object")]),
        (with_node(retry={"max": 3}), [("/nodes/b/retry/max", "unknown_field")]),
        (with_node(retry={"max_attempts": 0}), [("/nodes/b/retry/max_attempts", "bad_retry")]),
        (with_node(retry={"jitter": []}), [("/nodes/b/retry/jitter", "bad_retry")]),
        (with_node(timeouts="5m"), [("/nodes/b/timeouts", "not_an_object")]),
        (with_node(timeouts={"run": 5}), [("/nodes/b/timeouts/run", "unknown_field")]),
        (with_node(timeouts={"step": "soon"}), [("/nodes/b/timeouts/step", "bad_timeout")]),
        (with_node(timeouts={"step": False}), [("/nodes/b/timeouts/step", "bad_timeout")]),
        (with_node(compensation="a"), [("/nodes/b/compensation", "not_an_object")]),
        (
            with_node(compensation={"when": "completed"}),
            [("/nodes/b/compensation/node", "missing_field")],
        ),
        (
            with_node(compensation={"node": "x", "at": 1}),
            [
                ("/nodes/b/compensation/at", "unknown_field"),
                ("/nodes/b/compensation/node", "orphan_compensation"),
            ],
        ),
        ({**with_node(), "on_cancel": None}, [("/on_cancel", "bad_value")]),
        (with_node(timeouts={"attempt": 0}), [("/nodes/b/timeouts/attempt", "bad_timeout")]),
        (with_node(needs="a"), [("/nodes/b/needs", "bad_needs"), ("/nodes", "disconnected")]),
        (with_node(needs=["a", "c"]), [("/nodes/b/needs/1", "unknown_node")]),
        (with_node(needs=["a", 5]), [("/nodes/b/needs/1", "unknown_node")]),
        (
            with_node(needs=["a", {"nod": "a"}]),
            [
                ("/nodes/b/needs/1/nod", "unknown_field"),
                ("/nodes/b/needs/1/node", "missing_field"),
                ("/nodes/b/needs/1", "unknown_node"),
            ],
        ),
        (with_node(needs=[{"node": "a", "on": "done"}]), [("/nodes/b/needs/0", "bad_edge")]),
        ({**with_node(), "status": "OFF"}, [("/status", "bad_status")]),
        ({**with_node(), "labels": {"a": 1}}, [("/labels/a", "bad_labels")]),
        ({**with_node(), "metadata": 5}, [("/metadata", "bad_metadata")]),
        ({**with_node(), "allow_disconnected": "yes"}, [("/allow_disconnected", "bad_value")]),
        ({**with_node(), "version": 3}, [("/version", "unknown_field")]),
        ({**with_node(), 5: 3}, [("/5", "unknown_field")]),
    ],
    ids=lambda value: json.dumps(value, default=str)[:60] if isinstance(value, dict) else "",
)
def test_every_wrong_document_names_the_place(document, expected):
    assert refused(document) == expected


def test_a_misspelt_field_is_recognised():
    with pytest.raises(InvalidWorkflow, match="did you mean needs"):
        Workflow.from_document(with_node(neds=["a"]))


def test_all_problems_are_told_at_once():
    document = with_node(needs=["a", "zz"], retry={"max_attempts": -1}, queue="", join=1)
    assert {pointer for pointer, _ in refused({**document, "oops": 1})} == {
        "/oops",
        "/nodes/b/needs/1",
        "/nodes/b/retry/max_attempts",
        "/nodes/b/queue",
        "/nodes/b/join",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nope",
        b"\xff\xfe\xfd",
        "NaN",
        '{"id": Infinity}',
        None,
        5,
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5000,
        '{"id": "w"} x',
        bytearray(b"{"),
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_text_that_is_not_json_is_refused(text):
    with pytest.raises(InvalidWorkflow) as caught:
        Workflow.from_json(text)
    assert [problem.code for problem in caught.value.problems] == ["bad_json"]


def test_keys_that_stand_twice_are_refused_where_they_stand():
    text = '{"id":"w","nodes":{"a":{"type":"log","config":[{"x":1,"x":2}]},"a":{"type":"log"}}}'
    nested = '{"id":"w","nodes":{"a":{"type":"log","config":{"l":[{"x":1,"x":2}]}}}}'
    for source, pointer in [(text, "/nodes/a"), (nested, "/nodes/a/config/l/0/x")]:
        with pytest.raises(InvalidWorkflow) as caught:
            Workflow.from_json(source)
        assert [(p.pointer, p.code) for p in caught.value.problems] == [(pointer, "duplicate_key")]


fields = st.sampled_from(
    [
        *("type", "name", "config", "needs", "retry", "timeouts", "compensation"),
        *("queue", "join", "labels", "ui", "x"),
    ]
)
nodes = st.dictionaries(fields, junk | json_values, max_size=6) | junk
headers = st.sampled_from(
    ["name", "description", "status", "labels", "metadata", "on_cancel", "y", 5]
)


@given(
    st.dictionaries(st.sampled_from(["a", "b", "", "ü", "\ud800", "a/b"]), nodes, max_size=3)
    | junk,
    st.dictionaries(headers, junk | json_values, max_size=4),
    st.just("w") | junk,
)
def test_any_document_is_read_or_refused(given_nodes, header, workflow_id):
    document = {"id": workflow_id, "nodes": given_nodes, **header}
    workflow, told = read_or_refused(lambda: Workflow.from_document(document))
    if workflow is None:
        assert told
        assert all(p.pointer.startswith("/") or p.pointer == "" for p in told)
    else:
        assert Workflow.from_document(workflow.to_document()) == workflow


@given(json_values | st.text(max_size=30) | st.binary(max_size=30))
def test_any_text_is_read_or_refused(value):
    text = value if isinstance(value, (str, bytes)) else json.dumps(value)
    with pytest.raises(InvalidWorkflow):
        Workflow.from_json(text)
