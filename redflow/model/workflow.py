"""Workflow, Node and Edge: a frozen definition, built, read and written."""

from typing import Any, Self

from redflow.model.builder import Builder
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

__all__ = ["DEFAULT", "Default", "Edge", "Join", "Node", "On", "OnCancel", "When", "Workflow"]


class Workflow(Definition):
    """What executions follow. Equal content has the same `content_hash`, whatever its names."""

    __slots__ = ()

    @classmethod
    def builder(cls, id: str, name: str = "") -> Builder[Self]:
        """Start a workflow to be built call by call."""
        return Builder(cls, id, name)

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Read a document (plain dicts and lists); raise InvalidWorkflow with every problem."""
        return read_document(document, cls)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a document from JSON text; raise InvalidWorkflow with every problem."""
        return read_json(text, cls)

    def to_document(self) -> dict[str, Any]:
        """Return the document, without what is at its default; raise InvalidWorkflow."""
        return write_document(self)

    def to_json(self, *, indent: int | None = None) -> str:
        """Write the document as JSON text; raise InvalidWorkflow."""
        return write_json(self, indent=indent)
