"""Queues, workers, secrets and load, as the API shows them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from redflow.api.documents.filling import filled
from redflow.model.operations import Pause, QueueInfo, Scope, WorkerInfo


class PauseDocument(msgspec.Struct, frozen=True):
    """What is paused, and by whom, why and since when as far as that was noted."""

    scope: Scope
    name: str
    by: str
    reason: str
    since: datetime | None


class QueueDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A queue: steps nobody has claimed, steps that run, live workers, its own pause."""

    name: str
    waiting: int
    running: int
    workers: int
    paused: PauseDocument | None


class Queues(msgspec.Struct, frozen=True):
    """The queues of a namespace by name."""

    items: list[QueueDocument]


class WorkerDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as its heartbeats tell; `alive` unless they have stopped for three beats."""

    id: str
    alive: bool
    draining: bool
    last_beat: datetime
    started_at: datetime | None
    queues: list[str]
    functions: list[str]
    types: list[str]
    slots: int
    version: str
    python: str
    host: str
    pid: int


class Workers(msgspec.Struct, frozen=True):
    """The workers that beat lately, by id."""

    items: list[WorkerDocument]


class SecretDocument(msgspec.Struct, frozen=True):
    """A secret that is kept, without its value."""

    name: str
    created_at: datetime
    updated_at: datetime


class Secrets(msgspec.Struct, frozen=True):
    """The secrets of a namespace by name."""

    items: list[SecretDocument]


class Load(msgspec.Struct, frozen=True):
    """What workers have to do: for KEDA's metrics-api scaler, or an HPA adapter.

    `ready` steps wait, `in_flight` ones run, `due_timers` will be ready once a worker sweeps;
    `desired` is how many workers that is work for.
    """

    ready: int
    in_flight: int
    due_timers: int
    desired: int


def queue_of(one: QueueInfo) -> QueueDocument:
    """Show a queue."""
    return filled(QueueDocument, one, {"paused": pause_of(one.paused)})


def pause_of(one: Pause | None) -> PauseDocument | None:
    """Show a pause."""
    return None if one is None else filled(PauseDocument, one, {})


def worker_of(one: WorkerInfo) -> WorkerDocument:
    """Show a worker."""
    lists = {name: list(getattr(one, name)) for name in ("queues", "functions", "types")}
    return filled(WorkerDocument, one, lists)
