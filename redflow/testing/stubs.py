"""Stubs: what steps get in place of a function or a node type, and what they were called with."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from redflow.errors import InvalidInput
from redflow.nodes.context import Context
from redflow.nodes.function import Function, inspect_function

Target = Literal["function", "node", "node type"]
Raised = BaseException | type[BaseException]


@dataclass(frozen=True, slots=True)
class Call:
    """One time a step was run; a step that goes on after a wait was called once."""

    execution: str
    node: str
    attempt: int
    input: Any
    idempotency_key: str


class Stub:
    """Stands for a function, a node or a node type: raises first, then answers.

    `calls` is what it was called with, in order.
    """

    def __init__(
        self,
        target: Target,
        name: str,
        *,
        returns: Any = None,
        raises: Raised | Sequence[Raised] = (),
        side_effect: Callable[..., Any] | None = None,
        hangs: int = 0,
    ) -> None:
        self.target = target
        self.name = name
        self.calls: list[Call] = []
        self._returns = returns
        self._raises = _errors(raises)
        self._effect: Callable[[Context], Any] | None = None
        self._hangs = hangs
        if side_effect is not None:
            if returns is not None:
                raise InvalidInput(
                    f"the stub of {target} {name!r} has both returns and side_effect",
                    field="side_effect",
                    hint="let side_effect return the value",
                )
            where, wants_context = inspect_function(side_effect, "auto", "side_effect")
            function = Function("side_effect", side_effect, where, wants_context)
            self._effect = function.binding.step(where)

    @property
    def count(self) -> int:
        """How often it was called."""
        return len(self.calls)

    async def answer(self, ctx: Context, call: Call, hang: Callable[[Context], None]) -> Any:
        """What this call gives; `hang` is told before a call that never returns."""
        self.calls.append(call)
        if self._hangs:
            self._hangs -= 1
            hang(ctx)
            await asyncio.get_running_loop().create_future()
        if self._raises:
            error = self._raises.pop(0)
            raise error() if isinstance(error, type) else error
        if self._effect is None:
            return self._returns
        value = self._effect(ctx)
        return await value if inspect.isawaitable(value) else value

    def __repr__(self) -> str:
        return f"<Stub of {self.target} {self.name!r}, called {self.count} times>"


def _errors(raises: Raised | Sequence[Raised]) -> list[Raised]:
    found = [raises] if isinstance(raises, (BaseException, type)) else list(raises)
    for error in found:
        if not _is_error(error):
            raise InvalidInput(f"raises has {error!r}, which is no exception", field="raises")
    return found


def _is_error(value: object) -> bool:
    if isinstance(value, type):
        return issubclass(value, BaseException)
    return isinstance(value, BaseException)
