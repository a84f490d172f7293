"""The JSON Schema accepts what is written, and refuses what the reader refuses for its shape."""

import json
from copy import deepcopy
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from redflow.errors import InvalidInput, InvalidWorkflow
from redflow.model.ids import check_label, check_node_id, check_workflow_id
from redflow.model.retry import RetryPolicy
from redflow.model.workflow import Workflow
from tests.model.test_document import FULL
from tests.model.workflows import few, workflows

SCHEMA = Workflow.json_schema()
VALID = Draft202012Validator(SCHEMA)
MINIMAL: dict[str, Any] = {
    "id": "w",
    "nodes": {"a": {"type": "log"}, "b": {"type": "log", "needs": ["a"]}},
}


def with_node(**changes) -> dict:
    document = deepcopy(MINIMAL)
    document["nodes"]["b"] |= changes
    return document


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)
    json.dumps(SCHEMA)


@few
@given(workflows())
def test_every_document_that_is_written_is_valid(workflow):
    document = workflow.to_document()
    assert [error.message for error in VALID.iter_errors(document)] == []


def test_a_document_with_every_field_is_valid():
    assert VALID.is_valid(FULL)
    assert Workflow.from_document(FULL)


OBJECTS = [
    (),
    ("nodes", "reserve"),
    ("nodes", "reserve", "retry"),
    ("nodes", "reserve", "timeouts"),
    ("nodes", "reserve", "compensation"),
    ("nodes", "ship", "needs", 1),
]


@pytest.mark.parametrize("path", OBJECTS, ids=str)
def test_an_unknown_field_is_refused_where_the_reader_refuses_it(path):
    document = deepcopy(FULL)
    found: Any = document
    for part in path:
        found = found[part]
    found["unheard"] = 1
    assert not VALID.is_valid(document)
    with pytest.raises(InvalidWorkflow):
        Workflow.from_document(document)


FREE = [("metadata",), ("labels",), ("nodes", "reserve", "config"), ("nodes", "reserve", "ui")]


@pytest.mark.parametrize("path", FREE, ids=str)
def test_any_field_is_accepted_where_the_reader_accepts_it(path):
    document = deepcopy(FULL)
    found: Any = document
    for part in path:
        found = found[part]
    found["unheard"] = "1"
    assert VALID.is_valid(document)
    assert Workflow.from_document(document)


@pytest.mark.parametrize(
    "need",
    ["a", {"node": "a"}, {"node": "a", "label": "x"}, {"node": "a", "on": "failure"},
     {"node": "a", "when": "output.paid"}],
    ids=str,
)  # fmt: skip
def test_a_need_has_four_forms(need):
    assert VALID.is_valid(with_node(needs=[need]))
    assert Workflow.from_document(with_node(needs=[need]))


@pytest.mark.parametrize(
    "need",
    [5, None, {}, {"label": "x"}, {"node": "a", "label": "x", "on": "failure"},
     {"node": "a", "when": "output", "on": "always"}, {"node": "a", "label": "x", "when": "output"},
     {"node": "a", "label": "success"}, {"node": "a", "on": "done"}, {"node": "a b"}],
    ids=str,
)  # fmt: skip
def test_a_need_of_another_form_is_refused(need):
    assert not VALID.is_valid(with_node(needs=[need]))
    with pytest.raises(InvalidWorkflow):
        Workflow.from_document(with_node(needs=[need]))


@pytest.mark.parametrize("limit", [1, 0.5, "500ms", "1.5s", "14d", None])
def test_a_duration_is_a_number_or_a_text(limit):
    assert VALID.is_valid(with_node(timeouts={"attempt": limit}))
    assert Workflow.from_document(with_node(timeouts={"attempt": limit}))


@pytest.mark.parametrize("limit", [-1, "5", "5 m", "1h30m", True, [], 10**9])
def test_what_is_no_duration_is_refused(limit):
    assert not VALID.is_valid(with_node(timeouts={"attempt": limit}))
    with pytest.raises(InvalidWorkflow):
        Workflow.from_document(with_node(timeouts={"attempt": limit}))


def test_retry_has_the_fields_of_the_policy_with_their_defaults():
    properties = SCHEMA["$defs"]["retry"]["properties"]
    assert list(properties) == [field.name for field in fields(RetryPolicy)]
    made = RetryPolicy(**{name: one["default"] for name, one in properties.items()})
    assert made == RetryPolicy()


def test_every_field_has_a_title_and_a_description():
    silent = [
        name
        for holder in (SCHEMA, *SCHEMA["$defs"].values())
        for name, one in holder.get("properties", {}).items()
        if not (one.get("title") and one.get("description"))
    ]
    assert silent == []


ids = st.text(max_size=3) | st.from_regex(r"[A-Za-z0-9_-]{0,130}", fullmatch=True)
ids |= st.sampled_from(["success", "failure", "always", "a" * 64, "a" * 65])
CHECKS = [
    (check_workflow_id, SCHEMA["properties"]["id"]),
    (check_node_id, SCHEMA["properties"]["nodes"]["propertyNames"]),
    (check_label, SCHEMA["$defs"]["label"]),
]


@pytest.mark.parametrize(("check", "schema"), CHECKS, ids=["workflow", "node", "label"])
@given(text=ids.filter(lambda text: not text.endswith("\n")))  # to Python `$` is before it as well
def test_ids_are_those_that_the_model_accepts(check, schema, text):
    try:
        accepted = check(text) == text
    except InvalidInput:
        accepted = False
    assert Draft202012Validator(schema).is_valid(text) == accepted


def test_configs_are_asked_of_the_nodes_of_their_type():
    config = {"type": "object", "required": ["message"], "additionalProperties": False,
              "properties": {"message": {"type": "string"}}}  # fmt: skip
    schema = Workflow.json_schema({"log": config, "own type": {"type": "object"}})
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(with_node(config={"message": "x"}))
    assert not validator.is_valid(with_node(config={"massage": "x"}))
    assert validator.is_valid(with_node(type="other", config={"massage": "x"}))
