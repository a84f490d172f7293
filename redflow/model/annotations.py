"""What a function says of its parameters and of its result."""

import functools
import inspect
from collections.abc import Callable, Iterator
from types import SimpleNamespace, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from redflow.model.outcome import Branch

UNSAID: Final = inspect.Parameter.empty
"""Stands where there is no annotation."""


class Unresolved(NamedTuple):
    """An annotation that names something which is not there (yet)."""

    text: str
    cause: str


def resolve(call: Callable[..., Any], annotation: Any) -> Any:
    """Return an annotation with every name in it looked up: UNSAID, a type or Unresolved."""
    if annotation is UNSAID:
        return UNSAID
    holder = SimpleNamespace(__annotations__={"it": annotation})
    try:
        return get_type_hints(holder, _names_of(call), include_extras=True)["it"]
    except Exception as error:  # looking up a name runs the author's code
        text = annotation if isinstance(annotation, str) else shown(annotation)
        return Unresolved(text, str(error))


def returned_by(call: Callable[..., Any]) -> Any:
    """Return what a function says it returns: UNSAID, a type or Unresolved."""
    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):
        return UNSAID
    return resolve(call, signature.return_annotation)


def labels_of(call: Callable[..., Any]) -> tuple[str, ...]:
    """Return the labels in a function's `-> Branch[Literal["premium", "basic"]]`."""
    found = (
        label
        for part in members(returned_by(call))
        if get_origin(part) is Branch
        for choice in members(get_args(part)[0])
        if get_origin(choice) is Literal
        for label in get_args(choice)
        if isinstance(label, str)
    )
    return tuple(dict.fromkeys(found))


def members(annotation: Any) -> Iterator[Any]:
    """Yield what a union consists of; anything else stands for itself."""
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from members(part)
    else:
        yield annotation


def shown(annotation: Any) -> str:
    """Write an annotation as its author would."""
    if isinstance(annotation, Unresolved):
        return annotation.text
    if annotation is None or annotation is type(None):
        return "None"
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return inspect.formatannotation(annotation).replace("collections.abc.", "")


def _names_of(call: Callable[..., Any]) -> dict[str, Any]:
    """Return the names a function sees: its module's, and what it holds on to from outside."""
    while isinstance(call, functools.partial):
        call = call.func
    call = inspect.unwrap(call)
    function = getattr(call, "__func__", call)
    if not hasattr(function, "__globals__"):
        function = type(function).__dict__.get("__call__", function)
    names = dict(getattr(function, "__globals__", {}))
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    for name, cell in zip(code.co_freevars if code else (), cells or (), strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    return names
