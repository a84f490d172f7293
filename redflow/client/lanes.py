"""Calls within calls: what a call that was let through asks of its own client is not asked about.

It holds for the task, or the thread, that makes the call, and for the door it came in by: not for
tasks started meanwhile, nor for another client.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_inside: ContextVar[tuple[object, object] | None] = ContextVar("redflow_inside", default=None)


def is_inside(door: object) -> bool:
    """Say whether this task or thread came in by a door."""
    found = _inside.get()
    return found is not None and found[0] is door and found[1] == _lane()


@contextmanager
def inside(door: object) -> Iterator[None]:
    """Be inside until the call ends."""
    token = _inside.set((door, _lane()))
    try:
        yield
    finally:
        _inside.reset(token)


def _lane() -> object:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs here
        task = None
    return threading.get_ident() if task is None else task
