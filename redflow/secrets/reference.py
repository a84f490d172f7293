"""What a definition says of a secret: `{"$secret": "name"}`, and nothing in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from redflow.errors import InvalidInput
from redflow.secrets.names import NAME, check_secret_name

KEY = "$secret"


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A secret by its name; its value is looked up on the worker while a step runs."""

    name: Annotated[str, msgspec.Meta(pattern=f"^{NAME}$")] = msgspec.field(name=KEY)

    def __post_init__(self) -> None:
        check_secret_name(self.name)


def check_references(model: type[msgspec.Struct], config: Mapping[str, Any]) -> None:
    """Check what a config says of secrets; raises InvalidInput, which never shows a literal."""
    refuse_literals(model, config)
    secrets_in(config)


def secrets_in(config: Any) -> list[tuple[str, Secret]]:
    """Return every reference in a config with its JSON pointer.

    Raises InvalidInput for a map with `$secret` that is none: with other keys beside it, or with a
    name that no secret can have, such as an expression: data do not choose secrets.
    """
    return list(_references(config, ""))


def _references(value: Any, pointer: str) -> Iterator[tuple[str, Secret]]:
    if isinstance(value, Secret):
        yield pointer, value
    elif isinstance(value, Mapping) and KEY in value:
        yield pointer, _read(value, pointer)
    else:
        for key, item in children(value):
            yield from _references(item, child_pointer(pointer, key))


def _read(value: Mapping[str, Any], pointer: str) -> Secret:
    if len(value) > 1:
        raise InvalidInput(
            f"{pointer or '/'}: a reference to a secret has other keys beside {KEY!r}",
            field=pointer,
            hint='write {"$secret": "name"} and nothing else',
        )
    try:
        return Secret(value[KEY])
    except InvalidInput as error:
        raise InvalidInput(
            f"{pointer or '/'}: {error.args[0]}",
            field=pointer,
            hint="name the secret itself; a name cannot be an expression",
        ) from None


def children(value: Any) -> Iterator[tuple[str | int, Any]]:
    """Yield what a map or a list holds, with its key or place."""
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)


def child_pointer(pointer: str, key: object) -> str:
    """Go one step down in an RFC 6901 pointer."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"


@cache
def secret_fields(model: type[msgspec.Struct]) -> frozenset[str]:
    """Return the fields of a config model that take a secret and no text."""
    hints = get_type_hints(model)
    return frozenset(
        one.encode_name for one in msgspec.structs.fields(model) if _only_secret(hints[one.name])
    )


def _only_secret(hint: Any) -> bool:
    kinds = set(get_args(hint)) if get_origin(hint) in (Union, UnionType) else {hint}
    return Secret in kinds and kinds <= {Secret, type(None)}


def refuse_literals(model: type[msgspec.Struct], config: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a text where only a reference may stand; the error never shows it."""
    for field in sorted(secret_fields(model) & config.keys()):
        if isinstance(config[field], (str, bytes)):
            raise InvalidInput(
                f"field {field!r} takes the name of a secret, never the secret itself",
                field=field,
                hint=f'write "{field}": {{"{KEY}": "NAME"}}, and: redflow secret set NAME',
            )
