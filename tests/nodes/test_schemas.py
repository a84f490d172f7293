"""The config of a node type as JSON Schema."""

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest

from redflow.expressions.analysis import EXPRESSION_KEYS
from redflow.nodes.base import NodeConfig, NodeType
from redflow.nodes.registry import BUILT_IN
from redflow.nodes.schemas import EXPRESSION, TEMPLATE, config_schema

TYPES = {node_type.type: node_type for node_type in BUILT_IN}
SETTINGS_OF_AI = (
    "provider", "temperature", "max_tokens", "api_key", "base_url", "result_key", "schema",
    "timeout",
)  # fmt: skip


class Place(msgspec.Struct, frozen=True):
    """Where it is."""

    host: str
    port: int = 5432
    behind: "Place | None" = None


class Other:
    """A type that msgspec does not know."""


class SqlQuery(NodeType):
    """Asks a database.

    It commits nothing.
    """

    type = "sql_query"

    class Config(NodeConfig, frozen=True):
        """`query` is SQL, with :names for bound values. `mode` says how many rows are answered;
        `most_rows` (0 for all) is told elsewhere; nothing is said of `bound`.
        """

        query: str
        mode: Literal["one", "all"] = "one"
        most_rows: Annotated[int, msgspec.Meta(ge=0, description="Rows at most.")] = 100
        bound: dict[str, Any] = msgspec.field(default_factory=dict)
        place: Place = Place("localhost")
        other: Other | None = None

    async def execute(self, ctx: Any, config: Any) -> Any:
        return config.query


class Bare(NodeType):
    type = "bare"


@pytest.mark.parametrize("name", TYPES)
def test_every_field_of_every_built_in_type_is_described(name):
    schema = config_schema(TYPES[name])
    assert schema["title"] == name
    assert schema["description"].endswith(".")
    assert list(schema["properties"]) == list(TYPES[name].Config.__struct_encode_fields__)
    undescribed = [name for name, one in schema["properties"].items() if not one.get("description")]
    assert undescribed == []
    assert "$ref" not in json.dumps(schema)


def test_the_schema_of_an_application_s_own_type():
    schema = config_schema(SqlQuery())
    assert schema["description"] == "Asks a database.\n\nIt commits nothing."
    assert (schema["required"], schema["additionalProperties"]) == (["query"], False)
    assert schema["properties"]["query"] == {
        "title": "Query",
        "description": "SQL, with :names for bound values",
        "type": "string",
        "$comment": TEMPLATE,
    }
    told = {name: field.get("description") for name, field in schema["properties"].items()}
    assert told["mode"] == "Says how many rows are answered"
    assert told["most_rows"] == "Rows at most.", "what msgspec's Meta says comes first"
    assert told["bound"] is None
    assert schema["properties"]["most_rows"]["title"] == "Most rows"


def test_a_field_that_is_no_text_may_still_be_a_template():
    fields = config_schema(SqlQuery())["properties"]
    rendered = {"type": "string", "pattern": r"\$\{"}
    assert fields["mode"]["anyOf"] == [{"enum": ["all", "one"]}, rendered]
    assert fields["most_rows"]["anyOf"] == [{"type": "integer", "minimum": 0}, rendered]
    assert (fields["mode"]["default"], fields["most_rows"]["default"]) == ("one", 100)
    assert "anyOf" not in fields["query"]


def test_models_inside_a_config_stand_where_they_are_used():
    place = config_schema(SqlQuery())["properties"]["place"]["anyOf"][0]
    assert place["properties"]["port"] == {"type": "integer", "default": 5432}
    assert {} in place["properties"]["behind"]["anyOf"], "a model inside itself allows anything"


def test_a_type_that_cannot_be_described_allows_anything():
    assert {"title": "Other"} in config_schema(SqlQuery())["properties"]["other"]["anyOf"]


def test_a_default_that_json_has_not_leaves_the_keys():
    class Odd(NodeType):
        type = "odd"

        class Config(NodeConfig, frozen=True):
            """`first` is needed."""

            first: str
            other: Other = Other()

    schema = config_schema(Odd())
    assert (list(schema["properties"]), schema["required"]) == (["first", "other"], ["first"])
    assert schema["additionalProperties"] is False
    assert schema["properties"]["first"]["description"] == "Needed"


def test_a_type_without_a_config_has_no_properties():
    schema = config_schema(Bare())
    assert (schema["properties"], schema["additionalProperties"]) == ({}, False)
    assert schema["description"] == ""


def test_fields_say_whether_they_are_expressions_or_take_templates():
    comments = {
        (name, key): field.get("$comment")
        for name, node_type in TYPES.items()
        for key, field in config_schema(node_type)["properties"].items()
    }
    expressions = {(name, key) for name, keys in EXPRESSION_KEYS.items() for key in keys}
    assert {one for one, said in comments.items() if said == EXPRESSION} == expressions
    plain = {one for one, said in comments.items() if said is None}
    assert plain == {
        ("function", "function"),
        ("condition", "operator"),
        ("switch", "default"),
        *(("http", key) for key in "method timeout expect redirects idempotency_key".split()),
        *(("notify", key) for key in "method secret timeout".split()),
        *(("ai", key) for key in SETTINGS_OF_AI),
    }


@pytest.mark.parametrize("name", TYPES)
def test_asking_twice_gives_the_same(name):
    assert config_schema(TYPES[name]) == config_schema(TYPES[name])
