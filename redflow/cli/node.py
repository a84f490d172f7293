"""`redflow node`: the node types an application can use, and what goes into their configs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from redflow.cli.application import load_engine
from redflow.cli.base import Group, State, nearest, pass_state
from redflow.cli.output import as_json, wants_json, write_fields, write_json, write_rows
from redflow.errors import NotFound

if TYPE_CHECKING:
    from redflow.nodes.base import NodeType
    from redflow.nodes.registry import Registry

COLUMNS = ("TYPE", "FROM", "LABELS", "TIMEOUT", "CONFIG KEYS")
KINDS = {
    "string": "text",
    "integer": "whole number",
    "array": "list",
    "object": "map",
}
FIELD_COLUMNS = ("KEY", "TYPE", "DEFAULT", "REQUIRED", "MEANING")

app_option = click.option(
    "-A", "--app", metavar="MODULE:ENGINE", help="Application whose own node types are included."
)


@click.group("node", cls=Group)
def node() -> None:
    """List node types, show how one is configured."""


@node.command("list")
@app_option
@pass_state
def list_command(state: State, app: str | None) -> None:
    """List the node types: built-in, of installed packages, of an application. Needs no Redis.

    \b
    Examples:
      redflow node list
      redflow node list -A shop:engine
    """
    registry = _registry(app)
    found = [(one, _schema(one)) for _, one in sorted(registry.types.items())]
    if wants_json(state):
        write_json({"nodes": [_document(registry, one, schema) for one, schema in found]})
    else:
        write_rows(state, COLUMNS, [_row(registry, one, schema) for one, schema in found])


@node.command("show")
@click.argument("type")
@app_option
@pass_state
def show(state: State, type: str, app: str | None) -> None:
    """Show a node type and the keys of its config; as JSON with their schema. Needs no Redis.

    \b
    Examples:
      redflow node show switch
      redflow node show sql_query -A shop:engine -o json | jq .schema
    """
    registry = _registry(app)
    found = registry.types.get(type)
    if found is None:
        raise NotFound(f"there is no node type {type[:80]!a}", hint=_hint(type, registry, app))
    schema = _schema(found)
    if wants_json(state):
        write_json(_document(registry, found, schema) | {"schema": schema})
        return
    write_fields(state, _fields(registry, found, schema))
    if state.style == "table":
        click.echo()
    write_rows(state, FIELD_COLUMNS, field_rows(schema))


def _registry(app: str | None) -> Registry:
    from redflow.nodes.registry import Registry

    return Registry() if app is None else load_engine(app)[0].registry


def _schema(node_type: NodeType) -> dict[str, Any]:
    from redflow.nodes.schemas import config_schema

    return config_schema(node_type)


def _hint(name: str, registry: Registry, app: str | None) -> str:
    near = nearest(name, registry.types)
    if near:
        return f"did you mean {' or '.join(near)}?"
    own = "" if app else "; name the application of its own ones: -A module:engine"
    return f"redflow node list lists them{own}"


def _timeout(node_type: NodeType) -> timedelta | None:
    return None if node_type.timeout is None else timedelta(seconds=node_type.timeout)


def _labels_vary(node_type: NodeType) -> bool:
    """Whether its labels depend on the config."""
    from redflow.nodes.base import NodeType

    return type(node_type).labels_of is not NodeType.labels_of


def _labels(node_type: NodeType) -> str:
    return "(by config)" if _labels_vary(node_type) else " ".join(node_type.labels)


def _row(registry: Registry, one: NodeType, schema: dict[str, Any]) -> tuple[Any, ...]:
    keys = " ".join(schema["properties"])
    return one.type, registry.origin(one.type), _labels(one), _timeout(one), keys


def _document(registry: Registry, one: NodeType, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": one.type,
        "from": registry.origin(one.type),
        "labels": list(one.labels),
        "labels_by_config": _labels_vary(one),
        "timeout": one.timeout,
        "description": schema["description"],
        "config": list(schema["properties"]),
    }


def _fields(registry: Registry, one: NodeType, schema: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        ("type", one.type),
        ("from", registry.origin(one.type)),
        ("labels", _labels(one)),
        ("timeout", _timeout(one)),
        ("about", schema["description"]),
    ]


def field_rows(schema: dict[str, Any]) -> list[tuple[str, str, str, str, str]]:
    """Return the cells of FIELD_COLUMNS, the required fields first."""
    required = schema.get("required", [])
    names = sorted(schema["properties"], key=lambda name: name not in required)
    return [_field_row(name, schema["properties"][name], name in required) for name in names]


def _field_row(name: str, field: dict[str, Any], required: bool) -> tuple[str, str, str, str, str]:
    default = field.get("default")
    said = "" if default in (None, {}, []) else as_json(default)
    kind = "expression" if "expression" in field.get("$comment", "") else kind_text(field)
    return name, kind, said, "yes" if required else "no", field.get("description", "")


def kind_text(schema: dict[str, Any]) -> str:
    """Name what a schema allows: text, list of number, "a" | "b"; templates and null left out."""
    if "anyOf" in schema:
        kinds = [kind_text(one) for one in schema["anyOf"] if not _is_aside(one)]
        return " | ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " | ".join(map(as_json, schema["enum"]))
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    named = [KINDS.get(kind, kind) for kind in kinds if kind != "null"]
    items = schema.get("items") or schema.get("additionalProperties")
    of = f" of {kind_text(items)}" if items else ""
    return (" | ".join(named) or "any value") + of


def _is_aside(schema: dict[str, Any]) -> bool:
    """Whether an alternative says nothing of its own: no value, or a value yet to be rendered."""
    return schema.get("type") == "null" or "pattern" in schema
