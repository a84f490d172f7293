"""Decorated functions: the same workflow as the fluent calls, and functions still."""

import inspect
import pickle
from typing import Any, Literal

import pytest
from hypothesis import given

from redflow.errors import InvalidWorkflow
from redflow.model.outcome import Branch
from redflow.model.retry import RetryPolicy
from redflow.model.undo import Undo
from redflow.model.workflow import DEFAULT, Edge, Node, Workflow
from tests.model.workflows import few, workflows


def work(value):
    return value


def flow_of(id: str) -> Any:
    """A builder that may be called as its types forbid."""
    return Workflow.builder(id)


def refused(flow) -> list[tuple[str, str]]:
    with pytest.raises(InvalidWorkflow) as caught:
        flow.build()
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


# A function stays a function


async def test_a_decorated_function_is_called_as_before():
    flow = Workflow.builder("order")

    @flow.node
    async def charge(ctx, order, *, fee=1):
        """Ask for the money."""
        return ctx, order, fee

    @flow.node(needs=charge)
    def ship(receipt):
        return [receipt]

    assert await charge("ctx", 7, fee=2) == ("ctx", 7, 2)
    assert ship(1) == [1]
    assert (charge.id, charge.name, charge.__name__) == ("charge", "order.charge", "charge")
    assert charge.__doc__ == "Ask for the money."
    assert list(inspect.signature(charge).parameters) == ["ctx", "order", "fee"]
    assert repr(charge) == "<node 'charge' of flow 'order'>"
    assert inspect.iscoroutinefunction(charge.call)


# What is built


def test_every_option():
    flow = Workflow.builder("w")

    @flow.node(
        retry=RetryPolicy(5, initial_interval=1.0),
        timeout="30s",
        deadline="1h",
        queue="gpu",
        labels=["yes", "no"],
        join="any_outcome",
        input={"a": "${execution.id}"},
        run="process",
    )
    def first(value): ...

    @flow.compensation(of=first, when="completed", retry=3, timeout=5, queue="gpu")
    def undo(step): ...

    assert flow.build().nodes == (
        Node(
            "first",
            "function",
            config={"function": "w.first"},
            retry=RetryPolicy(5, initial_interval=1.0),
            timeout=30.0,
            queue="gpu",
            join="any_outcome",
            labels=("yes", "no"),
            deadline=3600.0,
            compensation="undo",
            compensate_when="completed",
            input={"a": "${execution.id}"},
        ),
        Node(
            "undo",
            "function",
            config={"function": "w.undo"},
            retry=RetryPolicy(3),
            timeout=5.0,
            queue="gpu",
        ),
    )


def test_what_a_registry_is_told_of_functions():
    flow = Workflow.builder("w")
    first = flow.node("other", run="process", timeout=None)(work)
    flow.compensation(of=[first, "other"], id="undo")(work)
    assert {name: (one.run, one.undoes) for name, one in flow.functions.items()} == {
        "w.other": ("process", False),
        "w.undo": ("auto", True),
    }
    assert flow.build().nodes[0].timeout is None


def test_every_need():
    flow = Workflow.builder("w")
    a = flow.node("a", labels="left")(work)
    flow.node("b", needs=a)(work)
    flow.node("c", needs="a")(work)
    flow.node("d", needs=[a.when("output.paid"), "b"])(work)
    flow.node("e", needs=a.on("failure"))(work)
    flow.node("f", needs=(a.label("left"), flow.functions["w.c"].on("always")))(work)
    flow.node("g", needs={"later"})(work)
    flow.add_node("later", "log").connect("a", "later")
    assert flow.build().edges == (
        Edge("a", "b"),
        Edge("a", "c"),
        Edge("a", "d", when="output.paid"),
        Edge("b", "d"),
        Edge("a", "e", on="failure"),
        Edge("a", "f", label="left"),
        Edge("c", "f", on="always"),
        Edge("later", "g"),
        Edge("a", "later"),
    )


def test_both_ways_on_one_builder():
    flow = Workflow.builder("order").add_node("start", "log", message="hi")

    @flow.node(needs="start")
    def charge(order): ...

    flow.with_retry(3).then("approve").add_node("approve", "signal").with_timeout("1h")
    built = flow.build()
    assert [node.id for node in built.nodes] == ["start", "charge", "approve"]
    assert built.nodes[1].retry == RetryPolicy(3)
    assert built.edges == (Edge("start", "charge"), Edge("charge", "approve"))
    assert flow.build() == built, "again the same"


def test_one_function_may_be_two_nodes():
    flow = Workflow.builder("w")
    second = flow.node("second", needs="first")(flow.node("first")(work))
    assert second.call is work
    assert [node.config["function"] for node in flow.build().nodes] == ["w.first", "w.second"]


def test_labels_in_the_result_are_declared():
    flow = Workflow.builder("w")

    @flow.node(labels=["other"])
    def choose(order) -> Branch[Literal["premium", "basic"]] | dict[str, Any]:
        return {}

    @flow.node(needs=choose.label("premium"))
    def gift(order) -> "Branch[Literal['wrapped']]":
        return Branch("wrapped")

    @flow.node(needs=choose.label("basic"))
    def pack(order) -> Branch:
        return Branch("any")

    labels = {node.id: node.labels for node in flow.build().nodes}
    assert labels == {"choose": ("other", "premium", "basic"), "gift": ("wrapped",), "pack": ()}


def test_a_branch_with_labels_is_a_branch():
    assert Branch[Literal["a"]]("a", 1) == Branch("a", 1)
    assert pickle.loads(pickle.dumps(Branch("a", 1))) == Branch("a", 1)
    undo = Undo[dict, str]({"a": 1}, None, None, certain=False)
    assert pickle.loads(pickle.dumps(undo)) == undo


def decorated(workflow: Workflow) -> tuple[Workflow, Workflow]:
    """The nodes of a workflow as functions: by decorators, and by the fluent calls."""
    flow, fluent = Workflow.builder(workflow.id), Workflow.builder(workflow.id)
    undoing = {n.compensation: n.compensate_when for n in workflow.nodes if n.compensation}
    for node in workflow.nodes:
        options: dict[str, Any] = {
            "retry": node.retry,
            "timeout": node.timeout,
            "queue": node.queue,
        }
        fluent.add_node(node.id, "function", labels=node.labels, join=node.join)
        fluent.with_config("function", f"{workflow.id}.{node.id}").with_queue(node.queue)
        if node.retry is not None:
            fluent.with_retry(node.retry)
        if node.timeout is not DEFAULT:
            fluent.with_timeout(node.timeout)
        if node.id in undoing:
            of = [one.id for one in workflow.nodes if one.compensation == node.id]
            flow.compensation(of=of, when=undoing[node.id], id=node.id, **options)(work)
            continue
        options |= {"labels": node.labels, "join": node.join, "deadline": node.deadline}
        flow.node(node.id, needs=needs_of(flow, workflow, node.id), **options)(work)
        if node.deadline is not None:
            fluent.with_deadline(node.deadline)
        if node.compensation is not None:
            fluent.with_saga(node.compensation, undoing[node.compensation])
    for edge in workflow.edges:
        connect(fluent, edge)
    built = flow.allow_disconnected().on_cancel(workflow.on_cancel).build()
    return built, fluent.allow_disconnected().on_cancel(workflow.on_cancel).build()


def needs_of(flow, workflow: Workflow, target: str) -> list[Any]:
    """What a node needs, in the form that a decorator takes."""
    needs: list[Any] = []
    for edge in workflow.edges:
        if edge.target != target:
            continue
        source = flow.functions.get(f"{workflow.id}.{edge.source}")
        if source is None:  # it comes later: what names it is not of this builder
            source = Workflow.builder(workflow.id).node(edge.source)(work)
        if edge.label is not None:
            needs.append(source.label(edge.label))
        elif edge.when is not None:
            needs.append(source.when(edge.when))
        else:
            needs.append(source if edge.on == "success" else source.on(edge.on))
    return needs


def connect(builder, edge: Edge) -> None:
    if edge.label is not None:
        builder.connect_if(edge.source, edge.target, edge.label)
    elif edge.when is not None:
        builder.connect_when(edge.source, edge.target, edge.when)
    else:
        builder.connect_on(edge.source, edge.target, edge.on)


@few
@given(workflows())
def test_decorators_document_and_fluent_calls_give_the_same_workflow(workflow):
    built, fluent = decorated(workflow)
    assert built.content_hash == fluent.content_hash
    assert Workflow.from_document(built.to_document()) == built
    assert Workflow.from_json(built.to_json()).content_hash == fluent.content_hash


# What is wrong is told by build


def test_problems_are_told_together():
    flow, other = flow_of("w"), flow_of("other")
    elsewhere = other.node("x")(work)
    flow.node("a", retry=0, timeout=0)(work)
    flow.node("a")(len)
    flow.node("b", needs=[work, elsewhere, 7, "nowhere"])(work)
    flow.compensation(of="missing")(work)
    flow.compensation(of=work, id="undo")(work)
    found = refused(flow)
    assert ("/nodes/a/retry/max_attempts", "bad_retry") in found
    assert ("/nodes/a/timeouts/attempt", "bad_timeout") in found
    assert ("/nodes/a", "duplicate_node") in found
    assert found.count(("/nodes/b/needs", "unknown_node")) == 3
    assert ("/nodes/b/needs/0", "unknown_node") in found
    assert ("/nodes/work", "orphan_compensation") in found
    assert ("/nodes/undo", "unknown_node") in found


def test_problems_say_what_to_do():
    flow, other = flow_of("w"), flow_of("other")
    flow.node("a", needs=work)(work)
    flow.node("b", needs=other.node("x")(work))(work)
    with pytest.raises(InvalidWorkflow) as caught:
        flow.build()
    text = str(caught.value)
    assert "work is no node; decorate it with node, or name a node by its id" in text
    assert "<node 'x' of flow 'other'> is not of this flow; take a node of 'w'" in text


def test_a_node_is_undone_by_one_other():
    flow = Workflow.builder("w")
    charge = flow.node("charge")(work)
    flow.compensation(of=charge, id="refund")(work)
    flow.compensation(of=charge, id="again")(work)
    assert ("/nodes/charge/compensation", "bad_compensation") in refused(flow)


def test_what_has_no_name_needs_an_id():
    class Callable:
        def __call__(self, value): ...

    flow = Workflow.builder("w")
    made = flow.node("a")(Callable())
    assert (made.id, made.name) == ("a", "w.a")
    assert flow.node(Callable()).id == "Callable"
