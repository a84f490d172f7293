"""Whether values of one annotation could ever become values of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_origin

from msgspec import inspect as types

from redflow.model.annotations import UNSAID, Unresolved, members, shown
from redflow.model.outcome import AwaitingSignal, Branch, Failed, Sleeping, StartingChild
from redflow.nodes.converting import is_model

DEPTH = 5
"""Levels of fields that are compared."""

_UNTOLD = (Branch, Failed, Sleeping, AwaitingSignal, StartingChild)
"""Results that say nothing of the output."""

_NUMBERS = {"int", "float", "decimal"}
# What a type is as a value, and what else becomes it.
_KINDS: dict[type, tuple[str, set[str]]] = {
    types.NoneType: ("null", set()),
    types.BoolType: ("bool", set()),
    types.IntType: ("int", set()),
    types.FloatType: ("float", _NUMBERS),
    types.StrType: ("str", set()),
    types.BytesType: ("bytes", {"str"}),
    types.ByteArrayType: ("bytes", {"str"}),
    types.DateTimeType: ("datetime", {"str"}),
    types.DateType: ("date", {"str", "datetime"}),
    types.TimeType: ("str", set()),
    types.TimeDeltaType: ("timedelta", {"str", *_NUMBERS}),
    types.UUIDType: ("uuid", {"str", "bytes"}),
    types.DecimalType: ("decimal", {"str", *_NUMBERS}),
    types.DictType: ("map", set()),
    types.TypedDictType: ("map", set()),
    types.DataclassType: ("map", set()),
    types.StructType: ("map", set()),
    types.ListType: ("list", set()),
    types.SetType: ("list", set()),
    types.FrozenSetType: ("list", set()),
    types.VarTupleType: ("list", set()),
    types.TupleType: ("list", set()),
    types.NamedTupleType: ("list", set()),
}
_OF_VALUES = {bool: "bool", int: "int", str: "str", float: "float", type(None): "null"}


@dataclass(frozen=True, slots=True)
class Field:
    """A value in a map: its forms, None when they are not known; whether it is always there."""

    forms: Forms
    required: bool = True


@dataclass(frozen=True, slots=True)
class Form:
    """One shape of a value. `closed`: a map that has no other keys than `fields`."""

    name: str
    kinds: frozenset[str]
    fields: Mapping[str, Field] = field(default_factory=dict)
    closed: bool = False


Forms = tuple[Form, ...] | None
"""The shapes a value may have; None: any."""


def given_by(annotation: Any) -> Forms:
    """Return the forms of what a function returns."""
    if any((get_origin(part) or part) in _UNTOLD for part in _parts(annotation)):
        return None
    return _forms(annotation, wanted=False)


def taken_by(annotation: Any) -> Forms:
    """Return the forms of values that can become what a parameter asks for."""
    return _forms(annotation, wanted=True)


def clash(given: Forms, wanted: Forms, at: str = "") -> str | None:
    """Say why nothing that is given can be what is wanted; None when something may."""
    if given is None or wanted is None:
        return None
    first = None
    for one in given:
        for other in wanted:
            cause = _clash(one, other, at)
            if cause is None:
                return None
            first = first or cause
    return first


def _clash(given: Form, wanted: Form, at: str) -> str | None:
    if not given.kinds & wanted.kinds:
        what = f"its field {at}" if at else "it"
        return f"{what} is {given.name}, where {wanted.name} is asked for"
    if given.kinds != {"map"} or wanted.kinds != {"map"}:
        return None
    for name, asked in wanted.fields.items():
        path = f"{at}.{name}" if at else name
        known = given.fields.get(name)
        if known is None:
            if given.closed and asked.required:
                return f"it has no field {path}"
        elif known.required and (cause := clash(known.forms, asked.forms, path)):
            return cause
    return None


def _parts(annotation: Any) -> list[Any]:
    return [] if isinstance(annotation, Unresolved) else list(members(annotation))


def _forms(annotation: Any, *, wanted: bool) -> Forms:
    if annotation is UNSAID or isinstance(annotation, Unresolved):
        return None
    found: list[Form] = []
    for part in members(annotation):
        try:
            forms = _of_type(types.type_info(part), wanted, DEPTH)
        except Exception:  # what msgspec cannot describe is not judged
            return None
        if forms is None:
            return None
        found += [_named(form, part) for form in forms]
    return tuple(found)


def _named(form: Form, annotation: Any) -> Form:
    return Form(shown(annotation), form.kinds, form.fields, form.closed)


def _of_type(found: types.Type, wanted: bool, depth: int) -> Forms:
    if depth == 0:
        return None
    if isinstance(found, types.Metadata):
        return _of_type(found.type, wanted, depth)
    if isinstance(found, types.UnionType):
        parts = [_of_type(part, wanted, depth) for part in found.types]
        return None if None in parts else tuple(form for part in parts for form in part or ())
    if isinstance(found, (types.LiteralType, types.EnumType)):
        values = found.values if isinstance(found, types.LiteralType) else _values(found.cls)
        kinds = frozenset(_OF_VALUES.get(type(value), "") for value in values)
        return None if "" in kinds else (Form(_name_of(found), kinds),)
    if isinstance(found, types.CustomType):
        known = is_model(found.cls) and _is_map(found.cls)
        return (Form(shown(found.cls), frozenset({"map"})),) if known else None
    kind, others = _KINDS.get(type(found), ("", set()))
    if not kind or getattr(found, "array_like", False):
        return None
    kinds = frozenset({kind, *others} if wanted else {kind})
    return (Form(_name_of(found), kinds, _fields(found, wanted, depth), _is_closed(found)),)


def _fields(found: types.Type, wanted: bool, depth: int) -> dict[str, Field]:
    if not isinstance(found, (types.StructType, types.DataclassType, types.TypedDictType)):
        return {}
    return {
        one.encode_name: Field(_of_type(one.type, wanted, depth - 1), one.required)
        for one in found.fields
    }


def _is_closed(found: types.Type) -> bool:
    """Whether its values have no other fields: of a class that nobody has extended."""
    if not isinstance(found, (types.StructType, types.DataclassType)):
        return False
    kind = get_origin(found.cls) or found.cls
    return not kind.__subclasses__()


def _is_map(model: Any) -> bool:
    """Whether a pydantic model is read from maps and written as one, whatever its validators."""
    decorators = getattr(model, "__pydantic_decorators__", None)
    own = [getattr(decorators, kind, None) for kind in ("model_validators", "model_serializers")]
    return not any(own) and "root" not in getattr(model, "model_fields", {"root": None})


def _values(kind: Any) -> list[Any]:
    return [member.value for member in kind]


def _name_of(found: types.Type) -> str:
    kind = getattr(found, "cls", None)
    if kind is not None:
        return shown(kind)
    return type(found).__name__.removesuffix("Type").lower()
