"""Values to what an annotation names, and results back to plain values."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec import inspect as types

from redflow.model.annotations import UNSAID, members, shown
from redflow.model.codec import fields_of_model
from redflow.model.outcome import AwaitingSignal, Branch, Failed, Sleeping, StartingChild

Convert = Callable[[Any], Any]
"""Makes a value what an annotation names; raises any exception when it cannot."""

_SCALARS = (str, int, float, bool, bytes, NoneType)
_STORED = (bytes, datetime, date, timedelta, Decimal, UUID)
"""What the codec keeps beside the JSON types."""
_PLAIN = frozenset({*_SCALARS, *_STORED})
_CONTAINERS = frozenset({dict, list, tuple, set, frozenset, Mapping, Sequence})
_EXACT = frozenset({*_SCALARS, dict, list})
_AS_IS = (Failed, Sleeping, AwaitingSignal, StartingChild)


class Unsupported(TypeError):
    """No value of an input can become what an annotation names."""


def converter(annotation: Any) -> Convert | None:
    """Return what makes values of an annotation, None when they stay as they are.

    Raises Unsupported when nothing does.
    """
    if annotation is UNSAID or annotation is Any or annotation is object:
        return None
    if isinstance(annotation, TypeVar) or is_protocol(annotation):
        return None
    whole = _whole(annotation)
    if whole is not None:
        return partial(_checked, whole, annotation)
    try:
        found = types.type_info(annotation)
    except Exception as error:  # looking up names of fields runs the author's code
        return _of_union(annotation, error)
    for custom in customs(found):
        if not (is_model(custom) or inspect.isabstract(custom) or _is_open(custom)):
            raise Unsupported(f"there is no way to make a {shown(custom)}")
    return partial(msgspec.convert, type=annotation, str_keys=True, dec_hook=_decode)


def plain(value: Any) -> Any:
    """Return a result in plain values; what cannot be is left to the codec, which names it."""
    if type(value) in _PLAIN or isinstance(value, _AS_IS):
        return value
    if isinstance(value, Branch):
        return Branch(value.label, plain(value.output))
    try:
        return msgspec.to_builtins(value, builtin_types=_STORED, str_keys=True, enc_hook=_encode)
    except Exception:
        return value


def is_plain(annotation: Any) -> bool:
    """Whether results of this annotation are left to the codec: no model is in them."""
    if annotation in (UNSAID, Any, None):
        return True
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    parts = list(members(annotation))
    if len(parts) > 1:
        return all(map(is_plain, parts))
    if origin in _CONTAINERS:
        return all(is_plain(part) for part in get_args(annotation) if part is not ...)
    return isinstance(annotation, type) and annotation in _PLAIN | _CONTAINERS


def admits_none(annotation: Any) -> bool:
    """Whether an annotation says that the value may be missing."""
    return any(part is None or part is NoneType for part in members(annotation))


def is_protocol(kind: Any) -> bool:
    """Whether it only says what its values look like."""
    return bool(getattr(kind, "_is_protocol", False))


def is_model(kind: Any) -> bool:
    """Whether it is a model of pydantic, which makes and writes its values itself."""
    return isinstance(kind, type) and callable(getattr(kind, "model_validate", None))


def customs(found: types.Type) -> Iterator[Any]:
    """Yield the classes within a type that msgspec leaves to others."""
    todo: list[Any] = [found]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, types.CustomType):
            yield one.cls
        elif isinstance(one, (tuple, list)):
            todo.extend(one)
        elif isinstance(one, (types.Type, types.Field)):
            todo.extend(getattr(one, name) for name in one.__struct_fields__)


def _whole(annotation: Any) -> type | None:
    """Return the one class whose values all fit, whatever they hold: nothing is to be copied."""
    if annotation is None:
        return NoneType
    if isinstance(annotation, type) and annotation in _EXACT and not get_args(annotation):
        return annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (dict, Mapping) and arguments == (str, Any):
        return dict
    return list if origin in (list, Sequence) and arguments == (Any,) else None


def _checked(kind: type, annotation: Any, value: Any) -> Any:
    return value if type(value) is kind else msgspec.convert(value, annotation, str_keys=True)


def _of_union(annotation: Any, error: Exception) -> Convert:
    """Try the members of a union that msgspec cannot tell apart, in the order they are written."""
    parts = list(members(annotation))
    if len(parts) < 2:
        raise Unsupported(str(error)) from error
    converters = [converter(part) for part in parts]

    def convert(value: Any) -> Any:
        causes = []
        for part, one in zip(parts, converters, strict=True):
            try:
                return value if one is None else one(value)
            except Exception as cause:
                causes.append(f"{shown(part)}: {cause}")
        raise ValueError("; ".join(causes))

    return convert


def _is_open(kind: Any) -> bool:
    """Whether stored values may be of it as they are: a base of theirs, or what they look like."""
    if is_protocol(kind):
        return getattr(kind, "_is_runtime_protocol", False)
    known: tuple[type, ...] = (*_SCALARS, dict, list, *_STORED)
    return any(issubclass(one, kind) for one in known)


def _decode(kind: Any, value: Any) -> Any:
    """Make what msgspec does not know; it adds the path to the message."""
    kind = get_origin(kind) or kind
    if is_model(kind):
        try:
            return kind.model_validate(value)
        except sys.modules["pydantic"].ValidationError as error:
            raise ValueError(_told(error)) from None
    if isinstance(value, kind):
        return value
    raise ValueError(f"Expected `{shown(kind)}`, got `{type(value).__name__}`")


def _told(error: Any) -> str:
    """Write the errors of a pydantic model in a line."""
    parts = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        path = ".".join(map(str, one["loc"]))
        parts.append(f"{path}: {one['msg']}" if path else str(one["msg"]))
    return "; ".join(parts)


def _encode(value: Any) -> Any:
    if is_model(type(value)):
        return fields_of_model(value)
    raise TypeError(f"a {type(value).__name__} is no plain value")
