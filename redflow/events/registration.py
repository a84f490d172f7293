"""A handler as it was registered: its name, what it wants, how often it is tried."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from redflow.errors import InvalidInput
from redflow.events.caller import Handler
from redflow.events.choosing import check_types
from redflow.events.subscription import Wanted

Start = Literal["now", "oldest"]
_NAME = re.compile(r"[A-Za-z0-9_.:~-]{1,200}")


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """What is handed to a handler, and how."""

    name: str
    handler: Handler
    wanted: Wanted
    start: Start = "now"
    attempts: int | None = None
    timeout: float | None = None


def registration_of(
    types: Iterable[str] | str | None,
    handler: Handler,
    *,
    name: str | None,
    start: Start,
    attempts: int | None,
    timeout: float | None,
) -> Registration:
    """Check what was given; raises InvalidInput."""
    if not callable(handler):
        raise InvalidInput(f"handler is a {type(handler).__name__}, no function", field="handler")
    if start not in ("now", "oldest"):
        raise InvalidInput('start is neither "now" nor "oldest"', field="start")
    if attempts is not None and attempts < 1:
        raise InvalidInput("attempts is below 1", field="attempts")
    if timeout is not None and timeout <= 0:
        raise InvalidInput("timeout is not above 0 seconds", field="timeout")
    wanted = check_types(types)
    made = name if name is not None else _made_name(types, handler)
    if not _NAME.fullmatch(made):
        raise InvalidInput(
            f"consumer {made[:80]!a} is not 1 to 200 of A-Z a-z 0-9 _ . : ~ -",
            field="name",
            hint="give the handler another name=...",
        )
    return Registration(made, handler, wanted, start, attempts, timeout)


def _made_name(types: Iterable[str] | str | None, handler: Handler) -> str:
    """Name a handler by what it handles and where it is written."""
    module = getattr(handler, "__module__", None)
    function = getattr(handler, "__qualname__", None)
    if module == "__main__":
        module = Path(getattr(sys.modules["__main__"], "__file__", None) or "").stem
    if not module or not function or "<lambda>" in function:
        raise InvalidInput(
            "the handler has no name of its own, so nobody would know it after a restart",
            field="name",
            hint='give it one: name="mail-on-failure"',
        )
    asked = "all" if types is None else types if isinstance(types, str) else ".".join(types)
    return f"{asked}:{module}.{function}".replace("<locals>.", "")
