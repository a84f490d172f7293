"""What the parameters of a function are for: the context, the input, or values of it by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Literal, TypeVar

from redflow.errors import InvalidInput
from redflow.model.annotations import UNSAID, Unresolved, resolve
from redflow.nodes.context import Context
from redflow.nodes.converting import is_protocol

Takes = Literal["nothing", "input", "names"]
"""Nothing of the input, the input itself, or values of it by name."""

NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_PLACED = (*NAMED[:2], Parameter.VAR_POSITIONAL)
_CONTEXT_NAMES = ("ctx", "context")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function is called with: maybe the context, then what `takes` says."""

    context: bool
    takes: Takes
    parameters: tuple[Parameter, ...] = ()
    """Those that take of the input."""


def read_signature(
    call: Callable[..., Any], name: str, *, parents: Collection[str] = (), alone: bool = False
) -> Signature:
    """Return how to call a function; raises InvalidInput for what is none.

    `parents` are the nodes its step certainly has, when they are known. `alone`: it runs where
    there is no context.
    """
    if not callable(call):
        raise InvalidInput(f"function {name!r} is a {type(call).__name__}, which cannot be called")
    try:
        signature = inspect.signature(call)
    except ValueError:
        raise InvalidInput(
            f"function {name!r} does not tell its parameters",
            hint="wrap it in a function with one parameter, the input",
        ) from None
    every = list(signature.parameters.values())
    named = [one for one in every if one.kind in NAMED]
    placed = [one for one in every if one.kind in _PLACED]
    context = bool(placed) and _is_context(call, placed[0], lone=len(placed) == 1)
    behind = tuple(named[1:] if context else named)
    if _by_name(call, behind, parents, context=context, alone=alone):
        return Signature(context, "names", behind)
    if len(placed) <= context:
        return Signature(context, "nothing")
    for_us = context or len(placed) < 2 or placed[1].default is UNSAID
    given = 2 if for_us and _takes_two(signature) else 1
    taken = tuple(one for one in placed[given - 1 : given] if one.kind in NAMED)
    return Signature(given == 2, "input", taken)


def _is_context(call: Callable[..., Any], parameter: Parameter, *, lone: bool) -> bool:
    """Whether a parameter is for the context: by its annotation, or its name."""
    said = resolve(call, parameter.annotation)
    if isinstance(said, type) and issubclass(said, Context):
        return True
    if isinstance(said, Unresolved) and said.text.rpartition(".")[2] == Context.__name__:
        return True
    return parameter.name in _CONTEXT_NAMES and (not lone or said in (UNSAID, Any))


def _by_name(
    call: Callable[..., Any],
    behind: tuple[Parameter, ...],
    parents: Collection[str],
    *,
    context: bool,
    alone: bool,
) -> bool:
    """Whether the parameters are values of the input by name: what one input could not fill."""
    required = [one for one in behind if one.default is UNSAID]
    if any(one.kind is Parameter.KEYWORD_ONLY for one in required):
        return True
    if len(parents) > 1 and any(key_of(one.name, parents) for one in behind):
        return True
    if len(required) < 2:
        return False
    if context or alone or len(required) > 2:
        return True
    said = resolve(call, behind[0].annotation)
    return not (said in (UNSAID, Any, object) or isinstance(said, TypeVar) or is_protocol(said))


def _takes_two(signature: inspect.Signature) -> bool:
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return True


def key_of(name: str, keys: Collection[str]) -> str | None:
    """Return the key that a parameter takes: its name, where `_` may stand for `-`."""
    if name in keys:
        return name
    return next((key for key in keys if key.replace("-", "_") == name), None)
