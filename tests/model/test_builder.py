"""The builder: the seed's calls, and every wrong one reported by `build`."""

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidWorkflow
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow
from tests.model.workflows import few, junk, read_or_refused, workflows


def refused(builder) -> list[tuple[str, str]]:
    with pytest.raises(InvalidWorkflow) as caught:
        builder.build()
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


def test_the_readme_workflow():
    order = (
        Workflow.builder("order", "Order fulfilment")
        .add_node("reserve", "function").with_config("function", "reserve")
        .add_node("charge", "function").with_config("function", "charge").with_retry(3)
        .connect("reserve", "charge")
        .build()
    )  # fmt: skip
    assert order == Workflow(
        "order",
        "Order fulfilment",
        nodes=(
            Node("reserve", "function", config={"function": "reserve"}),
            Node("charge", "function", config={"function": "charge"}, retry=RetryPolicy(3)),
        ),
        edges=(Edge("reserve", "charge"),),
    )
    assert type(order) is Workflow


def test_every_method():
    built = (
        Workflow.builder("w")
        .with_description("all of it")
        .with_labels(team="shop").with_labels(tier="1")
        .with_metadata(owner=[1]).with_metadata(more={"a": (1, 2)})
        .add_node("a", "function", labels=["yes", "no"], function="f", id="config", type="config")
        .with_timeout("5m").with_queue("gpu").then("b")
        .add_node("b", "log", join="any_outcome").with_timeout(None)
        .add_node("c", "log").with_timeout(timedelta(seconds=1.5)).with_retry(RetryPolicy(2))
        .connect_if("a", "c", "yes").connect_if("b", "c", "failure")
        .connect_on("a", "d", "always").connect_if("b", "d", "success")
        .add_node("d", "log", labels="only").with_deadline("1h").with_saga("e", when="completed")
        .add_node("e", "log").on_cancel("abandon")
        .build()
    )  # fmt: skip
    assert built.nodes == (
        Node(
            "a",
            "function",
            config={"function": "f", "id": "config", "type": "config"},
            timeout=300.0,
            queue="gpu",
            labels=("yes", "no"),
        ),
        Node("b", "log", timeout=None, join="any_outcome"),
        Node("c", "log", timeout=1.5, retry=RetryPolicy(2)),
        Node(
            "d",
            "log",
            labels=("only",),
            deadline=3600.0,
            compensation="e",
            compensate_when="completed",
        ),
        Node("e", "log"),
    )
    assert built.nodes[3].timeout is DEFAULT
    assert built.edges == (
        Edge("a", "b"),
        Edge("a", "c", label="yes"),
        Edge("b", "c", on="failure"),
        Edge("a", "d", on="always"),
        Edge("b", "d"),
    )
    assert built.on_cancel == "abandon"
    assert built.description == "all of it"
    assert built.labels == {"team": "shop", "tier": "1"}
    assert built.metadata == {"owner": [1], "more": {"a": [1, 2]}}


@few
@given(workflows())
def test_what_is_built_is_what_a_document_says(workflow):
    builder = Workflow.builder(workflow.id)
    for node in workflow.nodes:
        builder.add_node(node.id, node.type, labels=node.labels, join=node.join)
        for key, value in node.config.items():
            builder.with_config(key, value)
        builder.with_queue(node.queue)
        if node.retry is not None:
            builder.with_retry(node.retry)
        if node.timeout is not DEFAULT:
            builder.with_timeout(node.timeout)
        if node.deadline is not None:
            builder.with_deadline(node.deadline)
        if node.compensation is not None:
            builder.with_saga(node.compensation, node.compensate_when)
        if node.input is not DEFAULT:
            builder.with_input(node.input)
    if workflow.output is not DEFAULT:
        builder.with_output(workflow.output)
    for edge in workflow.edges:
        if edge.when is not None:
            builder.connect_when(edge.source, edge.target, edge.when)
        elif edge.label is None:
            builder.connect_on(edge.source, edge.target, edge.on)
        else:
            builder.connect_if(edge.source, edge.target, edge.label)
    built = builder.allow_disconnected().on_cancel(workflow.on_cancel).build()
    assert built.content_hash == workflow.content_hash
    assert Workflow.from_document(built.to_document()) == built


def one():
    return Workflow.builder("w").add_node("a", "log")


@pytest.mark.parametrize(
    "method",
    [
        "with_config",
        "with_retry",
        "with_timeout",
        "with_deadline",
        "with_saga",
        "with_queue",
        "then",
    ],
)
def test_a_node_method_needs_a_node(method):
    arguments = ("key", "value") if method == "with_config" else ("b",)
    with pytest.raises(InvalidWorkflow, match=f"{method} .* add_node first"):
        getattr(Workflow.builder("w"), method)(*arguments)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda b: b.with_retry(0), ("/nodes/a/retry/max_attempts", "bad_retry")),
        (lambda b: b.with_retry("3"), ("/nodes/a/retry/max_attempts", "bad_retry")),
        (lambda b: b.with_retry(None), ("/nodes/a/retry/max_attempts", "bad_retry")),
        (lambda b: b.with_retry(True), ("/nodes/a/retry/max_attempts", "bad_retry")),
        (lambda b: b.with_timeout(0), ("/nodes/a/timeouts/attempt", "bad_timeout")),
        (lambda b: b.with_timeout(math.nan), ("/nodes/a/timeouts/attempt", "bad_timeout")),
        (lambda b: b.with_timeout("soon"), ("/nodes/a/timeouts/attempt", "bad_timeout")),
        (lambda b: b.with_timeout(True), ("/nodes/a/timeouts/attempt", "bad_timeout")),
        (lambda b: b.with_deadline(0), ("/nodes/a/timeouts/step", "bad_timeout")),
        (lambda b: b.with_deadline(None), ("/nodes/a/timeouts/step", "bad_timeout")),
        (lambda b: b.with_deadline("soon"), ("/nodes/a/timeouts/step", "bad_timeout")),
        (lambda b: b.with_saga("gone"), ("/nodes/a/compensation/node", "orphan_compensation")),
        (lambda b: b.with_saga("a"), ("/nodes/a/compensation/node", "bad_compensation")),
        (lambda b: b.with_saga(5), ("/nodes/a/compensation/node", "bad_compensation")),
        (
            lambda b: b.with_saga("b", when="later").add_node("b", "log"),
            ("/nodes/a/compensation/when", "bad_compensation"),
        ),
        (lambda b: b.on_cancel("stop"), ("/on_cancel", "bad_value")),
        (lambda b: b.with_queue("a b"), ("/nodes/a/queue", "bad_queue")),
        (lambda b: b.with_config("f", print), ("/nodes/a/config/f", "bad_config")),
        (lambda b: b.with_config("f", (n for n in [1])), ("/nodes/a/config/f", "bad_config")),
        (lambda b: b.with_config(5, 1), ("/nodes/a/config", "bad_config")),
        (lambda b: b.with_labels(a=1), ("/labels/a", "bad_labels")),
        (lambda b: b.with_metadata(a={1}), ("/metadata/a", "bad_metadata")),
        (lambda b: b.with_description(None), ("/description", "bad_text")),
        (lambda b: b.then("gone"), ("/nodes/gone/needs/0", "unknown_node")),
        (lambda b: b.then("a"), ("/nodes/a/needs/0", "self_edge")),
        (lambda b: b.connect("b", "a"), ("/nodes/a/needs/0", "unknown_node")),
        (lambda b: b.connect(None, "a"), ("/nodes/a/needs/0", "unknown_node")),
        (lambda b: b.add_node("a", "log"), ("/nodes/a", "duplicate_node")),
        (lambda b: b.add_node("b", "log"), ("/nodes", "disconnected")),
        (
            lambda b: b.add_node("b", "log", labels=5).connect("a", "b"),
            ("/nodes/b/labels", "bad_label"),
        ),
        (lambda b: b.add_node("b", "log", join=5).connect("a", "b"), ("/nodes/b/join", "bad_join")),
        (
            lambda b: b.add_node("b", "log").connect_on("a", "b", "yes"),
            ("/nodes/b/needs/0", "bad_edge"),
        ),
        (
            lambda b: b.add_node("b", "log").connect_if("a", "b", None),
            ("/nodes/b/needs", "bad_label"),
        ),
    ],
)
def test_every_wrong_call_is_reported_by_build(call, expected):
    assert refused(call(one())) == [expected]


def test_a_condition_is_a_label_or_an_expression():
    builder = (
        Workflow.builder("w")
        .add_node("a", "function", labels=["small", "big"])
        .then("b")
        .add_node("b", "log")
        .connect_if("a", "b", "huge")
        .connect_if("a", "b", "output > 5")
    )
    with pytest.raises(InvalidWorkflow) as caught:
        builder.build()
    (label,) = caught.value.problems
    assert (label.pointer, label.code) == ("/nodes/b/needs/1", "undeclared_label")
    assert "'huge' (declared: big, small)" in label.message


def test_problems_are_told_together():
    builder = (
        one().with_retry(0).with_timeout(-1).with_queue("").connect("a", "a").connect("x", "a")
    )
    assert len(refused(builder)) == 5


def test_a_built_workflow_shares_nothing_with_the_builder_or_the_caller():
    items = [1]
    builder = Workflow.builder("w").add_node("a", "log", items=items).with_metadata(items=items)
    first = builder.build()
    items.append(2)
    second = builder.with_config("more", True).build()
    assert first.nodes[0].config == {"items": [1]}
    assert first.metadata == {"items": [1]}
    assert second.nodes[0].config == {"items": [1, 2], "more": True}


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]) | junk, junk, junk, junk), min_size=1, max_size=3
    ),
    st.lists(st.tuples(st.sampled_from(["a", "b"]) | junk, junk, junk), max_size=3),
    junk,
    junk,
)
def test_any_calls_build_or_are_refused(nodes, edges, workflow_id, value):
    builder = Workflow.builder(workflow_id, value)
    for node_id, node_type, labels, other in nodes:
        builder.add_node(node_id, node_type, labels=labels, join=other, key=other)
        builder.with_retry(other).with_timeout(labels).with_queue(other).then(node_type)
        builder.with_deadline(other).with_saga(node_type, labels)
    for source, target, condition in edges:
        builder.connect(source, target).connect_if(source, target, condition)
        builder.connect_on(source, target, condition)
    built, told = read_or_refused(builder.with_description(value).on_cancel(value).build)
    if built is None:
        assert told
    else:
        assert Workflow.from_document(built.to_document()) == built
