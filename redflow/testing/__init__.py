"""Runs a user's own workflows in milliseconds: production scripts and worker, a clock that jumps.

May import everything below `cli`. `environment.py` is what a test holds, `staff.py` the worker
without its background parts, `clock.py` the time that scripts see, `stubs.py` and `offer.py` what
steps call, `faults.py` what goes wrong, `run.py` and `history.py` what a test looks at, `plugin.py`
the fixtures. Names are lazy: pytest imports the plugin wherever redflow is installed.
Read first: `environment.py`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redflow.testing.environment import Environment as Environment
    from redflow.testing.history import Event as Event
    from redflow.testing.history import History as History
    from redflow.testing.run import Run as Run
    from redflow.testing.stubs import Call as Call
    from redflow.testing.stubs import Stub as Stub

_HOMES = {
    "Call": "redflow.testing.stubs",
    "Environment": "redflow.testing.environment",
    "Event": "redflow.testing.history",
    "History": "redflow.testing.history",
    "Run": "redflow.testing.run",
    "Stub": "redflow.testing.stubs",
}

__all__ = [*_HOMES]  # noqa: PLE0604 - the table is the one place


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
