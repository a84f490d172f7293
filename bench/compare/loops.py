"""The loop that a process runs: uvloop when its environment has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the fastest loop that is installed."""
    make: Callable[[], asyncio.AbstractEventLoop] | None = None
    if find_spec("uvloop"):
        make = import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=make) as runner:
        return runner.run(main)
