"""Configs of parevo/flow's node types."""

import pytest

from redflow.model.parevo_config import Told, convert_config
from redflow.nodes.registry import Registry


@pytest.mark.parametrize(
    ("node_type", "config", "expected"),
    [
        ("function", {"functionName": "Pay"}, {"function": "Pay"}),
        ("function", {"functionName": "Pay", "function": "Buy"}, {"function": "Buy"}),
        ("wait", {"duration": "3s"}, {"duration": "3s"}),
        ("wait", {"duration": "1h30m"}, {"duration": "90m"}),
        ("wait", {"duration": "{{.rest}}"}, {"duration": "${input.rest}"}),
        ("signal", {}, {"merge": True}),
        ("signal", {"timeout": None, "merge": False}, {"merge": False}),
        ("subworkflow", {"workflowId": "c", "namespace": "x"}, {"workflow": "c"}),
        ("log", {"message": "m", "level": "error"}, {"message": "m", "level": "error"}),
        ("transform", {"mapping": {"a": "{{.b}}"}}, {"mapping": {"a": "${input.b}"}}),
        ("setvariable", {"variables": {"n": 3}}, {"variables": {"n": 3}}),
        ("notify", {"url": "http://h/{{.id}}"}, {"url": "http://h/${input.id}"}),
        ("ai", {"prompt": "{{.q}}", "api_key": "k"}, {"prompt": "${input.q}", "api_key": "k"}),
        ("http", {"url": "u"}, {"url": "u"}),
        ("http", {"url": "u", "method": "POST"},
         {"url": "u", "method": "POST", "json": "${input}"}),
        ("http", {"method": "put", "body": "x"}, {"method": "put", "body": "x"}),
        ("condition", {"variable": "age", "operator": ">=", "value": "18"},
         {"variable": "input.age", "operator": ">=", "value": 18}),
        ("condition", {"variable": "a-b", "operator": "==", "value": "18"},
         {"variable": 'input["a-b"]', "operator": "==", "value": "18"}),
        ("condition", {"variable": "class", "operator": "not_equal", "value": True},
         {"variable": 'input["class"]', "operator": "!=", "value": True}),
        ("switch", {"variable": "role", "cases": {"admin": "staff", "root": "staff", "7": "vip"}},
         {"variable": 'get(input, "role")', "default": "default",
          "cases": {"staff": ["admin", "root"], "vip": ["7", 7]}}),
        ("switch", {"variable": "r", "cases": {"true": "yes"}, "default": "no"},
         {"variable": 'get(input, "r")', "cases": {"yes": ["true", True]}, "default": "no"}),
        ("db_query", {"query": "SELECT ?", "timeout": "14 days", "signal_name": "x"},
         {"query": "SELECT ?", "timeout": "14 days", "signal_name": "x"}),
        (None, None, {}),
    ],
    ids=str,
)  # fmt: skip
def test_a_config_is_converted(node_type, config, expected):
    told = Told()
    assert convert_config(node_type, config, "/c", told) == expected
    assert told.problems == []


KNOWN = [
    ("condition", {"variable": "state", "operator": "equal", "value": "paid"}),
    ("condition", {"variable": "age", "operator": "<", "value": "18"}),
    ("switch", {"variable": "role", "cases": {"admin": "staff", "7": "vip"}}),
    ("signal", {"signal_name": "arrived", "timeout": "14 days"}),
    ("wait", {"duration": "1h30m"}),
    ("log", {"message": "hello {{.name}}", "level": "warn"}),
    ("subworkflow", {"workflowId": "child"}),
    ("setvariable", {"variables": {"state": "paid"}}),
    ("transform", {"mapping": {"name": "{{.first}} {{.last}}"}}),
]


@pytest.mark.parametrize(("node_type", "config"), KNOWN, ids=str)
def test_what_comes_of_it_is_what_the_type_asks_for(node_type, config):
    made = convert_config(node_type, config, "/c", Told())
    assert Registry().types[node_type].read_config(made) is not None


@pytest.mark.parametrize(
    ("node_type", "config", "at"),
    [
        ("function", {"functionName": "a"}, "/c/functionName"),
        ("subworkflow", {"workflow": "c", "_namespace": "x"}, "/c/_namespace"),
        ("log", {"level": "warn"}, "/c/level"),
        ("ai", {"api_key": "k"}, "/c/api_key"),
        ("http", {"method": "POST"}, "/c"),
        ("condition", {"variable": "a", "operator": "==", "value": "42"}, "/c/value"),
        ("condition", {"operator": ">", "value": "42"}, "/c/value"),
        ("switch", {"cases": {"a": "b"}}, "/c/cases"),
        ("wait", {"duration": 3_000_000_000}, "/c/duration"),
    ],
)
def test_what_changes_is_told(node_type, config, at):
    told = Told()
    convert_config(node_type, config, "/c", told)
    assert at in [note.pointer for note in told.notes]


def test_a_key_is_never_told():
    told = Told()
    convert_config("ai", {"api_key": "sk-123"}, "/c", told)
    assert "sk-123" not in str(told.notes)


@pytest.mark.parametrize(
    ("node_type", "config", "at"),
    [
        ("switch", {"cases": {"a/b": 5}}, "/c/cases/a~1b"),
        ("signal", {"timeout": "soon"}, "/c/timeout"),
        ("http", {"timeout": []}, "/c/timeout"),
        ("x", {"a": {"b": ["{{range .c}}"]}}, "/c/a/b/0"),
        ("x", {1: 2}, "/c"),
        ("x", "y", "/c"),
    ],
)
def test_what_cannot_be_converted_is_told(node_type, config, at):
    told = Told()
    convert_config(node_type, config, "/c", told)
    assert [problem.pointer for problem in told.problems] == [at]
