"""Secrets as they are kept in Redis: value and hosts sealed together, for their place alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from redflow.errors import StoreError
from redflow.secrets.values import SecretValue

if TYPE_CHECKING:
    from redflow.crypto.crypto import Crypto


class _Sealed(msgspec.Struct, array_like=True, frozen=True):
    value: str
    hosts: tuple[str, ...]


def seal_secret(crypto: Crypto, namespace: str, secret: SecretValue) -> bytes:
    """Encrypt a secret; whoever moves it to another name or namespace cannot open it there."""
    plain = msgspec.msgpack.encode(_Sealed(secret.value, secret.hosts))
    return crypto.seal(plain, _origin(namespace, secret.name))


def open_secret(crypto: Crypto, namespace: str, name: str, sealed: bytes) -> SecretValue:
    """Decrypt a secret; raises what `Crypto.open` raises."""
    plain = crypto.open(sealed, _origin(namespace, name))
    try:
        found = msgspec.msgpack.decode(plain, type=_Sealed)
    except msgspec.MsgspecError:  # its text may hold the value
        raise StoreError(
            f"secret {name!r} of namespace {namespace!r} has a form this redflow does not know",
            hint="store it again: redflow secret set",
        ) from None
    return SecretValue(found.value, found.hosts, name)


def _origin(namespace: str, name: str) -> bytes:
    """Name the one place where the sealed bytes count; lengths keep the parts apart."""
    parts = (part.encode() for part in (namespace, name))
    return b"secret" + b"".join(len(part).to_bytes(2, "big") + part for part in parts)
