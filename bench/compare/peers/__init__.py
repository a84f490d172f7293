"""The task queues that are compared, one file each; every file imports without its package."""

from __future__ import annotations

from importlib import import_module

from bench.compare.peers.base import Kind

OURS = "redflow"
NAMES = (
    OURS, "saq", "docket", "taskiq", "arq", "dramatiq", "streaq", "celery", "rq", "bullmq",
)  # fmt: skip


def kind_of(name: str) -> type[Kind]:
    """Return the class of a peer."""
    found: type[Kind] = import_module(f"bench.compare.peers.{name}").PEER
    return found
