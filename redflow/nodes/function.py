"""The `function` node: calls a registered Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from redflow import defaults
from redflow.errors import InvalidInput
from redflow.nodes.base import NodeConfig, NodeType, NotOffered, Runner, Where

if TYPE_CHECKING:
    from redflow.model.retry import RetryPolicy
    from redflow.nodes.registry import Registry

Run = Literal["auto", "thread", "process"]


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


class FunctionNode(NodeType):
    """Calls the function named in the config with `(ctx, input)` or `(input)`."""

    type = "function"

    class Config(NodeConfig, frozen=True):
        """`function` is the name it was registered under."""

        function: str

    def runner(self, config: Mapping[str, Any], registry: Registry) -> Runner:
        """Prepare the call; raises NotOffered when this process does not offer it."""
        name = self.read_config(config).function
        function = registry.functions.get(name)
        if function is None:
            raise NotOffered(
                f"function {name!r} is not registered in this worker",
                hint="start a worker whose engine registers it",
            )
        call = function.call
        if function.wants_context:
            return Runner(lambda ctx: call(ctx, ctx.input), function.where, function.timeout, name)
        return Runner(lambda ctx: call(ctx.input), function.where, function.timeout, name, call)


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
    wants_context = _positional(call, name) == 2
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


def _positional(call: Callable[..., Any], name: str) -> int:
    """How many of (ctx, input) a function takes."""
    if not callable(call):
        raise InvalidInput(f"function {name!r} is a {type(call).__name__}, which cannot be called")
    try:
        signature = inspect.signature(call)
    except ValueError:
        raise InvalidInput(
            f"function {name!r} does not tell its parameters",
            hint="wrap it in a function with one parameter, the input",
        ) from None
    for count, arguments in ((2, (None, None)), (1, (None,))):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        if count == 1 or _requires_two(signature):
            return count
    raise InvalidInput(
        f"function {name!r} has the signature {signature}",
        hint="a step is called with (ctx, input) or (input)",
    )


def _requires_two(signature: inspect.Signature) -> bool:
    """Whether the second argument is meant for us: required, or the first is called ctx."""
    parameters = list(signature.parameters.values())
    second = parameters[1] if len(parameters) > 1 else parameters[0]
    return second.default is inspect.Parameter.empty or parameters[0].name in ("ctx", "context")
