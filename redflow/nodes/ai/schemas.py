"""JSON Schema (2020-12) for answers: checked at registration, and held against what comes.

Nothing is fetched, and patterns are matched in linear time: a schema is a stranger's, and so is the
text it meets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from redflow.errors import Problem
from redflow.expressions.errors import Refused
from redflow.expressions.texts import checked, compiled
from redflow.extras import extra
from redflow.nodes.shaped import wrong

_PURPOSE = "a schema for the answers of a model"
_MAPS = ("properties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
_REFERENCES = ("$ref", "$dynamicRef")
_SHOWN = 200
_TOLD = 3


def schema_problems(schema: Mapping[str, Any]) -> Iterator[Problem]:
    """Say what is wrong with a field `schema`; raises Misconfigured without the extra `ai`."""
    library = extra("jsonschema", "ai", _PURPOSE)
    meta = library.Draft202012Validator
    for error in meta(meta.META_SCHEMA).iter_errors(schema):
        yield wrong(error.message[:_SHOWN], "schema", *map(str, error.absolute_path))
    for one in every_schema(schema):
        yield from _unsafe(one)


def mismatches(schema: Mapping[str, Any], value: Any) -> list[str]:
    """Say where a value is not of a schema, with the path of each place; a few of them."""
    library = extra("jsonschema", "ai", _PURPOSE)
    registry = extra(
        "referencing", "ai", _PURPOSE
    ).Registry()  # an empty one, which fetches nothing
    kind = library.validators.extend(library.Draft202012Validator, {"pattern": _pattern})
    found = []
    for error in kind(schema, registry=registry).iter_errors(value):
        found.append(f"{error.json_path}: {error.message[:_SHOWN]}")
        if len(found) == _TOLD:
            break
    return found


def every_schema(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and those inside of it, where the standard has schemas."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for key in _SINGLE:
        yield from every_schema(schema.get(key))
    for key in _LISTS:
        for one in schema[key] if isinstance(schema.get(key), (list, tuple)) else ():
            yield from every_schema(one)
    for key in _MAPS:
        for one in schema[key].values() if isinstance(schema.get(key), Mapping) else ():
            yield from every_schema(one)


def _unsafe(schema: Mapping[str, Any]) -> Iterator[Problem]:
    if "patternProperties" in schema:
        yield wrong("patternProperties is not supported; name the properties", "schema")
    for key in _REFERENCES:
        if key in schema and not str(schema[key]).startswith("#"):
            yield wrong(f"{key} leads out of the schema; put what it names under $defs", "schema")
    if isinstance(pattern := schema.get("pattern"), str):
        try:
            compiled(checked("pattern", pattern))
        except Refused as refused:
            yield wrong(f"the pattern {pattern[:40]!r}: {refused.reason}", "schema")


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and compiled(pattern).search(instance) is None:
        error = extra("jsonschema", "ai", _PURPOSE).ValidationError
        yield error(f"{instance[:40]!r} does not match {pattern!r}")
