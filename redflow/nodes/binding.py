"""How a function is called: what its parameters are for, and of which types they are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from inspect import Parameter
from typing import Any

from redflow.errors import InvalidInput
from redflow.model.annotations import UNSAID, Unresolved, resolve, returned_by, shown
from redflow.model.undo import Undo
from redflow.nodes.base import UnfitInput, Where
from redflow.nodes.context import Context
from redflow.nodes.converting import (
    Convert,
    Unsupported,
    admits_none,
    converter,
    is_plain,
    plain,
)
from redflow.nodes.signatures import NAMED, Signature, Takes, key_of, read_signature

How = tuple[Takes, bool]
"""What a child process needs to know: what a function takes, and whether it undoes."""


class Binding:
    """How one function is called; its annotations are looked up when first needed, once."""

    def __init__(
        self, name: str, call: Callable[..., Any], signature: Signature, *, undoes: bool = False
    ) -> None:
        self.name = name
        self.call = call
        self.signature = signature
        self.undoes = undoes
        """Whether an input without annotation becomes an Undo."""

    @cached_property
    def annotations(self) -> dict[str, Any]:
        """What is said of each parameter that takes of the input."""
        found = {p.name: resolve(self.call, p.annotation) for p in self.signature.parameters}
        if self.undoes and self.signature.takes == "input":
            return {name: Undo if said is UNSAID else said for name, said in found.items()}
        return found

    @cached_property
    def returns(self) -> Any:
        """What is said of the result."""
        return returned_by(self.call)

    @cached_property
    def _returns_plain(self) -> bool:
        return isinstance(self.returns, Unresolved) or is_plain(self.returns)

    def convert(self, parameter: str) -> Convert | None:
        """What makes the values of a parameter; raises InvalidInput when nothing can."""
        said = self.annotations[parameter]
        if isinstance(said, Unresolved):
            raise InvalidInput(
                f"the annotation {said.text!r} of parameter {parameter!r} of function"
                f" {self.name!r} cannot be looked up: {said.cause}",
                hint="define or import it where the function's module sees it at run time",
            )
        try:
            return converter(said)
        except Unsupported as error:
            raise InvalidInput(
                f"the annotation {shown(said)} of parameter {parameter!r} of function"
                f" {self.name!r} cannot take an input: {error}",
                hint="take a dataclass, a msgspec.Struct, a pydantic model or a plain type",
            ) from None

    def step(self, where: Where) -> Callable[[Context], Any]:
        """Return what runs a step on the loop or in a thread; raises InvalidInput."""
        run = self._called()
        if self._returns_plain:
            return run
        return _plainly_awaited(run) if where == "loop" else lambda ctx: plain(run(ctx))

    def in_child(self) -> Callable[[Any], Any]:
        """Return what runs a step in a child process, given its input; raises InvalidInput."""
        call, fill, is_done = self.call, self._filled(), self._returns_plain

        def run(value: Any) -> Any:
            placed, named = fill(value)
            result = call(*placed, **named)
            return result if is_done else plain(result)

        return run

    def _called(self) -> Callable[[Context], Any]:
        """What calls the function; without annotations nothing stands between."""
        call, context, takes = self.call, self.signature.context, self.signature.takes
        if takes == "nothing":
            return call if context else lambda ctx: call()
        if takes == "names":
            return self._by_name()
        read = self._reading()
        if read is None:
            return (lambda ctx: call(ctx, ctx.input)) if context else lambda ctx: call(ctx.input)
        if context:
            return lambda ctx: call(ctx, read(ctx.input))
        return lambda ctx: call(read(ctx.input))

    def _by_name(self) -> Callable[[Context], Any]:
        call, context, fill = self.call, self.signature.context, self._filled()

        def run(ctx: Context) -> Any:
            placed, named = fill(ctx.input)
            return call(ctx, *placed, **named) if context else call(*placed, **named)

        return run

    def _reading(self) -> Convert | None:
        """What makes the input of a function that takes it whole."""
        if not self.signature.parameters:
            return None  # only *args
        parameter = self.signature.parameters[0].name
        return self._telling(parameter, self.convert(parameter))

    def _telling(self, parameter: str, convert: Convert | None) -> Convert | None:
        if convert is None:
            return None
        wanted, whole = shown(self.annotations[parameter]), self.signature.takes == "input"
        what = "its input" if whole else f"the value for {parameter!r}"

        def read(value: Any) -> Any:
            try:
                return convert(value)
            except Exception as error:
                raise UnfitInput(
                    f"function {self.name!r} asks for {parameter}: {wanted}, and {what} does not"
                    f" fit: {error}",
                    field=parameter,
                ) from error

        return read

    def _filled(self) -> Callable[[Any], tuple[list[Any], dict[str, Any]]]:
        """What makes the arguments of an input: those by place and those by name."""
        if self.signature.takes == "nothing":
            return lambda value: ([], {})
        if self.signature.takes == "input":
            read = self._reading()
            return lambda value: ([value if read is None else read(value)], {})
        fields = [self._field(parameter) for parameter in self.signature.parameters]
        placed = [
            take for parameter, take in fields if parameter.kind is not Parameter.KEYWORD_ONLY
        ]
        named = {p.name: take for p, take in fields if p.kind is Parameter.KEYWORD_ONLY}

        def fill(value: Any) -> tuple[list[Any], dict[str, Any]]:
            if not isinstance(value, Mapping):
                names = ", ".join(parameter.name for parameter, _ in fields)
                raise UnfitInput(
                    f"function {self.name!r} takes {names} by name, and its input is a"
                    f" {type(value).__name__}, not a map"
                )
            by_name = {name: take(value) for name, take in named.items()}
            return [take(value) for take in placed], by_name

        return fill

    def _field(self, parameter: Parameter) -> tuple[Parameter, Convert]:
        """What takes the value of one parameter from the input."""
        name, default = parameter.name, parameter.default
        said = self.annotations[name]
        read = self._telling(name, self.convert(name))
        if default is UNSAID and admits_none(said):
            default = None

        def take(value: Mapping[str, Any]) -> Any:
            key = key_of(name, value)
            if key is not None:
                return value[key] if read is None else read(value[key])
            if default is not UNSAID:
                return default
            raise UnfitInput(
                f"function {self.name!r} asks for {name}, and its input has no {name!r}",
                field=name,
                hint=f"write {name}: ... | None if its node may be skipped",
            )

        return parameter, take


def _plainly_awaited(
    run: Callable[[Context], Coroutine[Any, Any, Any]],
) -> Callable[[Context], Coroutine[Any, Any, Any]]:
    async def step(ctx: Context) -> Any:
        return plain(await run(ctx))

    return step


class Remote:
    """A function of an input, which a child process finds by its name, with how it is called."""

    def __init__(self, binding: Binding) -> None:
        self.__module__ = binding.call.__module__
        self.__qualname__: str = getattr(binding.call, "__qualname__", "")
        self.how: How = (binding.signature.takes, binding.undoes)
        self._binding = binding

    def __call__(self, value: Any) -> Any:
        return self._binding.in_child()(value)


def bound_in_child(call: Callable[..., Any], how: How | None) -> Callable[[Any], Any]:
    """Return what runs a step in this child process, given its input; raises InvalidInput."""
    name = getattr(call, "__qualname__", repr(call))
    signature = read_signature(call, name, alone=True)
    takes, undoes = how or (signature.takes, False)
    if takes == "names" != signature.takes:  # for what it is called with there, that was known
        named = tuple(p for p in inspect.signature(call).parameters.values() if p.kind in NAMED)
        signature = Signature(False, "names", named)
    return Binding(name, call, signature, undoes=undoes).in_child()
