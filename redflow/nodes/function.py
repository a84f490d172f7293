"""The `function` node: calls a registered Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from redflow import defaults
from redflow.errors import InvalidInput
from redflow.model.decorators import Run
from redflow.nodes.base import NodeConfig, NodeType, NotOffered, Runner, Where
from redflow.nodes.binding import Binding, Remote
from redflow.nodes.signatures import read_signature

if TYPE_CHECKING:
    from redflow.model.retry import RetryPolicy
    from redflow.nodes.registry import Registry


@dataclass(frozen=True, slots=True)
class Function:
    """A registered function and the defaults of the nodes that call it."""

    name: str
    call: Callable[..., Any]
    where: Where
    wants_context: bool
    labels: tuple[str, ...] = ()
    timeout: float | None = defaults.FUNCTION_TIMEOUT
    retry: RetryPolicy | None = None
    queue: str | None = None
    bound: Binding | None = None
    """How it is called, where more is known than the function itself says."""

    @property
    def binding(self) -> Binding:
        """How it is called, and what its annotations ask for."""
        if self.bound is None:
            signature = read_signature(self.call, self.name, alone=self.where == "process")
            object.__setattr__(self, "bound", Binding(self.name, self.call, signature))
        assert self.bound is not None
        return self.bound


class FunctionNode(NodeType):
    """Calls the function named in the config, with what its parameters ask for."""

    type = "function"

    class Config(NodeConfig, frozen=True):
        """`function` is the name it was registered under."""

        function: str

    def runner(self, config: Mapping[str, Any], registry: Registry) -> Runner:
        """Prepare the call; raises NotOffered when this process does not offer it.

        InvalidInput when an annotation says nothing that an input could become.
        """
        name = self.read_config(config).function
        function = registry.functions.get(name)
        if function is None:
            raise NotOffered(
                f"function {name!r} is not registered in this worker",
                hint="start a worker whose engine registers it",
            )
        run = function.binding.step(function.where)
        remote = Remote(function.binding) if function.where == "process" else None
        return Runner(run, function.where, function.timeout, name, remote)


def inspect_function(call: Callable[..., Any], run: Run, name: str) -> tuple[Where, bool]:
    """Where a function runs, and whether it takes the context first; raises InvalidInput."""
    if run not in get_args(Run):
        raise InvalidInput(f"run is {run!r}, not one of {', '.join(get_args(Run))}", field="run")
    is_coroutine = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        getattr(call, "__call__", None)  # noqa: B004 - an object with an async __call__
    )
    if is_coroutine and run != "auto":
        raise InvalidInput(
            f"function {name!r} is a coroutine function: it runs on the loop, not in a {run}"
        )
    wants_context = read_signature(call, name, alone=run == "process").context
    if run == "process" and wants_context:
        raise InvalidInput(
            f"function {name!r} runs in a child process, where there is no context",
            hint="give it one parameter, the input",
        )
    if run == "process" and not _importable(call):
        raise InvalidInput(
            f"function {name!r} runs in a child process, which must be able to import it",
            hint="define it at the top level of a module",
        )
    if run == "auto":
        return ("loop" if is_coroutine else "thread"), wants_context
    return run, wants_context


def _importable(call: Callable[..., Any]) -> bool:
    """Whether another process finds it by its name: no lambda, closure or method of an object."""
    owner = getattr(call, "__self__", None)
    return (
        "<" not in getattr(call, "__qualname__", "<")
        and isinstance(getattr(call, "__module__", None), str)
        and (owner is None or inspect.isclass(owner) or inspect.ismodule(owner))
    )
