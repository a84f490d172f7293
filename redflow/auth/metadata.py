"""What a provider is told beside resource and action: the metadata of the workflow meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

NOTHING: Mapping[str, Any] = {}

_metadata: ContextVar[Mapping[str, Any] | None] = ContextVar("redflow_metadata", default=None)


def workflow_metadata() -> Mapping[str, Any]:
    """Return the metadata of the workflow that is asked about, or of the execution's workflow.

    For a provider, inside `check_access`. A workflow that is being registered for the first time
    shows the metadata it is to have, an existing one those it has. Empty where no workflow is
    meant, and where there is none.
    """
    return _metadata.get() or NOTHING


@contextmanager
def deciding(metadata: Mapping[str, Any]) -> Iterator[None]:
    """Mark that a provider is asked: what it asks of the client itself is not asked about again."""
    token = _metadata.set(metadata)
    try:
        yield
    finally:
        _metadata.reset(token)


def is_deciding() -> bool:
    """Say whether a provider is being asked here."""
    return _metadata.get() is not None
