"""The JSON Schema (draft 2020-12) of the workflow document, generated from the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args

from redflow import defaults
from redflow.model.definition import Join, On, OnCancel, When
from redflow.model.ids import RESERVED_LABELS
from redflow.model.retry import RetryPolicy
from redflow.model.status import WorkflowStatus

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_WORKFLOW_ID = "^[A-Za-z0-9_-]{1,128}$"
_NODE_ID = "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
_NAME = "^[A-Za-z0-9_-]{1,63}$"
_DURATION = r"^[0-9]{1,15}(\.[0-9]{1,15})?(ms|s|m|h|d)$"
_TEN_YEARS = 10 * 365 * 86400
_MOST_ATTEMPTS = 65_535
_HEADER = """id name description status labels metadata allow_disconnected on_cancel output
    nodes""".split()

Schema = dict[str, Any]


def json_schema(configs: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema; `configs` has the schemas of node types' configs, without references.

    What it accepts is of the right shape; only registration knows whether names exist, whether
    the graph has cycles, and what expressions mean.
    """
    configs = configs or {}
    properties = _header()
    return {
        "$schema": DRAFT,
        "title": "redflow workflow",
        "description": "A workflow of redflow: nodes, and what each of them needs.",
        "type": "object",
        "required": ["id", "nodes"],
        "additionalProperties": False,
        "properties": _titled({name: properties[name] for name in _HEADER}),
        "$defs": {
            "node": _node(configs),
            "need": _need(),
            "retry": _retry(),
            "timeouts": _timeouts(),
            "compensation": _compensation(),
            "duration": _duration(),
            "label": _label(),
            "template": _template(),
            **{_config_name(name): schema for name, schema in configs.items()},
        },
    }


def _header() -> Schema:
    return {
        "id": _text("What executions are started by.", _WORKFLOW_ID),
        "name": _text("A name for people."),
        "description": _text("What it is for."),
        "status": {
            "description": "INACTIVE refuses new executions.",
            "enum": [str(status) for status in WorkflowStatus],
            "default": str(WorkflowStatus.ACTIVE),
        },
        "labels": {
            "description": "Texts that every execution has, to list them by.",
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
        "metadata": _free("Anything; redflow keeps it and does not read it."),
        "allow_disconnected": {
            "description": "Accept a graph of parts that no edge joins.",
            "type": "boolean",
            "default": False,
        },
        "on_cancel": _choice(
            "Whether the steps of a cancelled execution are undone.", OnCancel, "compensate"
        ),
        "output": _ref("template", "The output of an execution, instead of its last nodes'."),
        "nodes": {
            "description": "The nodes by their ids.",
            "type": "object",
            "minProperties": 1,
            "maxProperties": defaults.NODES,
            "propertyNames": {"pattern": _NODE_ID},
            "additionalProperties": {"$ref": "#/$defs/node"},
        },
    }


def _node(configs: Mapping[str, Schema]) -> Schema:
    schema = {
        **_closed("Node", "A step of every execution.", ["type"]),
        "properties": _titled(
            {
                "type": {
                    "description": "A node type, built in or registered.",
                    "type": "string",
                    "minLength": 1,
                },
                "name": _text("A name for people."),
                "config": _free("What the type asks for; texts may hold ${...}."),
                "input": _ref("template", "The step's input, instead of what its edges give."),
                "needs": {
                    "description": "The nodes that come before, each with what it has to choose.",
                    "type": "array",
                    "items": {"$ref": "#/$defs/need"},
                },
                "join": _choice(
                    "any_outcome runs the step also when one that it needs failed.", Join, "all"
                ),
                "retry": _nullable("retry", "How often the step may run; once when left out."),
                "timeouts": _ref("timeouts", "How long the step may take."),
                "compensation": _nullable("compensation", "The node that undoes this one."),
                "queue": _text("Only workers of this queue run it.", _NAME, default="default"),
                "labels": {
                    "description": "The branches that the step may choose besides its type's.",
                    "type": "array",
                    "items": {"$ref": "#/$defs/label"},
                    "uniqueItems": True,
                },
                "ui": _free("For editors, such as a position; no part of the version."),
            }
        ),
    }
    if configs:
        schema["allOf"] = [_config_of(name) for name in sorted(configs)]
    return schema


def _need() -> Schema:
    node = _text("The node that comes before.", _NODE_ID)
    success = {"const": "success"}
    when = {
        "description": "An expression over `output` that has to hold.",
        "type": "string",
    }
    forms = {
        "on": {"on": _choice("How the node has to end.", On, "success")},
        "label": {"label": {"$ref": "#/$defs/label"}, "on": success},
        "when": {"when": when, "on": success},
    }
    return {
        "title": "Need",
        "description": "An edge: a node's id, or the node with on, label or when.",
        "anyOf": [
            {"type": "string", "pattern": _NODE_ID},
            *(
                {
                    **_closed(
                        f"Need with {name}", "", ["node"] if name == "on" else ["node", name]
                    ),
                    "properties": _titled({"node": node, **properties}),
                }
                for name, properties in forms.items()
            ),
        ],
    }


def _retry() -> Schema:
    interval = {"$ref": "#/$defs/duration"}
    shapes: dict[str, Schema] = {
        "max_attempts": {
            "description": "Runs in all, the first included.",
            "type": "integer",
            "minimum": 1,
            "maximum": _MOST_ATTEMPTS,
        },
        "initial_interval": {"description": "The rest after the first failure.", **interval},
        "backoff_coefficient": {
            "description": "By how much each rest is longer than the one before.",
            "type": "number",
            "minimum": 1,
            "maximum": 1000,
        },
        "maximum_interval": {"description": "The longest rest.", **interval},
        "jitter": {
            "description": "full takes a random part of each rest.",
            "enum": ["full", "none"],
        },
        "non_retryable": {
            "description": "Names of exceptions that end the retries.",
            "type": "array",
            "items": {"type": "string", "minLength": 1},
        },
    }
    properties = {
        field.name: {
            **shapes[field.name],
            "default": list(field.default) if isinstance(field.default, tuple) else field.default,
        }
        for field in fields(RetryPolicy)
    }
    return {
        **_closed("Retry", "When a failed attempt runs again."),
        "properties": _titled(properties),
    }


def _timeouts() -> Schema:
    return {
        **_closed("Timeouts", "Limits of time; null is none."),
        "properties": _titled(
            {
                "attempt": _nullable("duration", "Of one attempt; the type's when left out."),
                "step": _nullable(
                    "duration", "From when it is ready to its end, with every retry."
                ),
            }
        ),
    }


def _compensation() -> Schema:
    return {
        **_closed("Compensation", "How the node is undone.", ["node"]),
        "properties": _titled(
            {
                "node": _text("The node that undoes it, which has no edges.", _NODE_ID),
                "when": _choice(
                    "After it completed; started: also cut short; attempted: also failed.",
                    When,
                    "started",
                ),
            }
        ),
    }


def _duration() -> Schema:
    return {
        "title": "Duration",
        "description": 'Seconds, or a text such as "500ms", "1.5s", "5m", "2h", "14d".',
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": _TEN_YEARS},
            {"type": "string", "pattern": _DURATION},
        ],
    }


def _label() -> Schema:
    return {
        "title": "Label",
        "description": "A branch that a step may choose.",
        "type": "string",
        "pattern": _NAME,
        "not": {"enum": sorted(RESERVED_LABELS)},
    }


def _template() -> Schema:
    return {
        "title": "Template",
        "description": "Any value; ${...} in its texts is an expression, $${ stands for ${.",
    }


def _text(description: str, pattern: str = "", **more: Any) -> Schema:
    asked = {"pattern": pattern} if pattern else {}
    return {"description": description, "type": "string", **asked, **more}


def _free(description: str) -> Schema:
    return {"description": description, "type": "object"}


def _choice(description: str, choices: Any, default: str) -> Schema:
    return {"description": description, "enum": list(get_args(choices)), "default": default}


def _ref(name: str, description: str) -> Schema:
    return {"description": description, "$ref": f"#/$defs/{name}"}


def _nullable(name: str, description: str) -> Schema:
    return {"description": description, "anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}]}


def _closed(title: str, description: str, required: list[str] | None = None) -> Schema:
    said = {"description": description} if description else {}
    needed = {"required": required} if required else {}
    return {"title": title, **said, "type": "object", **needed, "additionalProperties": False}


def _titled(properties: Schema) -> Schema:
    return {
        name: {"title": name.replace("_", " ").capitalize(), **schema}
        for name, schema in properties.items()
    }


def _config_of(name: str) -> Schema:
    """Ask a node of one type for the config of that type."""
    config = {"$ref": f"#/$defs/{_config_name(name)}"}
    return {
        "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
        "then": {"properties": {"config": config}},
    }


def _config_name(name: str) -> str:
    return "config." + "".join(c if c.isalnum() or c in "._-" else f"_{ord(c):x}_" for c in name)
