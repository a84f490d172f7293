"""Registered workflows: what the registry keeps beside the graph, and what it does not know."""

from collections.abc import Mapping
from typing import Any

from redflow.errors import NotFound
from redflow.model import codec
from redflow.model.execution import WorkflowInfo, WorkflowVersion, instant
from redflow.model.status import WorkflowStatus
from redflow.model.workflow import Workflow

Fields = Mapping[str, bytes]
"""What `read_workflow` answers."""


def about_of(workflow: Workflow) -> bytes:
    """Encode what is no part of a version's content."""
    labels, metadata = dict(workflow.labels), dict(workflow.metadata)
    return codec.encode([workflow.name, workflow.description, labels, metadata])


def info_of(workflow: str, fields: Fields, *, paused: bool) -> WorkflowInfo:
    """Show a registered workflow."""
    return WorkflowInfo(**_shared(workflow, fields), paused=paused)


def version_of(
    workflow: Workflow, fields: Fields, version: int, *, paused: bool
) -> WorkflowVersion:
    """Show one version of a registered workflow."""
    return WorkflowVersion(
        **_shared(workflow.id, fields),
        paused=paused,
        version=version,
        content_hash=workflow.content_hash,
        definition=workflow,
    )


def _shared(workflow: str, fields: Fields) -> dict[str, Any]:
    name, description, labels, metadata = codec.decode(fields["about"])
    return {
        "id": workflow,
        "latest": int(fields["latest"]),
        "versions": int(fields["versions"]),
        "status": WorkflowStatus(fields["status"].decode()),
        "created_at": instant(int(fields["created"])),
        "updated_at": instant(int(fields["updated"])),
        "name": name,
        "description": description,
        "labels": labels,
        "metadata": metadata,
    }


def unknown_workflow(workflow: str, namespace: str) -> NotFound:
    """Say that nothing is registered under an id."""
    return NotFound(
        f"workflow {workflow!r} is not registered in namespace {namespace!r}",
        hint="call register_workflow first; again, if a registration was cut short",
    )


def unknown_version(workflow: str, version: int, namespace: str) -> NotFound:
    """Say that a workflow has no such version."""
    return NotFound(
        f"workflow {workflow!r} has no version {version} in namespace {namespace!r}",
        hint="leave the version out to run the latest",
    )
