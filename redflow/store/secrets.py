"""Questions about the secrets of a namespace; what is sealed was sealed by whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redflow.errors import StoreError
from redflow.store.op import Op, command
from redflow.store.space import Space

_ABOUT = "a:"


@dataclass(frozen=True, slots=True)
class RawSecret:
    """What is shown of a secret; times in ms."""

    name: str
    created: int
    updated: int
    hosts: tuple[str, ...]


def put_secret(space: Space, name: str, *, sealed: bytes, hosts: Sequence[str]) -> Op[str]:
    """Keep a secret; answers created, replaced, or full when there are as many as may be."""
    return space.op(
        "put_secret",
        None,
        bytes.decode,
        secrets=space.keys.secrets,
        name=name,
        sealed=sealed,
        hosts=",".join(hosts),
    )


def delete_secret(space: Space, name: str) -> Op[bool]:
    """Forget a secret; answers whether there was one."""
    return space.op("delete_secret", None, bool, secrets=space.keys.secrets, name=name)


def read_secret(space: Space, name: str) -> Op[bytes | None]:
    """The sealed value of a secret; None when there is none."""
    return command("read_secret", "HGET", space.keys.secrets, f"v:{name}", parse=_maybe_bytes)


def list_secrets(space: Space) -> Op[list[str]]:
    """Names of all secrets, sorted."""
    return command("list_secrets", "HKEYS", space.keys.secrets, parse=_names)


def read_secrets(space: Space, names: Sequence[str]) -> Op[list[RawSecret]]:
    """What is shown of secrets; those that are gone meanwhile are left out."""
    fields = [f"{_ABOUT}{name}" for name in names]
    return command(
        "read_secrets",
        "HMGET",
        space.keys.secrets,
        *fields,
        parse=lambda reply: [
            _secret(name, about)
            for name, about in zip(names, reply, strict=True)
            if about is not None
        ],
    )


def _names(reply: list[bytes]) -> list[str]:
    fields = (field.decode() for field in reply)
    return sorted(field.removeprefix(_ABOUT) for field in fields if field.startswith(_ABOUT))


def _secret(name: str, about: bytes) -> RawSecret:
    try:
        created, updated, hosts = about.decode().split(" ")
        listed = tuple(hosts.split(",")) if hosts else ()
        return RawSecret(name, int(created), int(updated), listed)
    except ValueError:
        raise StoreError(
            f"what is stored of secret {name!r} is not what redflow writes",
            hint="store it again: redflow secret set",
        ) from None


def _maybe_bytes(reply: Any) -> bytes | None:
    return None if reply is None else bytes(reply)
