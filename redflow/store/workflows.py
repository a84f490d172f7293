"""Questions about namespaces, workflows and their compiled plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redflow.store.keys import SCHEMA, PartitionKeys
from redflow.store.op import Op, Word, command
from redflow.store.space import Space

PAGE_OF_FIELDS = 500


@dataclass(frozen=True, slots=True)
class Registered:
    """What registering a workflow answered; `plan` is the hash of the latest version."""

    version: int
    latest: int
    revision: int
    plan: str


def put_namespace(space: Space, partitions: int = 0) -> Op[tuple[int, int]]:
    """Create the namespace (0: only ask); answers partitions (0: there is none) and data model."""
    return space.op(
        "put_namespace",
        None,
        tuple,
        namespace=space.keys.namespace_record,
        partitions=partitions,
        schema=SCHEMA,
    )


def put_partition(space: Space, partition: PartitionKeys, queues: Sequence[str]) -> Op[int]:
    """Make sentinels, and groups of the queues; idempotent, answers how many were missing."""
    ready = [partition.ready(queue) for queue in queues]
    return space.op("put_partition", partition, int, ready=ready)


def put_plan(
    space: Space, partition: PartitionKeys, content_hash: str, fields: Mapping[str, Word]
) -> Iterator[Op[str]]:
    """Store a plan page by page, in this order: the last page makes it complete."""
    ordered = [item for item in fields.items() if item[0] != "n"] + [("n", fields["n"])]
    for page in _pages(ordered):
        words = [word for item in page for word in item]
        yield space.op(
            "put_plan", None, bytes.decode, plan=partition.plan(content_hash), fields=words
        )


def _pages(items: Sequence[tuple[str, Word]]) -> Iterator[Sequence[tuple[str, Word]]]:
    for first in range(0, len(items), PAGE_OF_FIELDS):
        yield items[first : first + PAGE_OF_FIELDS]


def put_workflow(
    space: Space,
    workflow: str,
    *,
    content_hash: str,
    status: str,
    about: bytes,
    document: bytes,
    queues: Sequence[str],
) -> Op[Registered]:
    """Register a workflow; content equal to an earlier version answers that version."""
    return space.op(
        "put_workflow",
        None,
        _registered,
        workflow=space.keys.workflow(workflow),
        workflows=space.keys.workflows,
        queues=space.keys.queues,
        id=workflow,
        hash=content_hash,
        status=status,
        about=about,
        document=document,
        names=queues,
    )


def update_workflow(
    space: Space, workflow: str, *, version: int = 0, status: str = ""
) -> Op[tuple[Registered, str] | None]:
    """Change the latest version (0 keeps it) or the status ("" keeps it); answers both as they are.

    None when there is no such workflow or version.
    """
    return space.op(
        "update_workflow",
        None,
        lambda reply: (_registered(reply[:4]), reply[4].decode()) if reply else None,
        workflow=space.keys.workflow(workflow),
        version=version,
        status=status,
    )


def publish_workflow(
    space: Space, partition: PartitionKeys, workflow: str, registered: Registered, status: str
) -> Op[str]:
    """Tell one partition what new executions run; `older` when it knows a later revision."""
    return space.op(
        "publish_workflow",
        None,
        bytes.decode,
        workflow=partition.workflow(workflow),
        plan=registered.plan,
        version=registered.latest,
        status=status,
        revision=registered.revision,
    )


def read_plan(partition: PartitionKeys, content_hash: str) -> Op[bytes | None]:
    """The compiled plan as stored; None when the partition does not have it."""
    return command("read_plan", "HGET", partition.plan(content_hash), "doc", parse=_maybe_bytes)


def read_published(partition: PartitionKeys, workflow: str) -> Op[str | None]:
    """The plan that new executions of a workflow run; None when it is not published."""
    words = ("HGET", partition.workflow(workflow), "plan")
    return command(
        "read_published", *words, parse=lambda reply: None if reply is None else reply.decode()
    )


def read_version(space: Space, workflow: str, version: int) -> Op[tuple[str, bytes] | None]:
    """Plan hash and document of one version."""
    words = ("HMGET", space.keys.workflow(workflow), f"v{version}", f"d{version}")
    return command("read_version", *words, parse=_version)


def read_workflow(space: Space, workflow: str) -> Op[dict[str, bytes]]:
    """Every field of the registry's record but documents; empty when there is none."""
    names = ("latest", "versions", "status", "revision", "created", "updated", "about")
    return command(
        "read_workflow",
        "HMGET",
        space.keys.workflow(workflow),
        *names,
        parse=lambda reply: {n: v for n, v in zip(names, reply, strict=True) if v is not None},
    )


def read_paused(space: Space, workflow: str) -> Op[bool]:
    """Whether a workflow is paused; all partitions are told, the first answers."""
    key = space.keys.partition(0).workflow(workflow)
    return command("read_paused", "HGET", key, "paused", parse=lambda reply: reply == b"1")


def list_workflows(space: Space) -> Op[list[str]]:
    """Ids of all registered workflows, oldest first."""
    words = ("ZRANGE", space.keys.workflows, 0, -1)
    return command("list_workflows", *words, parse=lambda reply: [item.decode() for item in reply])


def _registered(reply: list[Any]) -> Registered:
    version, latest, revision, plan = reply
    return Registered(version, latest, revision, plan.decode())


def _maybe_bytes(reply: Any) -> bytes | None:
    return None if reply is None else bytes(reply)


def _version(reply: Any) -> tuple[str, bytes] | None:
    return None if reply[0] is None else (reply[0].decode(), reply[1])
