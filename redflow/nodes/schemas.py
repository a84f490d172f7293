"""The config of a node type as JSON Schema: for forms, editors and `redflow node show`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from redflow.expressions.analysis import EXPRESSION_KEYS
from redflow.nodes.base import NodeType
from redflow.nodes.shaped import ShapedType

TEMPLATE = "takes ${...}"
EXPRESSION = "is an expression, without ${...}"

_REF = "#/$defs/"
_CLAUSE = re.compile(r"(?:^|(?<=[.;:,] ))`(\w+)`,? (.+?)(?=[.;](?: |$)|$)")
_NOTES = ("title", "description", "default")
_RENDERED = {"type": "string", "pattern": r"\$\{"}


def config_schema(node_type: NodeType) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a node type's config, without any reference.

    The schema's description is the type's docstring. A clause of the docstring of `Config` that
    begins with a field in backticks describes that field, unless msgspec's Meta does. `$comment`
    says which fields take `${...}` and which are expressions. What JSON Schema cannot say, such as
    types that msgspec does not know and models inside themselves, becomes one that allows anything.
    """
    schema = _of_model(node_type.Config)
    schema["title"] = node_type.type
    schema["description"] = inspect.cleandoc(type(node_type).__doc__ or "")
    meanings = _meanings(node_type.Config.__doc__ or "")
    fields = schema.setdefault("properties", {})
    for name, field in fields.items():
        fields[name] = _commented(node_type, name, _described(name, field, meanings.get(name, "")))
    return schema


def _of_model(model: type[msgspec.Struct]) -> dict[str, Any]:
    try:
        (named,), models = msgspec.json.schema_components(
            [model], schema_hook=_anything, ref_template=_REF + "{name}"
        )
    except TypeError:  # a default that JSON has not
        fields = msgspec.structs.fields(model)
        return {
            "type": "object",
            "properties": {one.encode_name: {} for one in fields},
            "required": [one.encode_name for one in fields if one.required],
            "additionalProperties": not model.__struct_config__.forbid_unknown_fields,
        }
    schema: dict[str, Any] = _inlined(named, models, ())
    return schema


def _anything(kind: type) -> dict[str, Any]:
    return {"title": kind.__name__}  # msgspec takes an empty one for none


def _inlined(schema: Any, models: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    """Put models in the places that refer to them; a model inside itself allows anything."""
    if isinstance(schema, list):
        return [_inlined(item, models, inside) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return {key: _inlined(item, models, inside) for key, item in schema.items()}
    name = reference.removeprefix(_REF)
    if name in inside:
        return {}
    rest = {key: item for key, item in schema.items() if key != "$ref"}
    return _inlined(models[name], models, (*inside, name)) | rest


def _meanings(docstring: str) -> dict[str, str]:
    """Read what a docstring says of fields: its clauses that begin with a name in backticks."""
    text = " ".join(docstring.split())
    found = {name: re.sub("^(is|are) ", "", clause) for name, clause in _CLAUSE.findall(text)}
    return {name: clause[:1].upper() + clause[1:] for name, clause in found.items()}


def _described(name: str, schema: dict[str, Any], meaning: str) -> dict[str, Any]:
    known = {"title": name.replace("_", " ").capitalize()}
    return known | ({"description": meaning} if meaning else {}) | schema


def _commented(node_type: NodeType, name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Say whether a field is an expression or takes templates; if so, the schema allows them."""
    if name in EXPRESSION_KEYS.get(node_type.type, ()):
        return schema | {"$comment": EXPRESSION}
    if isinstance(node_type, ShapedType):
        return schema | ({"$comment": TEMPLATE} if name in node_type.templated else {})
    if type(node_type).runner is not NodeType.runner:  # it does with its config what it likes
        return schema
    if not _takes_text(schema):
        notes = {key: schema[key] for key in _NOTES if key in schema}
        bare = {key: item for key, item in schema.items() if key not in notes}
        kinds = bare["anyOf"] if set(bare) == {"anyOf"} else [bare]
        schema = notes | {"anyOf": [*kinds, _RENDERED]}
    return schema | {"$comment": TEMPLATE}


def _takes_text(schema: Mapping[str, Any]) -> bool:
    """Whether any text is allowed: no constraint at all, or text without one."""
    if "anyOf" in schema:
        return any(map(_takes_text, schema["anyOf"]))
    kinds = schema.get("type", [])
    text = kinds == "string" or "string" in kinds
    return not ({"type", "enum", "const"} & set(schema)) or (
        text and not {"enum", "pattern", "format"} & set(schema)
    )
