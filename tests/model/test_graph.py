"""Graphs: every problem at once, named and placed, in linear time."""

import time
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.errors import InvalidInput, InvalidWorkflow, Problem
from redflow.model.graph import problems
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Edge, Node, Workflow
from tests.model.workflows import few, junk, workflows


def check_function(config):
    if "function" not in config:
        raise InvalidInput("function is missing", field="function")
    return ["big", "small"] if config["function"] == "sort" else []


def check_log(config):
    bad = sorted(set(config) - {"message"})
    if bad:
        raise InvalidWorkflow([Problem(f"/{key}", "unknown", f"{key}?") for key in bad])
    return ()


TYPES = {"function": check_function, "log": check_log}


def found(workflow, known_types=None):
    return [(p.pointer, p.code) for p in problems(workflow, known_types)]


def chain(*ids, **changes):
    nodes = tuple(Node(node_id, "log") for node_id in ids)
    edges = tuple(Edge(one, two) for one, two in pairwise(ids))
    return replace(Workflow("w", nodes=nodes, edges=edges), **changes)


def plus(workflow, *edges):
    return replace(workflow, edges=(*workflow.edges, *edges))


@few
@given(workflows())
def test_a_valid_workflow_has_no_problems(workflow):
    assert problems(workflow) == []


CHAIN = chain("a", "b", "c")


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (Workflow("w"), [("/nodes", "no_nodes")]),
        (chain("a", id="a b"), [("/id", "bad_id")]),
        (chain("a", id=None), [("/id", "bad_id")]),
        (chain("a", name=5), [("/name", "bad_text")]),
        (chain("a", description="\ud800"), [("/description", "bad_text")]),
        (chain("a", labels={"k": 5}), [("/labels/k", "bad_labels")]),
        (chain("a", labels=[]), [("/labels", "bad_labels")]),
        (chain("a", metadata={"k": {1}}), [("/metadata/k", "bad_metadata")]),
        (chain("a", status="ACTIVE!"), [("/status", "bad_status")]),
        (chain("a", allow_disconnected=1), [("/allow_disconnected", "bad_value")]),
        (chain("a", on_cancel=None), [("/on_cancel", "bad_value")]),
        (chain("1a"), [("/nodes/1a", "bad_id")]),
        (chain("a/b"), [("/nodes/a~1b", "bad_id")]),
        (chain(5), [("/nodes/5", "bad_id")]),
        (
            replace(CHAIN, nodes=(*CHAIN.nodes, *CHAIN.nodes)),
            [
                ("/nodes/a", "duplicate_node"),
                ("/nodes/b", "duplicate_node"),
                ("/nodes/c", "duplicate_node"),
            ],
        ),
        (plus(CHAIN, Edge("b", "c")), [("/nodes/c/needs/1", "duplicate_edge")]),
        (plus(CHAIN, Edge("b", "c", on="always")), []),
        (plus(CHAIN, Edge("a", "c"), Edge("x", "c")), [("/nodes/c/needs/2", "unknown_node")]),
        (
            plus(CHAIN, Edge("c", "x"), Edge("y", "x")),
            [
                ("/nodes/x/needs/0", "unknown_node"),
                ("/nodes/x/needs/1", "unknown_node"),
                ("/nodes/x/needs/1", "unknown_node"),
            ],
        ),
        (plus(CHAIN, Edge("b", "b")), [("/nodes/b/needs/1", "self_edge")]),
        (plus(CHAIN, Edge("c", "a")), [("/nodes/a", "cycle")]),
        (plus(CHAIN, Edge("a", "c", on="never")), [("/nodes/c/needs/1", "bad_edge")]),
        (plus(CHAIN, Edge("a", "c", label="always")), [("/nodes/c/needs/1", "bad_label")]),
        (plus(CHAIN, Edge("a", "c", label=5)), [("/nodes/c/needs/1", "bad_label")]),
        (
            plus(CHAIN, Edge("a", "c", label="x", on="failure")),
            [
                ("/nodes/c/needs/1", "label_not_allowed"),
            ],
        ),
        (plus(CHAIN, Edge("a", "c", label="None")), []),
        (replace(CHAIN, edges=CHAIN.edges[:1]), [("/nodes", "disconnected")]),
        (replace(CHAIN, edges=(), allow_disconnected=True), []),
    ],
    ids=lambda value: str([code for _, code in value]) if isinstance(value, list) else "",
)
def test_every_problem_of_the_graph_is_found(workflow, expected):
    assert found(workflow) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": ""}, ("type", "bad_text")),
        ({"type": None}, ("type", "bad_text")),
        ({"name": 5}, ("name", "bad_text")),
        ({"config": [1]}, ("config", "bad_config")),
        ({"config": {"a": [1, float("nan")]}}, ("config/a/1", "bad_config")),
        ({"config": {"a": {1: 2}}}, ("config/a", "bad_config")),
        ({"config": {"a": 2**70}}, ("config/a", "bad_config")),
        ({"config": {"a": b"x"}}, ("config/a", "bad_config")),
        ({"config": {"a": "\ud800"}}, ("config/a", "bad_config")),
        ({"config": {"a/b": {"~": 1j}}}, ("config/a~1b/~0", "bad_config")),
        ({"ui": 5}, ("ui", "bad_ui")),
        ({"retry": 3}, ("retry", "bad_retry")),
        ({"timeout": 0}, ("timeouts/attempt", "bad_timeout")),
        ({"timeout": -1.5}, ("timeouts/attempt", "bad_timeout")),
        ({"timeout": float("nan")}, ("timeouts/attempt", "bad_timeout")),
        ({"timeout": True}, ("timeouts/attempt", "bad_timeout")),
        ({"timeout": "5m"}, ("timeouts/attempt", "bad_timeout")),
        ({"deadline": 0}, ("timeouts/step", "bad_timeout")),
        ({"deadline": "5m"}, ("timeouts/step", "bad_timeout")),
        ({"queue": ""}, ("queue", "bad_queue")),
        ({"queue": None}, ("queue", "bad_queue")),
        ({"join": "any"}, ("join", "bad_join")),
        ({"labels": "yes"}, ("labels", "bad_label")),
        ({"labels": ("yes", "success")}, ("labels/1", "bad_label")),
        ({"labels": ("yes", "no", "yes")}, ("labels/2", "duplicate_label")),
    ],
    ids=str,
)
def test_every_problem_of_a_node_is_found(changes, expected):
    node = replace(Node("a", "log", retry=RetryPolicy(), timeout=5), **changes)
    assert found(Workflow("w", nodes=(node,))) == [(f"/nodes/a/{expected[0]}", expected[1])]


def test_a_config_that_refers_to_itself_is_refused():
    loop: dict[str, object] = {}
    loop["again"] = loop
    wide: list[object] = []
    wide += [wide] * 1000
    for config in (loop, {"wide": wide}):
        first, *_ = found(Workflow("w", nodes=(Node("a", "log", config=config),)))
        assert first[1] == "bad_config"


@pytest.mark.parametrize(
    ("node", "label", "expected"),
    [
        (Node("a", "nope"), None, [("/nodes/a/type", "unknown_type")]),
        (Node("a", "log", config={"message": "x"}), None, []),
        (Node("a", "function"), None, [("/nodes/a/config/function", "bad_config")]),
        (
            Node("a", "log", config={"x": 1, "y": 2}),
            None,
            [
                ("/nodes/a/config/x", "unknown"),
                ("/nodes/a/config/y", "unknown"),
            ],
        ),
        (Node("a", "log"), "big", [("/nodes/b/needs/0", "undeclared_label")]),
        (Node("a", "log", labels=("big",)), "big", []),
        (Node("a", "function", config={"function": "sort"}), "big", []),
        (Node("a", "function", config={"function": "sort"}, labels=("own",)), "own", []),
        (
            Node("a", "function", config={"function": "f"}),
            "big",
            [
                ("/nodes/b/needs/0", "undeclared_label"),
            ],
        ),
        (Node("a", "nope"), "big", [("/nodes/a/type", "unknown_type")]),
    ],
    ids=str,
)
def test_types_check_configs_and_declare_labels(node, label, expected):
    workflow = Workflow("w", nodes=(node, Node("b", "log")), edges=(Edge("a", "b", label=label),))
    assert found(workflow, TYPES) == expected


def test_messages_name_the_thing_and_the_next_step():
    workflow = Workflow(
        "w",
        nodes=(Node("a", "function", config={"function": "sort"}), Node("b", "logg")),
        edges=(Edge("a", "b", label="huge"), Edge("aa", "b")),
    )
    messages = [problem.message for problem in problems(workflow, TYPES)]
    assert "type 'logg' is unknown; known are: function, log" in messages[0]
    assert "label 'huge' (declared: big, small)" in messages[1]
    assert "no node 'aa'; did you mean 'a'?" in messages[2]


def test_only_short_names_are_compared_with_known_ones():
    long = "a" * 64
    for name, hint in [(long[:-1], True), (long + long, False)]:
        message = problems(plus(chain(long), Edge(name, long)))[0].message
        assert ("did you mean" in message) == hint


# Cycles, parts and size


def test_a_cycle_is_named():
    message = problems(plus(chain("a", "b", "c", "d"), Edge("d", "b")))[0].message
    assert "b -> c -> d -> b" in message


def test_separate_cycles_are_all_told():
    two = replace(
        chain("a", "b", "c", "d", "e"),
        edges=tuple(Edge(*pair) for pair in ["ab", "ba", "bc", "cd", "dc", "de"]),
    )
    assert found(two) == [("/nodes/a", "cycle"), ("/nodes/c", "cycle")]


pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14, unique=True)


@given(pairs)
def test_a_cycle_is_told_exactly_when_there_is_one(drawn):
    ids = [f"n{i}" for i in range(8)]
    edges = tuple(Edge(ids[one], ids[two]) for one, two in drawn if one != two)
    workflow = Workflow(
        "w", nodes=tuple(Node(i, "log") for i in ids), edges=edges, allow_disconnected=True
    )
    sorter = TopologicalSorter({i: [] for i in ids})
    for edge in edges:
        sorter.add(edge.target, edge.source)
    try:
        sorter.prepare()
    except CycleError:
        assert {code for _, code in found(workflow)} == {"cycle"}
    else:
        assert found(workflow) == []


@given(pairs)
def test_a_graph_is_whole_exactly_when_every_node_can_be_walked_to(drawn):
    ids = [f"n{i}" for i in range(8)]
    forward = [(min(pair), max(pair)) for pair in drawn if pair[0] != pair[1]]
    edges = tuple(Edge(ids[one], ids[two]) for one, two in dict.fromkeys(forward))
    workflow = Workflow("w", nodes=tuple(Node(i, "log") for i in ids), edges=edges)
    walked = {0}
    for _ in ids:
        walked |= {end for pair in forward if walked & set(pair) for end in pair}
    assert found(workflow) == ([] if len(walked) == 8 else [("/nodes", "disconnected")])


def test_ten_thousand_nodes_are_the_limit():
    nodes = tuple(Node(f"n{i}", "log") for i in range(10_001))
    assert found(Workflow("w", nodes=nodes)) == [("/nodes", "too_many_nodes")]


def large(*more):
    ids = [f"n{i}" for i in range(10_000)]
    nodes = tuple(Node(node_id, "log", config={"message": "x"}) for node_id in ids)
    edges = [
        Edge(ids[i], ids[i + j]) for i in range(10_000) for j in range(1, 11) if i + j < 10_000
    ]
    return Workflow("w", nodes=nodes, edges=(*edges, *more))


@pytest.mark.parametrize("more", [(), (Edge("n9999", "n0"),)], ids=["valid", "cycle"])
def test_the_largest_workflow_is_checked_in_linear_time(more):
    workflow = large(*more)
    started = time.process_time()
    told = found(workflow, TYPES)
    taken = time.process_time() - started
    assert {code for _, code in told} == ({"cycle"} if more else set())
    assert len(told) <= 10
    assert taken < 5  # about 0.5 s here; a square of the size would take minutes


def test_many_problems_are_told_in_linear_time():
    workflow = large(*(Edge(f"x{i}", f"y{i}") for i in range(10_000)))
    started = time.process_time()
    assert len(found(workflow)) == 20_000
    assert time.process_time() - started < 5


# Junk


junk_nodes = st.builds(
    Node, st.sampled_from(["a", "b"]) | junk, junk, name=junk, config=junk, retry=junk,
    timeout=junk, queue=junk, join=junk, labels=junk, ui=junk,
    deadline=junk, compensation=st.sampled_from(["a", "b"]) | junk, compensate_when=junk,
)  # fmt: skip
junk_edges = st.builds(
    Edge, st.sampled_from(["a", "b"]) | junk, st.sampled_from(["a", "b"]) | junk, junk, junk
)


@given(
    st.lists(junk_nodes, max_size=3),
    st.lists(junk_edges, max_size=4),
    st.tuples(junk, junk, junk, junk, junk, junk, junk),
    st.none() | st.just(TYPES),
)
def test_anything_has_problems_but_never_raises(nodes, edges, header, known_types):
    names = ("id", "name", "description", "labels", "metadata", "status", "on_cancel")
    workflow = Workflow(
        nodes=tuple(nodes), edges=tuple(edges), **dict(zip(names, header, strict=True))
    )
    told = problems(workflow, known_types)
    assert all(isinstance(problem, Problem) and problem.message for problem in told)
    str(InvalidWorkflow(told)).encode()
