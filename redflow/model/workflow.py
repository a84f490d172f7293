"""Workflow, Node and Edge: a frozen definition, built, read and written."""

from collections.abc import Mapping
from typing import Any, Self

from redflow.model.decorators import FlowBuilder
from redflow.model.definition import (
    DEFAULT,
    Default,
    Definition,
    Edge,
    Join,
    Node,
    On,
    OnCancel,
    When,
)
from redflow.model.document import read_document, read_json, write_document, write_json
from redflow.model.drawing import dot, mermaid
from redflow.model.parevo import convert_parevo
from redflow.model.schema import json_schema
from redflow.model.yaml_text import read_yaml
from redflow.model.yaml_writing import write_yaml

__all__ = ["DEFAULT", "Default", "Edge", "Join", "Node", "On", "OnCancel", "When", "Workflow"]


class Workflow(Definition):
    """What executions follow. Equal content has the same `content_hash`, whatever its names."""

    __slots__ = ()

    @classmethod
    def builder(cls, id: str, name: str = "") -> FlowBuilder[Self]:
        """Start a workflow to be built call by call, or of decorated functions."""
        return FlowBuilder(cls, id, name)

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Read a document (plain dicts and lists); raise InvalidWorkflow with every problem."""
        return read_document(document, cls)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a document from JSON text; raise InvalidWorkflow with every problem."""
        return read_json(text, cls)

    @classmethod
    def from_yaml(cls, text: str | bytes) -> Self:
        """Read a document from YAML text; raise InvalidWorkflow with every problem and its line."""
        return read_yaml(text, cls)

    @classmethod
    def from_parevo(cls, source: str | bytes | Mapping[str, Any]) -> Self:
        """Convert a document of parevo/flow, the Go engine; raise InvalidWorkflow.

        What was changed or dropped is told by `redflow.model.parevo.convert_parevo`.
        """
        return convert_parevo(source, cls).workflow

    @staticmethod
    def json_schema(configs: Mapping[str, dict[str, Any]] | None = None) -> dict[str, Any]:
        """Return the JSON Schema of the document; `configs` has those of node types' configs."""
        return json_schema(configs)

    def to_document(self) -> dict[str, Any]:
        """Return the document, without what is at its default; raise InvalidWorkflow."""
        return write_document(self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Write the document as JSON text; raise InvalidWorkflow."""
        return write_json(self, indent=indent)

    def to_yaml(self) -> str:
        """Write the document as YAML text; raise InvalidWorkflow."""
        return write_yaml(self)

    def to_mermaid(self) -> str:
        """Draw the graph as a Mermaid flowchart; raise InvalidWorkflow."""
        return mermaid(self)

    def to_dot(self) -> str:
        """Draw the graph for Graphviz; raise InvalidWorkflow."""
        return dot(self)
