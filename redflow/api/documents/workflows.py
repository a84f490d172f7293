"""Workflows and their versions, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from redflow.api.documents.filling import filled
from redflow.api.problems import Fault
from redflow.api.values import plain
from redflow.model.execution import WorkflowInfo, WorkflowVersion
from redflow.model.status import WorkflowStatus

Definition = Annotated[
    msgspec.Raw, msgspec.Meta(extra_json_schema={"$ref": "#/components/schemas/Workflow"})
]
"""A workflow's document as docs/document.md describes it."""


class WorkflowDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A registered workflow; `latest` is the version that new executions run."""

    id: str
    latest: int
    versions: int
    status: WorkflowStatus
    paused: bool
    name: str
    description: str
    labels: dict[str, str]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class WorkflowVersionDocument(WorkflowDocument, frozen=True, kw_only=True):
    """One version of a workflow, with its graph."""

    version: int
    content_hash: str
    definition: Definition


class Workflows(msgspec.Struct, frozen=True):
    """The workflows of a namespace, in the order they were first registered."""

    items: list[WorkflowDocument]


class VersionDocument(msgspec.Struct, frozen=True):
    """A version of a workflow in a list."""

    version: int
    content_hash: str
    latest: bool


class Versions(msgspec.Struct, frozen=True):
    """Versions of a workflow, the newest first; go on with `cursor` while there is one."""

    items: list[VersionDocument]
    cursor: str | None
    more: bool


class Verdict(msgspec.Struct, frozen=True):
    """Whether a definition could be registered, and all that is wrong with it."""

    valid: bool
    problems: list[Fault]


def workflow_of(one: WorkflowInfo) -> WorkflowDocument:
    """Show a workflow without its graph."""
    return filled(WorkflowDocument, one, _about(one))


def version_of(one: WorkflowVersion) -> WorkflowVersionDocument:
    """Show a version of a workflow with its graph."""
    graph = {"definition": msgspec.Raw(one.definition.to_json().encode())}
    return filled(WorkflowVersionDocument, one, _about(one) | graph)


def _about(one: WorkflowInfo) -> dict[str, Any]:
    return {"labels": dict(one.labels), "metadata": plain(one.metadata)}
